/** The values below `$SYS/broker/`, by mosquitto's names. */

import type { Broker } from "@polylog/broker";
import type { SessionStore } from "@polylog/broker/sessions";
import { packetTypes } from "@polylog/mqtt-wire";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import type { SysValues } from "./sys-tree.ts";

export interface SysSources {
  readonly version: string;
  upMs(): number;
  readonly broker: Broker;
  readonly metrics: MqttMetrics;
  readonly store: SessionStore;
  groupCount(): number;
  connectionCount(): number;
  sessionCount(): number;
}

export function sysValuesOf(sources: SysSources): SysValues {
  const { broker, metrics, store } = sources;
  let connectionsMax = 0;
  const connected = (): number => {
    const count = sources.connectionCount();
    connectionsMax = Math.max(connectionsMax, count);
    return count;
  };
  const disconnected = (): number => Math.max(0, sources.sessionCount() - connected());
  const sum = (counters: readonly { value: number }[]): number =>
    counters.reduce((total, each) => total + each.value, 0);
  const { droppedOffline, droppedQueue, droppedSlow, droppedExpired, droppedTooLarge } = metrics;
  const droppedStored = (): number => store.counters.droppedOldest + store.counters.droppedNewest;
  return {
    version: () => sources.version,
    uptime: () => `${Math.floor(sources.upMs() / 1000)} seconds`,
    "clients/connected": connected,
    "clients/disconnected": disconnected,
    "clients/total": () => connected() + disconnected(),
    "clients/maximum": () => {
      connected();
      return connectionsMax;
    },
    "clients/expired": () => metrics.sessionsExpired.value,
    "clients/taken_over": () => metrics.takeOvers.value,
    "messages/received": () => sum(metrics.received),
    "messages/sent": () => sum(metrics.sent),
    "messages/stored": () => store.queuedCount + broker.retained.size,
    "store/messages/count": () => store.queuedCount,
    "store/messages/bytes": () => store.queuedBytes,
    "publish/messages/received": () => metrics.received[packetTypes.PUBLISH].value,
    "publish/messages/sent": () => metrics.sent[packetTypes.PUBLISH].value,
    "publish/messages/dropped": () =>
      sum([droppedOffline, droppedQueue, droppedSlow, droppedExpired, droppedTooLarge]) + droppedStored(),
    "retained messages/count": () => broker.retained.size,
    "subscriptions/count": () => broker.router.subscriptionCount,
    "shared_subscriptions/count": sources.groupCount,
  };
}
