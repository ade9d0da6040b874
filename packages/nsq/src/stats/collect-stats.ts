/**
 * What /stats shows, in the shape of its JSON: keys in nsqd's order. Counts are since the process began, as nsqd's.
 *
 * Where Polylog is not nsqd:
 * - Waiting messages are in the log, so all of a durable topic's depth is `backend_depth`.
 * - A deferred message is in `depth` until the channel comes to it, and in `deferred_count` from then on.
 * - `message_count` of a channel is what came to it since the process began, or since it was created.
 * - Consumers over other protocols are in `client_count` and not in `clients`.
 * - Message counts by locality are not kept.
 */

import type { Broker, BrokerLog, Channel } from "@polylog/broker";
import type { Client } from "../connection/client.ts";
import type { NsqContext } from "../nsq-context.ts";
import { type ClientStats, collectClient } from "./collect-client.ts";
import type { MemoryStats } from "./collect-memory.ts";
import { type LatencyResult, noLatency } from "./latency.ts";

export interface ChannelStats {
  readonly channel_name: string;
  readonly depth: number;
  readonly backend_depth: number;
  readonly in_flight_count: number;
  readonly deferred_count: number;
  readonly message_count: number;
  readonly requeue_count: number;
  readonly timeout_count: number;
  readonly client_count: number;
  readonly clients: readonly ClientStats[] | null;
  readonly paused: boolean;
  readonly e2e_processing_latency: LatencyResult;
}

export interface TopicStats {
  readonly topic_name: string;
  readonly channels: readonly ChannelStats[];
  readonly depth: number;
  readonly backend_depth: number;
  readonly message_count: number;
  readonly message_bytes: number;
  readonly paused: boolean;
  readonly e2e_processing_latency: LatencyResult;
}

export interface NodeStats {
  readonly version: string;
  readonly health: string;
  /** Seconds since 1970. */
  readonly start_time: number;
  /** Null when the topic asked for does not exist. */
  readonly topics: readonly TopicStats[] | null;
  readonly memory?: MemoryStats;
  /** Connections that have published; null when there is none. */
  readonly producers: readonly ClientStats[] | null;
}

export interface StatsFilter {
  /** Exact names; empty for all. */
  readonly topic: string;
  readonly channel: string;
  readonly includeClients: boolean;
}

/** All topics, without their clients. */
export const everything: StatsFilter = { topic: "", channel: "", includeClients: false };

export function collectStats(
  context: Pick<NsqContext, "broker" | "clock" | "latency">,
  clients: Iterable<Client>,
  filter: StatsFilter,
): Pick<NodeStats, "topics" | "producers"> {
  const logs = findLogs(context.broker, filter.topic);
  const latencyOf = (...channels: readonly Channel[]): LatencyResult =>
    context.latency?.result(channels, context.clock.nowMs()) ?? noLatency;
  // As nsqd: nothing at all is told about producers either when the topic is unknown.
  if (logs === undefined) return { topics: null, producers: null };
  const consumers = new Map<Channel, Client[]>();
  const producers: ClientStats[] = [];
  for (const client of filter.includeClients ? clients : []) {
    if (!client.published.isEmpty) producers.push(collectClient(client, filter.topic));
    const channel = client.delivery?.channel;
    if (channel === undefined) continue;
    const others = consumers.get(channel);
    if (others === undefined) consumers.set(channel, [client]);
    else others.push(client);
  }
  const topics: TopicStats[] = [];
  for (const log of logs) {
    const channels = findChannels(log, filter.channel);
    if (channels === undefined) continue;
    topics.push(
      collectTopic(
        log,
        channels.map((channel) => ({
          ...collectChannel(log, channel, consumers.get(channel) ?? [], filter),
          e2e_processing_latency: latencyOf(channel),
        })),
        latencyOf(...channels),
      ),
    );
  }
  return { topics, producers: producers.length > 0 ? producers : null };
}

function findLogs(broker: Broker, topic: string): readonly BrokerLog[] | undefined {
  if (topic === "") return [...broker.catalog.list()].sort(byName);
  const log = broker.catalog.get(topic);
  return log && [log];
}

function findChannels(log: BrokerLog, name: string): readonly Channel[] | undefined {
  if (name === "") return [...log.channels.values()].sort(byName);
  const channel = log.channels.get(name);
  return channel && [channel];
}

/** By code unit, as Go sorts names, which are ASCII. */
function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function collectTopic(log: BrokerLog, channels: readonly ChannelStats[], latency: LatencyResult): TopicStats {
  const { depth } = log;
  return {
    topic_name: log.name,
    channels,
    depth,
    backend_depth: log.log.ephemeral ? 0 : depth,
    message_count: log.messageCount,
    message_bytes: log.messageBytes,
    paused: log.paused,
    e2e_processing_latency: latency,
  };
}

function collectChannel(
  log: BrokerLog,
  channel: Channel,
  clients: readonly Client[],
  filter: StatsFilter,
): Omit<ChannelStats, "e2e_processing_latency"> {
  const { depth, inFlightCount, deferredCount, counters } = channel;
  return {
    channel_name: channel.name,
    depth,
    backend_depth: log.log.ephemeral ? 0 : depth,
    in_flight_count: inFlightCount,
    deferred_count: deferredCount,
    message_count: channel.messageCount,
    requeue_count: counters.requeueCount,
    timeout_count: counters.timeoutCount,
    client_count: channel.consumers.size,
    clients: filter.includeClients ? clients.map((client) => collectClient(client, filter.topic)) : null,
    paused: channel.paused,
  };
}
