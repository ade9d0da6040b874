/** /stats as text: nsqd's lines, with fields padded as its printf formats pad them. */

import type { ClientStats } from "./collect-client.ts";
import type { ChannelStats, NodeStats, TopicStats } from "./collect-stats.ts";
import { renderDuration, renderRfc3339 } from "./go-time.ts";
import type { LatencyResult } from "./latency.ts";

export interface StatsTimes {
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly uptimeMs: number;
}

/** A value is padded on the right to `width`. */
type Field = readonly [name: string, value: number, width: number];

export function renderStats(stats: NodeStats, { nowMs, startedAtMs, uptimeMs }: StatsTimes): string {
  const lines = [
    `nsqd v${stats.version} (built w/node${process.versions.node})`,
    `start_time ${renderRfc3339(startedAtMs)}`,
    `uptime ${renderDuration(uptimeMs)}`,
    "",
    `Health: ${stats.health}`,
  ];
  if (stats.memory !== undefined) {
    lines.push("", "Memory:");
    for (const [name, value] of Object.entries(stats.memory)) lines.push(`   ${name.padEnd(25)}\t${value}`);
  }
  const topics = stats.topics ?? [];
  lines.push("", topics.length === 0 ? "Topics: None" : "Topics:");
  for (const [index, topic] of topics.entries()) {
    if (index > 0) lines.push("");
    renderTopic(lines, topic, nowMs);
  }
  const producers = stats.producers ?? [];
  lines.push("", producers.length === 0 ? "Producers: None" : "Producers:");
  for (const client of producers) lines.push(`   ${renderClient(client, nowMs)}`);
  return `${lines.join("\n")}\n`;
}

function renderTopic(lines: string[], topic: TopicStats, nowMs: number): void {
  const fields: readonly Field[] = [
    ["depth", topic.depth, 5],
    ["be-depth", topic.backend_depth, 5],
    ["msgs", topic.message_count, 8],
  ];
  // The space after the last colon stays when no latencies follow it.
  lines.push(
    `${topic.paused ? "*P " : "   "}[${topic.topic_name.padEnd(15)}] ${renderFields(fields)} e2e%: ${renderLatency(topic.e2e_processing_latency)}`,
  );
  for (const channel of topic.channels) {
    lines.push(renderChannel(channel));
    for (const client of channel.clients ?? []) lines.push(`        ${renderClient(client, nowMs)}`);
  }
}

function renderChannel(channel: ChannelStats): string {
  const fields: readonly Field[] = [
    ["depth", channel.depth, 5],
    ["be-depth", channel.backend_depth, 5],
    ["inflt", channel.in_flight_count, 4],
    ["def", channel.deferred_count, 4],
    ["re-q", channel.requeue_count, 5],
    ["timeout", channel.timeout_count, 5],
    ["msgs", channel.message_count, 8],
  ];
  const prefix = channel.paused ? "   *P " : "      ";
  return `${prefix}[${channel.channel_name.padEnd(25)}] ${renderFields(fields)} e2e%: ${renderLatency(channel.e2e_processing_latency)}`;
}

function renderLatency({ percentiles }: LatencyResult): string {
  return (percentiles ?? []).map(({ value }) => renderNanoseconds(value)).join(", ");
}

function renderNanoseconds(ns: number): string {
  if (ns > 1e9) return `${(ns / 1e9).toFixed(1)}s`;
  if (ns > 1e6) return `${(ns / 1e6).toFixed(1)}ms`;
  return ns > 1e3 ? `${(ns / 1e3).toFixed(1)}us` : `${ns.toFixed(1)}ns`;
}

function renderClient(client: ClientStats, nowMs: number): string {
  const port = client.remote_address.slice(client.remote_address.lastIndexOf(":") + 1);
  const id = `[${client.version} ${`${client.hostname}:${port} ${client.user_agent}`.padEnd(21)}]`;
  const connected = renderDuration(Math.trunc(nowMs / 1000 - client.connect_ts) * 1000);
  const published = client.pub_counts?.[0];
  if (published !== undefined) {
    const { topic, count } = published;
    return `${id} ${renderFields([["msgs", count, 8]])} topics: ${topic}=${count} connected: ${connected}`;
  }
  const fields: readonly Field[] = [
    ["state", client.state, 0],
    ["inflt", client.in_flight_count, 4],
    ["rdy", client.ready_count, 4],
    ["fin", client.finish_count, 8],
    ["re-q", client.requeue_count, 8],
    ["msgs", client.message_count, 8],
  ];
  return `${id} ${renderFields(fields)} connected: ${connected}`;
}

function renderFields(fields: readonly Field[]): string {
  return fields.map(([name, value, width]) => `${name}: ${String(value).padEnd(width)}`).join(" ");
}
