/**
 * What the broker tells a scraper about logs and channels. Nothing is counted for this: every series is read at scrape
 * time from what is kept anyway. Clients make logs and channels, so a family ends at `metricSeriesMax` series, and
 * what is left out is counted.
 */

import { Counter, Gauge, type Metric, type MetricRegistry } from "@polylog/base/telemetry";
import type { Partition } from "@polylog/log";
import type { BrokerLog } from "./catalog/broker-log.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Channel } from "./channels/channel.ts";
import { metricSeriesMax } from "./limits.ts";

/** One family: name, type, help, and its value for one log, partition or channel. */
type Row<Subject> = readonly [
  name: string,
  type: "counter" | "gauge",
  help: string,
  read: (subject: Subject) => number,
];

const logRows: readonly Row<BrokerLog>[] = [
  ["polylog_log_messages_total", "counter", "Records appended since the start.", (log) => log.messageCount],
  ["polylog_log_refused_total", "counter", "Appends refused because the log was full.", (log) => log.refusedCount],
  ["polylog_log_bytes_total", "counter", "Value bytes appended since the start.", (log) => log.messageBytes],
];

const partitionRows: readonly Row<Partition>[] = [
  ["polylog_partition_high_watermark", "gauge", "Offset after the last record.", (each) => each.highWatermark],
  ["polylog_partition_low_watermark", "gauge", "Offset of the first record kept.", (each) => each.lowWatermark],
  [
    "polylog_partition_stalls_total",
    "counter",
    "Times that no descriptor was left for the next segment.",
    (each) => each.stallCount,
  ],
  ["polylog_partition_stored_bytes", "gauge", "Bytes of all segments.", (each) => each.storedBytes],
  [
    "polylog_partition_trimmed_records_total",
    "counter",
    "Records removed by retention, the bound of a log in memory, or emptying.",
    (each) => each.trimmedCount,
  ],
  [
    "polylog_partition_compacted_unfinished_records_total",
    "counter",
    "Records removed by key compaction, at or behind the first that a channel had not finished.",
    (each) => each.compactedUnfinishedCount,
  ],
  [
    "polylog_partition_retention_held_bytes",
    "gauge",
    "Bytes beyond the limits of retention that stay because a channel needs them.",
    (each) => each.retentionHeldBytes,
  ],
];

const channelRows: readonly Row<Channel>[] = [
  ["polylog_channel_depth", "gauge", "Records waiting to be delivered.", (channel) => channel.depth],
  ["polylog_channel_in_flight", "gauge", "Records delivered and not answered.", (channel) => channel.inFlightCount],
  ["polylog_channel_deferred", "gauge", "Records that wait for their time.", (channel) => channel.deferredCount],
  ["polylog_channel_timeouts_total", "counter", "Time-outs.", (channel) => channel.counters.timeoutCount],
  ["polylog_channel_requeues_total", "counter", "Requeues.", (channel) => channel.counters.requeueCount],
  ["polylog_channel_dead", "gauge", "Records given up that are no dead letters yet.", (channel) => channel.deadCount],
  [
    "polylog_channel_dead_lettered_total",
    "counter",
    "Records that went to the log of dead letters.",
    (channel) => channel.counters.deadLetterCount,
  ],
  [
    "polylog_channel_expired_total",
    "counter",
    "Records that were not delivered in their time.",
    (channel) => channel.counters.expiredCount,
  ],
  [
    "polylog_channel_dropped_records_total",
    "counter",
    "Records removed before the channel had finished them.",
    (channel) => channel.counters.dropCount,
  ],
  [
    "polylog_channel_clamped_total",
    "counter",
    "Saved positions that lay outside of the log when the server started.",
    (channel) => channel.counters.clampCount,
  ],
];

/** Lists the families of logs, partitions and channels. */
export function registerCatalogMetrics(metrics: MetricRegistry, catalog: Catalog): void {
  for (const row of logRows) register(metrics, row, () => logsOf(catalog));
  for (const row of partitionRows) register(metrics, row, () => partitionsOf(catalog));
  for (const row of channelRows) register(metrics, row, () => channelsOf(catalog));
  metrics.gauge("polylog_metric_series_left_out", "Series beyond what one family lists.", () => leftOut(catalog));
}

type Labelled<Subject> = readonly [subject: Subject, labels: Readonly<Record<string, string>>];

function register<Subject>(
  metrics: MetricRegistry,
  [name, type, help, read]: Row<Subject>,
  subjects: () => Iterable<Labelled<Subject>>,
): void {
  metrics.collector(name, help, type, () => series(type, read, subjects()));
}

function* series<Subject>(
  type: "counter" | "gauge",
  read: (subject: Subject) => number,
  subjects: Iterable<Labelled<Subject>>,
): Iterable<Metric> {
  let count = 0;
  for (const [subject, labels] of subjects) {
    if (count++ === metricSeriesMax) return;
    const value = read(subject);
    if (type === "gauge") yield new Gauge(() => value, labels);
    else yield Object.assign(new Counter(labels), { value });
  }
}

function* logsOf(catalog: Catalog): Iterable<Labelled<BrokerLog>> {
  for (const log of catalog.list()) yield [log, { log: log.name }];
}

function* partitionsOf(catalog: Catalog): Iterable<Labelled<Partition>> {
  for (const log of catalog.list())
    for (const partition of log.partitions) yield [partition, { log: log.name, partition: String(partition.number) }];
}

function* channelsOf(catalog: Catalog): Iterable<Labelled<Channel>> {
  for (const log of catalog.list())
    for (const channel of log.channels.values()) yield [channel, { log: log.name, channel: channel.name }];
}

function leftOut(catalog: Catalog): number {
  let partitionCount = 0;
  let channelCount = 0;
  for (const log of catalog.list()) {
    partitionCount += log.partitions.length;
    channelCount += log.channels.size;
  }
  const beyond = (count: number, families: number) => Math.max(0, count - metricSeriesMax) * families;
  return (
    beyond(catalog.size, logRows.length) +
    beyond(partitionCount, partitionRows.length) +
    beyond(channelCount, channelRows.length)
  );
}
