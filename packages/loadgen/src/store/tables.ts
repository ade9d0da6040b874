/**
 * The tables of a result file. The first seven are mqtt-bench's own, names, columns and types unchanged, so that what reads
 * its files reads ours; the others are ours and hold what it does not measure. In them rows of a load stand for messages, its
 * threads for publishers, and the size of its batches for that of payloads.
 *
 * In mqtt-bench's tables latency counts from the time a message was sent, as there; from the time it was due, in `timings`.
 * Rows of checkpoints are sums since the start of the measured time.
 */

import { latencyBuckets } from "../measure/latency-buckets.ts";

export interface Table {
  readonly name: string;
  /** Column and type, as DuckDB writes them. */
  readonly columns: Readonly<Record<string, string>>;
  readonly isOriginal: boolean;
}

const percentiles = Object.fromEntries(
  ["p50", "p75", "p90", "p95", "p99", "p999", "p9999"].map((name) => [`${name}_ns`, "BIGINT NOT NULL"]),
);
const spread = {
  min_ns: "BIGINT NOT NULL",
  max_ns: "BIGINT NOT NULL",
  mean_ns: "DOUBLE NOT NULL",
  stdev_ns: "DOUBLE NOT NULL",
};
const checkpoint = { scenario_id: "UUID", rel_ns: "BIGINT NOT NULL", abs_ts: "TIMESTAMP NOT NULL" };

