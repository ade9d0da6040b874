/** Options for what one MQTT client, its session and all of them together may take of the server. */

import type { OptionTable } from "@polylog/base/options";
import type { WhenFull } from "@polylog/broker/sessions";

const group = "MQTT";
const queueFullChoices = ["drop-oldest", "drop-newest", "refuse"] as const satisfies readonly WhenFull[];

export const mqttLimitOptions = {
  mqttConnectionsMax: {
    flag: "mqtt-max-connections",
    type: "integer",
    unit: "connections",
    min: 1,
    max: 1_000_000,
    default: 100_000,
    group,
    help: "MQTT connections at a time over all listeners; more are closed at once.",
  },
  mqttPacketSizeMax: {
    flag: "mqtt-max-packet-size",
    type: "size",
    min: "1KiB",
    max: 268_435_455,
    default: "1MiB",
    group,
    help: "Largest MQTT packet accepted from a client.",
  },
  mqttKeepAliveMsMax: {
    flag: "mqtt-max-keep-alive",
    type: "duration",
    min: "1s",
    max: "65535s",
    default: "65535s",
    check: findSecondsProblem,
    group,
    help: "Longest keep alive of MQTT 5 clients, also for those that ask for none; 65535s leaves it to them.",
  },
  mqttReceiveMaximum: {
    flag: "mqtt-receive-maximum",
    type: "integer",
    unit: "messages",
    min: 1,
    max: 65_535,
    default: 65_535,
    group,
    help: "Messages of QoS 1 and 2 that one client may have sent and not seen acknowledged.",
  },
  mqttTopicAliasMaximum: {
    flag: "mqtt-topic-alias-maximum",
    type: "integer",
    unit: "aliases",
    min: 0,
    max: 65_535,
    default: 64,
    group,
    help: "Topic aliases per connection and direction; 0 switches them off.",
  },
  mqttSessionExpiryMsMax: {
    flag: "mqtt-max-session-expiry",
    type: "duration",
    min: "0",
    max: "36500d",
    default: "0",
    check: findSecondsProblem,
    group,
    help: "Longest time that a session may outlive its connection; 0 sets no limit.",
  },
  mqttQueuedMessagesMax: {
    flag: "mqtt-max-queued-messages",
    type: "integer",
    unit: "messages",
    min: 1,
    max: 10_000_000,
    default: 10_000,
    group,
    help: "Messages of QoS 1 and 2 that wait for one session.",
  },
  mqttQueuedBytesMax: {
    flag: "mqtt-max-queued-bytes",
    type: "size",
    min: "1KiB",
    max: "64GiB",
    default: "16MiB",
    group,
    help: "Bytes of the messages that wait for one session; at least the largest packet is allowed.",
  },
  mqttPublishRateMax: {
    flag: "mqtt-max-publish-rate",
    type: "integer",
    unit: "messages",
    min: 0,
    max: 10_000_000,
    default: 0,
    group,
    help: "Messages that one client may publish per second; 0 sets no limit.",
  },
  mqttPublishBytesRateMax: {
    flag: "mqtt-max-publish-bytes-rate",
    type: "size",
    min: "0",
    max: "64GiB",
    default: "0",
    group,
    help: "Bytes that one client may publish per second, as packets; 0 sets no limit.",
  },
  mqttTooFast: {
    flag: "mqtt-too-fast",
    type: "choice",
    values: ["pause", "disconnect"],
    default: "pause",
    group,
    help: "A client that publishes faster is not read for a while, or is disconnected with 0x96.",
  },
  mqttDelayedMessagesMax: {
    flag: "mqtt-max-delayed-messages",
    type: "integer",
    unit: "messages",
    min: 1,
    max: 100_000_000,
    default: 1_000_000,
    group,
    help: "Messages to $delayed/<seconds>/<topic> that wait to be published, of all clients.",
  },
  mqttQueueFull: {
    flag: "mqtt-queue-full",
    type: "choice",
    values: queueFullChoices,
    default: "drop-oldest",
    group,
    help: "Which message a full session loses; refuse: publishers are told, if it outlives its connection.",
  },
} as const satisfies OptionTable;

/** MQTT counts these in seconds. */
function findSecondsProblem(valueMs: number): string | undefined {
  return valueMs % 1000 === 0 ? undefined : "must be whole seconds";
}
