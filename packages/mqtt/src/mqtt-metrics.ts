/** What the MQTT server counts. Hot paths do `counter.value++` and no more. */

import { Counter, type MetricRegistry } from "@polylog/base/telemetry";
import { packetName } from "@polylog/mqtt-wire";

export interface MqttMetrics {
  /** By packet type, 0..15. Packets that could not be read are not in it. */
  readonly received: readonly Counter[];
  readonly sent: readonly Counter[];
  /** Messages of QoS 0 for a session without a connection. */
  readonly droppedOffline: Counter;
  /** Messages of QoS 0 for a client that does not read fast enough. */
  readonly droppedSlow: Counter;
  /** Messages of QoS 1 and 2 that a full queue in memory had no room for. */
  readonly droppedQueue: Counter;
  /** Messages that expired in a queue in memory. */
  readonly droppedExpired: Counter;
  /** Messages above the Maximum Packet Size of a client. */
  readonly droppedTooLarge: Counter;
  readonly refusedAccess: Counter;
  readonly refusedTopic: Counter;
  readonly refusedStorage: Counter;
  readonly wills: Counter;
  readonly takeOvers: Counter;
  readonly protocolErrors: Counter;
  readonly timeouts: Counter;
  readonly sessionsExpired: Counter;
  /** Connections closed because the client does not read. */
  readonly slowClients: Counter;
  readonly connectionsRefused: Counter;
  /** How often a client was not read for a while, or was disconnected, because it published too fast. */
  readonly tooFast: Counter;
}

const droppedHelp = "Messages that were not delivered to one of their subscribers.";
const refusedHelp = "Messages from clients that were taken and not published.";

export function registerMqttMetrics(metrics: MetricRegistry): MqttMetrics {
  const dropped = (reason: string) => metrics.counter("polylog_mqtt_messages_dropped_total", droppedHelp, { reason });
  const refused = (reason: string) => metrics.counter("polylog_mqtt_messages_refused_total", refusedHelp, { reason });
  return {
    received: countersByType(metrics, "polylog_mqtt_packets_received_total", "Packets received."),
    sent: countersByType(metrics, "polylog_mqtt_packets_sent_total", "Packets sent."),
    droppedOffline: dropped("offline"),
    droppedSlow: dropped("slow"),
    droppedQueue: dropped("queue_full"),
    droppedExpired: dropped("expired"),
    droppedTooLarge: dropped("too_large"),
    refusedAccess: refused("access"),
    refusedTopic: refused("topic"),
    refusedStorage: refused("storage"),
    wills: metrics.counter("polylog_mqtt_wills_published_total", "Wills published."),
    takeOvers: metrics.counter("polylog_mqtt_takeovers_total", "Connections closed by a newer one of the same client."),
    protocolErrors: metrics.counter("polylog_mqtt_protocol_errors_total", "Connections closed because of an error."),
    timeouts: metrics.counter("polylog_mqtt_timeouts_total", "Connections closed for silence."),
    sessionsExpired: metrics.counter("polylog_mqtt_sessions_expired_total", "Sessions that ended for their age."),
    slowClients: metrics.counter("polylog_mqtt_slow_clients_total", "Connections closed because nothing was read."),
    tooFast: metrics.counter("polylog_mqtt_publish_rate_exceeded_total", "Times a client published too fast."),
    connectionsRefused: metrics.counter("polylog_mqtt_connections_refused_total", "Connections above the limit."),
  };
}

function countersByType(metrics: MetricRegistry, name: string, help: string): Counter[] {
  const counters: Counter[] = [];
  for (let type = 0; type < 16; type++) {
    const packet = packetName(type);
    counters.push(packet === undefined ? new Counter() : metrics.counter(name, help, { type: packet }));
  }
  return counters;
}
