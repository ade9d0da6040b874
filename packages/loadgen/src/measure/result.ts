/**
 * What a run came to: what the results of all tools have in common and the core reads. Each tool adds what only it measures
 * (`bench-result.ts`, `load-result.ts`) and says in its profile what its figures are called. All of it is JSON: times are
 * nanoseconds, sizes bytes, rates per second.
 */

import type { Counters, ErrorCount } from "./counters.ts";
import type { GeneratorHealth, GeneratorSample } from "./health.ts";
import { type Histogram, type HistogramSnapshot, slotEndNs } from "./histogram.ts";
import { bucketCounts, latencyBuckets } from "./latency-buckets.ts";
import type { Histograms, Timing } from "./recorder.ts";
import type { TargetCost } from "./target-cost.ts";

/** Raised when a field changes its meaning or goes. */
export const resultVersion = 1;

export interface RunResult {
  readonly version: typeof resultVersion;
  /** Whose profile reads it. */
  readonly tool: string;
  readonly toolVersion: string;
  readonly runId: string;
  readonly scenarioId: string;
  readonly scenario: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Ended before its time, by Ctrl-C say: figures are of the part that was measured. */
  readonly isPartial: boolean;
  /** Options as they were in force, without passwords. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly target: Target;
  /** Of the measured time, without warm-up. */
  readonly measuredNs: number;
  readonly counters: Counters;
  readonly rates: Rates;
  readonly timings: Timings;
  readonly errors: readonly ErrorCount[];
  readonly generator: GeneratorHealth;
  /** What the target used; undefined when it could not be seen. */
  readonly targetCost?: TargetCost;
  readonly intervals: readonly Interval[];
  readonly thresholds: readonly ThresholdResult[];
  /** Sentences about what limits the worth of these figures. */
  readonly warnings: readonly string[];
}

/** Those of every tool, and any others. */
export type Timings = Readonly<Record<Timing, TimingSummary>> & Readonly<Partial<Record<string, TimingSummary>>>;

export interface Environment {
  readonly hostname: string;
  readonly cores: number;
  readonly cpuModel: string;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
}

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly name: string | undefined;
  readonly version: string | undefined;
}

/** Items per second. */
export interface Rates {
  /** That the schedule asked for; 0 without one. */
  readonly offered: number;
  readonly sent: number;
  /** Of those that arrived. */
  readonly received: number;
}

export interface TimingSummary {
  readonly count: number;
  readonly minNs: number;
  readonly maxNs: number;
  readonly meanNs: number;
  readonly stdevNs: number;
  readonly p50Ns: number;
  readonly p75Ns: number;
  readonly p90Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
  readonly p999Ns: number;
  readonly p9999Ns: number;
  /** Above 10 s: counted, and not told apart. */
  readonly overflow: number;
  /** Cumulative, by column name. */
  readonly buckets: Readonly<Record<string, number>>;
  /** Slot, count, slot, count, …; see `histogram.ts`. */
  readonly cells: readonly number[];
}

/** A limit, and whether it was kept. */
export interface ThresholdResult {
  readonly text: string;
  readonly figure: string;
  /** What the run came to; nanoseconds for times. Null when nothing was measured. */
  readonly actual: number | null;
  readonly isKept: boolean;
}

/** What happened since the interval before. */
export interface Interval {
  /** Since the start of the measured time. */
  readonly relNs: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly sent: number;
  readonly received: number;
  readonly acked: number;
  readonly errors: number;
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
  readonly p99ActualNs: number;
  readonly meanNs: number;
  readonly sendLagP99Ns: number;
  readonly open: number;
  readonly backlog: number;
  readonly generator: GeneratorSample;
  /** End to end from the intended time, coarsely, for the heat map: upper bound in ns, count, …; 16 bounds per decade. */
  readonly cells: readonly number[];
}

export function summarize(histogram: Histogram): TimingSummary {
  const counts = bucketCounts(histogram);
  const snapshot: HistogramSnapshot = histogram.snapshot();
  return {
    count: histogram.count,
    minNs: histogram.count === 0 ? 0 : histogram.minNs,
    maxNs: histogram.maxNs,
    meanNs: histogram.meanNs,
    stdevNs: histogram.stdevNs,
    p50Ns: histogram.quantileNs(0.5),
    p75Ns: histogram.quantileNs(0.75),
    p90Ns: histogram.quantileNs(0.9),
    p95Ns: histogram.quantileNs(0.95),
    p99Ns: histogram.quantileNs(0.99),
    p999Ns: histogram.quantileNs(0.999),
    p9999Ns: histogram.quantileNs(0.9999),
    overflow: histogram.overflow,
    buckets: Object.fromEntries(latencyBuckets.map(({ column }, index) => [column, counts[index]!])),
    cells: [...snapshot.cells],
  };
}

const boundsPerDecade = 16;

/** As `Interval` has them. */
export function coarseCells({ cells }: Pick<HistogramSnapshot, "cells">): readonly number[] {
  const coarse: number[] = [];
  for (let i = 0; i < cells.length; i += 2) {
    const bound = Math.round(10 ** (Math.ceil(Math.log10(slotEndNs(cells[i])) * boundsPerDecade) / boundsPerDecade));
    if (coarse.at(-2) === bound) coarse[coarse.length - 1]! += cells[i + 1]!;
    else coarse.push(bound, cells[i + 1]!);
  }
  return coarse;
}

/** Two that follow each other as one: counts added, of times and delays the worse. */
export function mergeIntervals(a: Interval, b: Interval): Interval {
  const worse = (read: (interval: Interval) => number) => Math.max(read(a), read(b));
  const cells = new Map<number, number>();
  for (const { cells: each } of [a, b]) {
    for (let i = 0; i < each.length; i += 2) cells.set(each[i]!, (cells.get(each[i]!) ?? 0) + each[i + 1]!);
  }
  return {
    relNs: b.relNs,
    atMs: b.atMs,
    sent: a.sent + b.sent,
    received: a.received + b.received,
    acked: a.acked + b.acked,
    errors: a.errors + b.errors,
    p50Ns: worse(({ p50Ns }) => p50Ns),
    p95Ns: worse(({ p95Ns }) => p95Ns),
    p99Ns: worse(({ p99Ns }) => p99Ns),
    p99ActualNs: worse(({ p99ActualNs }) => p99ActualNs),
    meanNs: worse(({ meanNs }) => meanNs),
    sendLagP99Ns: worse(({ sendLagP99Ns }) => sendLagP99Ns),
    open: b.open,
    backlog: worse(({ backlog }) => backlog),
    generator: {
      cpuCores: (a.generator.cpuCores + b.generator.cpuCores) / 2,
      loopDelayP99Ns: worse(({ generator }) => generator.loopDelayP99Ns),
      loopDelayMaxNs: worse(({ generator }) => generator.loopDelayMaxNs),
      memoryBytes: worse(({ generator }) => generator.memoryBytes),
    },
    cells: [...cells].sort(([x], [y]) => x - y).flat(),
  };
}

export function summarizeAll<Name extends string>(histograms: Histograms<Name>): Readonly<Record<Name, TimingSummary>> {
  const rows = Object.entries<Histogram>(histograms).map(([name, histogram]) => [name, summarize(histogram)]);
  return Object.fromEntries(rows) as Record<Name, TimingSummary>;
}
