/** Runs in a result file: written as they go, read back whole. Which columns mean what stands in `tables.ts`. */

import { loadgenErrors } from "../errors.ts";
import { cellsSince, encodeHdr, maxMillisecondsOf } from "../measure/hdr-log.ts";
import type { Histogram } from "../measure/histogram.ts";
import { bucketCounts, latencyBuckets } from "../measure/latency-buckets.ts";
import type { AnyTotals } from "../measure/recorder.ts";
import type { Interval, RunResult, TimingSummary } from "../measure/result.ts";
import type { TargetSample } from "../measure/target-cost.ts";
import type { RunRow, ToolProfile } from "../measure/tool-profile.ts";
import { Database, insert } from "./database.ts";
import type { Rows, SqlValue, Statement } from "./store-messages.ts";

export interface RunStart {
  readonly tool: string;
  readonly runId: string;
  readonly startedAt: string;
  readonly host: string;
  readonly port: number;
  readonly brokerName: string | undefined;
  readonly brokerVersion: string | undefined;
  readonly containerId: string | undefined;
  readonly containerName: string | undefined;
  readonly hostname: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly gitCommit: string | undefined;
  readonly notes: string | undefined;
}

export interface ScenarioStart {
  readonly scenarioId: string;
  readonly runId: string;
  readonly startedAt: string;
  readonly name: string;
  readonly qos: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly topics: number;
  /** Of one publisher. */
  readonly rate: number;
  readonly payloadSize: number;
  readonly warmupNs: number;
  readonly durationNs: number;
}

export class ResultStore {
  readonly database: Database;
  /** Of the scenario that runs: what of each timing has been written, and up to when. */
  #writtenCells = new Map<string, ArrayLike<number>>();
  #writtenNs = 0;

  constructor(database: Database) {
    this.database = database;
  }

  /** Rejects with STORE_FAILED. */
  static async open(path: string, options: { readonly isReadOnly?: boolean } = {}): Promise<ResultStore> {
    return new ResultStore(await Database.open(path, options));
  }

  async beginRun(run: RunStart): Promise<void> {
    await this.database.write([
      insert("runs", {
        run_id: run.runId,
        started_at: run.startedAt,
        broker_host: run.host,
        broker_port: run.port,
        broker_name: run.brokerName ?? null,
        broker_version: run.brokerVersion ?? null,
        container_id: run.containerId ?? null,
        container_name: run.containerName ?? null,
        hostname: run.hostname,
        cpus: run.cores,
        memory_bytes: run.memoryBytes,
        git_commit: run.gitCommit ?? null,
        notes: run.notes ?? null,
      }),
      insert("run_tools", { run_id: run.runId, tool: run.tool }),
    ]);
  }

  async beginScenario(scenario: ScenarioStart): Promise<void> {
    this.#writtenCells = new Map();
    this.#writtenNs = 0;
    await this.database.write([
      insert("scenarios", {
        scenario_id: scenario.scenarioId,
        run_id: scenario.runId,
        started_at: scenario.startedAt,
        scenario_name: scenario.name,
        qos: scenario.qos,
        publishers: scenario.publishers,
        subscribers: scenario.subscribers,
        topics: scenario.topics,
        msg_rate: Math.round(scenario.rate),
        payload_size: scenario.payloadSize,
        warmup_ns: Math.round(scenario.warmupNs),
        duration_ns: Math.round(scenario.durationNs),
      }),
    ]);
  }