export const tables = [
  {
    name: "runs",
    isOriginal: true,
    columns: {
      run_id: "UUID PRIMARY KEY",
      started_at: "TIMESTAMP NOT NULL",
      ended_at: "TIMESTAMP",
      broker_host: "VARCHAR NOT NULL",
      broker_port: "INTEGER NOT NULL",
      broker_name: "VARCHAR",
      broker_version: "VARCHAR",
      container_id: "VARCHAR",
      container_name: "VARCHAR",
      hostname: "VARCHAR",
      cpus: "INTEGER",
      memory_bytes: "BIGINT",
      git_commit: "VARCHAR",
      notes: "VARCHAR",
    },
  },
  {
    name: "scenarios",
    isOriginal: true,
    columns: {
      scenario_id: "UUID PRIMARY KEY",
      run_id: "UUID",
      started_at: "TIMESTAMP NOT NULL",
      ended_at: "TIMESTAMP",
      scenario_name: "VARCHAR NOT NULL",
      qos: "INTEGER NOT NULL",
      publishers: "INTEGER NOT NULL",
      subscribers: "INTEGER NOT NULL",
      topics: "INTEGER NOT NULL",
      msg_rate: "INTEGER NOT NULL",
      payload_size: "INTEGER NOT NULL",
      warmup_ns: "BIGINT NOT NULL",
      duration_ns: "BIGINT NOT NULL",
    },
  },
  {
    name: "latency_histograms",
    isOriginal: true,
    columns: {
      ...checkpoint,
      ...Object.fromEntries(latencyBuckets.map(({ column }) => [column, "BIGINT NOT NULL DEFAULT 0"])),
      sum_ns: "BIGINT NOT NULL DEFAULT 0",
      count: "BIGINT NOT NULL DEFAULT 0",
      min_ns: "BIGINT",
      max_ns: "BIGINT",
    },
  },
  {
    name: "exact_percentiles",
    isOriginal: true,
    columns: { ...checkpoint, ...spread, ...percentiles, count: "BIGINT NOT NULL" },
  },
  {
    name: "throughput_counters",
    isOriginal: true,
    columns: {
      ...checkpoint,
      messages_sent: "BIGINT NOT NULL",
      messages_recv: "BIGINT NOT NULL",
      messages_acked: "BIGINT NOT NULL",
      messages_timed_out: "BIGINT NOT NULL",
      bytes_sent: "BIGINT NOT NULL",
      bytes_recv: "BIGINT NOT NULL",
      errors: "BIGINT NOT NULL",
    },
  },
  {
    name: "container_samples",
    isOriginal: true,
    columns: {
      run_id: "UUID",
      rel_ns: "BIGINT NOT NULL",
      abs_ts: "TIMESTAMP NOT NULL",
      phase: "VARCHAR NOT NULL",
      cpu_percent: "DOUBLE NOT NULL",
      cpu_total_ns: "BIGINT NOT NULL",
      cpu_system_ns: "BIGINT NOT NULL",
      cpu_online: "INTEGER NOT NULL",
      memory_usage_bytes: "BIGINT NOT NULL",
      memory_limit_bytes: "BIGINT NOT NULL",
      network_rx_bytes: "BIGINT NOT NULL",
      network_tx_bytes: "BIGINT NOT NULL",
    },
  },
  {
    name: "final_results",
    isOriginal: true,
    columns: {
      scenario_id: "UUID PRIMARY KEY",
      total_sent: "BIGINT NOT NULL",
      total_received: "BIGINT NOT NULL",
      total_acked: "BIGINT NOT NULL",
      total_timed_out: "BIGINT NOT NULL",
      total_errors: "BIGINT NOT NULL",
      avg_send_rate: "DOUBLE NOT NULL",
      avg_recv_rate: "DOUBLE NOT NULL",
      delivery_rate: "DOUBLE NOT NULL",
      ...spread,
      ...percentiles,
    },
  },
  {
    /** Every kind of time at every checkpoint; `timing` as in `recorder.ts`. */
    name: "timings",
    isOriginal: false,
    columns: { ...checkpoint, timing: "VARCHAR NOT NULL", ...spread, ...percentiles, count: "BIGINT NOT NULL" },
  },
  {
    /** What was timed since the checkpoint before, as HdrHistogram reads it (`hdr-log.ts`); all of a scenario add up to it. */
    name: "hdr_blobs",
    isOriginal: false,
    columns: {
      ...checkpoint,
      timing: "VARCHAR NOT NULL",
      interval_ns: "BIGINT NOT NULL",
      max_ms: "DOUBLE NOT NULL",
      histogram: "VARCHAR NOT NULL",
    },
  },
  {
    name: "loss_accounting",
    isOriginal: false,
    columns: {
      scenario_id: "UUID",
      filter: "VARCHAR NOT NULL",
      is_shared: "BOOLEAN NOT NULL",
      members: "BIGINT NOT NULL",
      expected: "BIGINT NOT NULL",
      received: "BIGINT NOT NULL",
      lost: "BIGINT NOT NULL",
      duplicates: "BIGINT NOT NULL",
      out_of_order: "BIGINT NOT NULL",
      late: "BIGINT NOT NULL",
      corrupt: "BIGINT NOT NULL",
      fairness_min: "BIGINT",
      fairness_max: "BIGINT",
      gini: "DOUBLE",
    },
  },
  {
    /** What became of the rows of a load. */
    name: "row_accounting",
    isOriginal: false,
    columns: {
      scenario_id: "UUID",
      table_name: "VARCHAR NOT NULL",
      acknowledged: "BIGINT NOT NULL",
      written: "BIGINT NOT NULL",
      ignored: "BIGINT NOT NULL",
      refused: "BIGINT NOT NULL",
      unknown: "BIGINT NOT NULL",
      batches: "BIGINT NOT NULL",
      bytes: "BIGINT NOT NULL",
      requests: "BIGINT NOT NULL",
      failed_requests: "BIGINT NOT NULL",
      retries: "BIGINT NOT NULL",
      halvings: "BIGINT NOT NULL",
      pauses: "BIGINT NOT NULL",
      /** In the table; null: it was not counted. */
      rows_before: "BIGINT",
      rows_after: "BIGINT",
      agrees: "BOOLEAN",
    },
  },
  {
    name: "worker_accounting",
    isOriginal: false,
    columns: {
      scenario_id: "UUID",
      worker: "BIGINT NOT NULL",
      acknowledged: "BIGINT NOT NULL",
      failed: "BIGINT NOT NULL",
      batches: "BIGINT NOT NULL",
    },
  },
  {
    /** Whole requests that failed, each time, by what was done about it and the code. */
    name: "request_errors",
    isOriginal: false,
    columns: { scenario_id: "UUID", code: "VARCHAR NOT NULL", count: "BIGINT NOT NULL", sample: "VARCHAR NOT NULL" },
  },
  {
    /** Whose run it is; a run that is not there is mqtt-bench's. */
    name: "run_tools",
    isOriginal: false,
    columns: { run_id: "UUID PRIMARY KEY", tool: "VARCHAR NOT NULL" },
  },
  {
    /** Every figure that the tool has, by the name that thresholds use; times in ns, shares 0 to 1. */
    name: "metrics",
    isOriginal: false,
    columns: {
      scenario_id: "UUID",
      metric: "VARCHAR NOT NULL",
      title: "VARCHAR NOT NULL",
      unit: "VARCHAR NOT NULL",
      better: "VARCHAR NOT NULL",
      value: "DOUBLE NOT NULL",
    },
  },
  {
    name: "errors",
    isOriginal: false,
    columns: { scenario_id: "UUID", code: "VARCHAR NOT NULL", count: "BIGINT NOT NULL", sample: "VARCHAR NOT NULL" },
  },
  {
    name: "generator_samples",
    isOriginal: false,
    columns: {
      ...checkpoint,
      cpu_cores: "DOUBLE NOT NULL",
      memory_bytes: "BIGINT NOT NULL",
      loop_delay_p99_ns: "BIGINT NOT NULL",
      loop_delay_max_ns: "BIGINT NOT NULL",
      send_lag_p99_ns: "BIGINT NOT NULL",
      open_connections: "BIGINT NOT NULL",
      backlog: "BIGINT NOT NULL",
    },
  },
  {
    name: "thresholds",
    isOriginal: false,
    columns: { scenario_id: "UUID", threshold: "VARCHAR NOT NULL", actual: "DOUBLE", is_kept: "BOOLEAN NOT NULL" },
  },
  {
    /** The whole result as JSON, see `result.ts`; from it `show`, `export` and `compare` work. */
    name: "results",
    isOriginal: false,
    columns: {
      scenario_id: "UUID PRIMARY KEY",
      run_id: "UUID",
      is_partial: "BOOLEAN NOT NULL",
      result: "VARCHAR NOT NULL",
    },
  },
] as const satisfies readonly Table[];

export type TableName = (typeof tables)[number]["name"];

export function createTable({ name, columns }: Table): string {
  const list = Object.entries(columns).map(([column, type]) => `${column} ${type}`);
  return `CREATE TABLE IF NOT EXISTS ${name} (${list.join(", ")})`;
}
