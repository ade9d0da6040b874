/**
 * Pushes to statsd over UDP what nsqd pushes, under its names: one line each, in packets cut between lines.
 *
 *     nsq.HOST_PORT.topic.T.channel.C.depth:12|g
 *
 * Counters are what came since the last push; the first one has it all. A packet that cannot be sent is lost.
 */

import { createSocket } from "node:dgram";
import type { Clock, Timer } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import { collectMemory } from "./collect-memory.ts";
import type { ChannelStats, TopicStats } from "./collect-stats.ts";
import type { LatencyResult } from "./latency.ts";

export interface StatsdOptions {
  readonly host: string;
  readonly port: number;
  /** Default 1 min. */
  readonly intervalMs?: number;
  /** Of every name; `%s` is the node's address. A dot is added. Default `nsq.%s`. */
  readonly prefix?: string;
  /** Default true. */
  readonly memory?: boolean;
  /** Default 508. */
  readonly packetSizeMax?: number;
  /** Default false. */
  readonly excludeEphemeral?: boolean;
}

interface StatsdNode {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `host:port` of the HTTP API, for the prefix. */
  readonly address: () => string;
  readonly topics: () => readonly TopicStats[];
}

export class StatsdPusher {
  readonly #options: Required<StatsdOptions>;
  readonly #node: StatsdNode;
  readonly #last = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(options: StatsdOptions, node: StatsdNode) {
    const defaults = {
      intervalMs: 60_000,
      prefix: "nsq.%s",
      memory: true,
      packetSizeMax: 508,
      excludeEphemeral: false,
    };
    this.#options = { ...defaults, ...options };
    this.#node = node;
  }

  start(): void {
    const { clock } = this.#node;
    const push = (): void => {
      this.#timer = clock.setTimer(push, this.#options.intervalMs);
      this.#send(this.lines());
    };
    this.#timer = clock.setTimer(push, this.#options.intervalMs);
  }

  stop(): void {
    this.#node.clock.clearTimer(this.#timer);
  }

  /** What is pushed now; counters begin anew. */
  lines(): string[] {
    const address = this.#node.address().replace(/[.:]/g, "_");
    const prefix = this.#options.prefix.replace("%s", address).replace(/\.?$/, ".");
    const lines: string[] = [];
    const seen = new Set<string>();
    const gauge = (name: string, value: number): void => void lines.push(`${prefix}${name}:${Math.trunc(value)}|g`);
    const count = (name: string, value: number): void => {
      seen.add(name);
      lines.push(`${prefix}${name}:${value - (this.#last.get(name) ?? 0)}|c`);
      this.#last.set(name, value);
    };
    const included = (name: string): boolean => !(this.#options.excludeEphemeral && name.endsWith("#ephemeral"));
    for (const topic of this.#node.topics()) {
      if (!included(topic.topic_name)) continue;
      pushTopic(topic, gauge, count);
      for (const channel of topic.channels) {
        if (included(channel.channel_name)) pushChannel(topic.topic_name, channel, gauge, count);
      }
    }
    if (this.#options.memory) pushMemory(gauge, count);
    for (const name of this.#last.keys()) if (!seen.has(name)) this.#last.delete(name);
    return lines;
  }

  #send(lines: readonly string[]): void {
    const { host, port, packetSizeMax } = this.#options;
    const socket = createSocket("udp4");
    socket.on("error", (error) => this.#node.logger.warn("statsd could not be told", { host, port, error }));
    const packets = cutPackets(lines, packetSizeMax);
    let left = packets.length;
    for (const packet of packets) {
      socket.send(packet, port, host, (error) => {
        if (error) this.#node.logger.warn("statsd could not be told", { host, port, error });
        if (--left === 0) socket.close();
      });
    }
    if (left === 0) socket.close();
  }
}

type Push = (name: string, value: number) => void;

function pushTopic(topic: TopicStats, gauge: Push, count: Push): void {
  const name = `topic.${topic.topic_name}`;
  count(`${name}.message_count`, topic.message_count);
  count(`${name}.message_bytes`, topic.message_bytes);
  gauge(`${name}.depth`, topic.depth);
  gauge(`${name}.backend_depth`, topic.backend_depth);
  pushLatency(name, topic.e2e_processing_latency, gauge);
}

function pushChannel(topic: string, channel: ChannelStats, gauge: Push, count: Push): void {
  const name = `topic.${topic}.channel.${channel.channel_name}`;
  count(`${name}.message_count`, channel.message_count);
  gauge(`${name}.depth`, channel.depth);
  gauge(`${name}.backend_depth`, channel.backend_depth);
  gauge(`${name}.in_flight_count`, channel.in_flight_count);
  gauge(`${name}.deferred_count`, channel.deferred_count);
  count(`${name}.requeue_count`, channel.requeue_count);
  count(`${name}.timeout_count`, channel.timeout_count);
  gauge(`${name}.clients`, channel.client_count);
  pushLatency(name, channel.e2e_processing_latency, gauge);
}

function pushLatency(name: string, { percentiles }: LatencyResult, gauge: Push): void {
  for (const { quantile, value } of percentiles ?? [])
    gauge(`${name}.e2e_processing_latency_${(quantile * 100).toFixed(0)}`, value);
}

function pushMemory(gauge: Push, count: Push): void {
  const { gc_total_runs: runs, ...gauges } = collectMemory();
  for (const [name, value] of Object.entries(gauges)) gauge(`mem.${name}`, value);
  count("mem.gc_runs", runs);
}

/** Lines with their LF, as many as fit; one that is longer than a packet has one to itself. */
export function cutPackets(lines: readonly string[], sizeMax: number): Buffer[] {
  const packets: Buffer[] = [];
  let packet = "";
  for (const line of lines) {
    if (packet !== "" && Buffer.byteLength(packet) + Buffer.byteLength(line) + 1 > sizeMax) {
      packets.push(Buffer.from(packet));
      packet = "";
    }
    packet += `${line}\n`;
  }
  if (packet !== "") packets.push(Buffer.from(packet));
  return packets;
}