  /** What was measured until now, in one transaction: a tool that dies later loses nothing of it. */
  async checkpoint(
    { scenarioId, runId }: Pick<ScenarioStart, "scenarioId" | "runId">,
    interval: Interval,
    totals: AnyTotals,
    targetSamples: readonly TargetSample[],
  ): Promise<void> {
    const at = { scenario_id: scenarioId, rel_ns: interval.relNs, abs_ts: new Date(interval.atMs).toISOString() };
    const { counters, histograms } = totals;
    const { generator } = interval;
    await this.database.write([
      insert("latency_histograms", { ...at, ...histogramRow(histograms.endToEndActual) }),
      insert("exact_percentiles", { ...at, ...percentileRow(histograms.endToEndActual) }),
      insert("throughput_counters", {
        ...at,
        messages_sent: counters.sent,
        messages_recv: counters.received,
        messages_acked: counters.acked,
        messages_timed_out: 0,
        bytes_sent: counters.bytesSent,
        bytes_recv: counters.bytesReceived,
        errors: counters.errors,
      }),
      ...Object.entries(histograms)
        .filter(([, histogram]) => histogram.count > 0)
        .map(([timing, histogram]) => insert("timings", { ...at, timing, ...percentileRow(histogram) })),
      ...this.#hdrRows(
        at,
        Object.entries(histograms).map(([timing, histogram]) => [timing, histogram.snapshot().cells]),
      ),
      insert("generator_samples", {
        ...at,
        cpu_cores: generator.cpuCores,
        memory_bytes: generator.memoryBytes,
        loop_delay_p99_ns: Math.round(generator.loopDelayP99Ns),
        loop_delay_max_ns: Math.round(generator.loopDelayMaxNs),
        send_lag_p99_ns: Math.round(interval.sendLagP99Ns),
        open_connections: interval.open,
        backlog: interval.backlog,
      }),
      ...targetSamples.map((sample) => targetRow(runId, sample)),
    ]);
  }

  /** `profile`: of the tool whose result it is. */
  async finish(result: RunResult, profile: ToolProfile): Promise<void> {
    const { scenarioId: scenario_id, rates } = result;
    const totals = profile.totalsOf(result);
    const rel_ns = Math.max(this.#writtenNs + 1, Math.round(result.measuredNs));
    const at = { scenario_id, rel_ns, abs_ts: result.endedAt };
    await this.database.write([
      insert("final_results", {
        scenario_id,
        total_sent: totals.sent,
        total_received: totals.received,
        total_acked: totals.acked,
        total_timed_out: totals.timedOut,
        total_errors: totals.errors,
        avg_send_rate: rates.sent,
        avg_recv_rate: rates.received,
        delivery_rate: totals.deliveryRate,
        ...summaryRow(result.timings.endToEndActual),
      }),
      ...this.#hdrRows(
        at,
        Object.entries(result.timings).map(([timing, times]) => [timing, times?.cells ?? []]),
      ),
      ...profile.detailsOf(result).map(({ table, row }) => insert(table, row)),
      ...metricRows(result, profile),
      ...result.errors.map(({ code, count, sample }) => insert("errors", { scenario_id, code, count, sample })),
      ...result.thresholds.map(({ text, actual, isKept }) =>
        insert("thresholds", {
          scenario_id,
          threshold: text,
          actual,
          is_kept: isKept,
        }),
      ),
      insert("results", {
        scenario_id,
        run_id: result.runId,
        is_partial: result.isPartial,
        result: JSON.stringify(result),
      }),
      ended("scenarios", "scenario_id", scenario_id, result.endedAt),
      ended("runs", "run_id", result.runId, result.endedAt),
    ]);
  }

  /** What was timed since the rows before. */
  #hdrRows(
    at: { readonly scenario_id: string; readonly rel_ns: number; readonly abs_ts: string },
    cellsByTiming: readonly (readonly [timing: string, cells: ArrayLike<number>])[],
  ): readonly Statement[] {
    const interval_ns = at.rel_ns - this.#writtenNs;
    this.#writtenNs = at.rel_ns;
    const rows: Statement[] = [];
    for (const [timing, cells] of cellsByTiming) {
      const since = cellsSince(cells, this.#writtenCells.get(timing) ?? []);
      if (since.length === 0) continue;
      this.#writtenCells.set(timing, cells);
      const max_ms = maxMillisecondsOf(since);
      rows.push(insert("hdr_blobs", { ...at, timing, interval_ns, max_ms, histogram: encodeHdr(since) }));
    }
    return rows;
  }

  /** The newest first. */
  async list(limit: number): Promise<readonly RunRow[]> {
    const hasResults = await this.#has("results");
    const hasTools = await this.#has("run_tools");
    const partial = hasResults ? "coalesce(x.is_partial, f.scenario_id IS NULL)" : "f.scenario_id IS NULL";
    const { rows } = await this.database.query(
      `SELECT r.run_id, s.scenario_id, s.started_at, coalesce(r.broker_name, r.broker_host || ':' || r.broker_port),
              s.scenario_name, s.qos, s.publishers, s.subscribers, s.msg_rate, s.payload_size,
              f.avg_recv_rate, f.delivery_rate, f.p99_ns, ${partial}, coalesce(r.notes, ''),
              ${hasTools ? "coalesce(t.tool, '')" : "''"}
       FROM scenarios s JOIN runs r USING (run_id) LEFT JOIN final_results f USING (scenario_id)
       ${hasResults ? "LEFT JOIN results x USING (scenario_id)" : ""}
       ${hasTools ? "LEFT JOIN run_tools t ON t.run_id = r.run_id" : ""}
       ORDER BY s.started_at DESC LIMIT ${limit}`,
    );
    return rows.map((row) => ({
      runId: String(row[0]),
      scenarioId: String(row[1]),
      startedAt: String(row[2]),
      target: String(row[3]),
      scenario: String(row[4]),
      qos: Number(row[5]),
      publishers: Number(row[6]),
      subscribers: Number(row[7]),
      rate: Number(row[8]),
      payloadSize: Number(row[9]),
      receivedRate: row[10] === null ? undefined : Number(row[10]),
      deliveryRate: row[11] === null ? undefined : Number(row[11]),
      p99Ns: row[12] === null ? undefined : Number(row[12]),
      isPartial: row[13] === true,
      notes: String(row[14]),
      tool: String(row[15]),
    }));
  }

  /** Results of the runs or scenarios whose id begins with `id`, the oldest first. Rejects with RUN_NOT_FOUND. */
  async load(id: string): Promise<readonly RunResult[]> {
    const isKnown = (await this.#has("results")) && /^[0-9a-fA-F-]+$/.test(id);
    const { rows } = isKnown
      ? await this.database.query(
          `SELECT x.result FROM results x JOIN scenarios s USING (scenario_id)
           WHERE starts_with(CAST(x.run_id AS VARCHAR), $1) OR starts_with(CAST(x.scenario_id AS VARCHAR), $1)
           ORDER BY s.started_at`,
          [id.toLowerCase()],
        )
      : { rows: [] };
    if (rows.length === 0) throw loadgenErrors.RUN_NOT_FOUND({ path: this.database.path, run: id });
    return rows.map(([text]) => JSON.parse(String(text)) as RunResult);
  }

  /** Of a run; empty: it was not kept. */
  async toolOf(runId: string): Promise<string> {
    if (!(await this.#has("run_tools"))) return "";
    const { rows } = await this.database.query("SELECT tool FROM run_tools WHERE run_id = $1", [runId]);
    return String(rows[0]?.[0] ?? "");
  }

  query(sql: string, values: readonly SqlValue[] = []): Promise<Rows> {
    return this.database.query(sql, values);
  }

  close(): Promise<void> {
    return this.database.close();
  }

  /** A file of mqtt-bench that is only read has its seven tables and no others. */
  async #has(table: string): Promise<boolean> {
    const { rows } = await this.database.query("SELECT 1 FROM duckdb_tables() WHERE table_name = $1 LIMIT 1", [table]);
    return rows.length > 0;
  }
}

function ended(table: string, key: string, id: string, at: string): Statement {
  return { sql: `UPDATE ${table} SET ended_at = $1 WHERE ${key} = $2`, values: [at, id] };
}

type Row = Record<string, SqlValue>;

/** Those that were measured. */
function metricRows(result: RunResult, { metrics }: ToolProfile): readonly Statement[] {
  return metrics.flatMap((metric) => {
    const { name, title, unit, better } = metric;
    const value = metric.read(result);
    const row = { scenario_id: result.scenarioId, metric: name, title, unit, better, value };
    return Number.isNaN(value) ? [] : [insert("metrics", row)];
  });
}

function histogramRow(histogram: Histogram): Row {
  const counts = bucketCounts(histogram);
  const isEmpty = histogram.count === 0;
  return {
    ...Object.fromEntries(latencyBuckets.map(({ column }, index) => [column, counts[index]!])),
    sum_ns: Math.round(histogram.sumNs),
    count: histogram.count,
    min_ns: isEmpty ? null : Math.round(histogram.minNs),
    max_ns: isEmpty ? null : Math.round(histogram.maxNs),
  };
}

function percentileRow(histogram: Histogram): Row {
  return {
    min_ns: histogram.count === 0 ? 0 : Math.round(histogram.minNs),
    max_ns: Math.round(histogram.maxNs),
    mean_ns: histogram.meanNs,
    stdev_ns: histogram.stdevNs,
    p50_ns: Math.round(histogram.quantileNs(0.5)),
    p75_ns: Math.round(histogram.quantileNs(0.75)),
    p90_ns: Math.round(histogram.quantileNs(0.9)),
    p95_ns: Math.round(histogram.quantileNs(0.95)),
    p99_ns: Math.round(histogram.quantileNs(0.99)),
    p999_ns: Math.round(histogram.quantileNs(0.999)),
    p9999_ns: Math.round(histogram.quantileNs(0.9999)),
    count: histogram.count,
  };
}

function summaryRow(summary: TimingSummary): Row {
  return {
    min_ns: Math.round(summary.minNs),
    max_ns: Math.round(summary.maxNs),
    mean_ns: summary.meanNs,
    stdev_ns: summary.stdevNs,
    p50_ns: Math.round(summary.p50Ns),
    p75_ns: Math.round(summary.p75Ns),
    p90_ns: Math.round(summary.p90Ns),
    p95_ns: Math.round(summary.p95Ns),
    p99_ns: Math.round(summary.p99Ns),
    p999_ns: Math.round(summary.p999Ns),
    p9999_ns: Math.round(summary.p9999Ns),
  };
}

function targetRow(runId: string, sample: TargetSample): Statement {
  return insert("container_samples", {
    run_id: runId,
    rel_ns: Math.round(sample.relNs),
    abs_ts: new Date(sample.atMs).toISOString(),
    phase: sample.phase,
    cpu_percent: sample.cpuPercent,
    cpu_total_ns: Math.round(sample.cpuTotalNs),
    cpu_system_ns: Math.round(sample.cpuSystemNs),
    cpu_online: sample.cores,
    memory_usage_bytes: Math.round(sample.memoryBytes),
    memory_limit_bytes: Math.round(sample.memoryLimitBytes),
    network_rx_bytes: Math.round(sample.networkReadBytes),
    network_tx_bytes: Math.round(sample.networkWrittenBytes),
  });
}
