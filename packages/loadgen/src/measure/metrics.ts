/**
 * A tool's figures as data: what thresholds are written with, what `compare` compares, what tiles of the report and the
 * table `metrics` of a result file show.
 */

import { count, duration, mebibytes } from "./figure-text.ts";
import type { Interval, RunResult, ThresholdResult, TimingSummary } from "./result.ts";
import type { Words } from "./words.ts";

export type Judged = Omit<RunResult, "thresholds">;

/** `read` and `readInterval` are written as methods, so that each tool's may take the tool's own result. */
export interface Metric {
  /** As in thresholds: `p99`, `rows/s`. */
  readonly name: string;
  /** Other names that thresholds may have for it. */
  readonly aliases?: readonly string[];
  readonly title: string;
  readonly unit: Unit;
  readonly better: "higher" | "lower";
  /** NaN: not measured. */
  read(result: Judged): number;
  /** Undefined: says nothing of a part of a run. */
  readInterval?(interval: Interval, seconds: number): number;
}

export type Unit = "time" | "rate" | "share" | "count" | "bytes" | "cores";

interface UnitTexts {
  readonly show: (value: number) => string;
  /** What may stand behind a number in a threshold, and what it is multiplied by. */
  readonly suffixes: Readonly<Record<string, number>>;
  readonly wanted: string;
}

/** Times are nanoseconds, shares 0 to 1. */
export const units: Readonly<Record<Unit, UnitTexts>> = {
  time: {
    show: duration,
    suffixes: { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9 },
    wanted: "a time such as 20ms",
  },
  rate: { show: (value) => `${count(value)}/s`, suffixes: { "": 1 }, wanted: "a number" },
  share: {
    show: (value) => `${(value * 100).toFixed(3)} %`,
    suffixes: { "": 1, "%": 0.01 },
    wanted: "a share such as 99.9%",
  },
  count: { show: count, suffixes: { "": 1 }, wanted: "a number" },
  bytes: {
    show: mebibytes,
    suffixes: { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, kB: 1e3, MB: 1e6, GB: 1e9 },
    wanted: "a size such as 150MB",
  },
  cores: { show: (value) => `${value.toFixed(2)} cores`, suffixes: { "": 1 }, wanted: "a number of cores" },
};

/** A metric's value for people; `-` where nothing was measured. */
export function showMetric({ unit }: Pick<Metric, "unit">, value: number): string {
  return Number.isNaN(value) ? "-" : units[unit].show(value);
}

export function findMetric(metrics: readonly Metric[], name: string): Metric | undefined {
  return metrics.find((metric) => metric.name === name || metric.aliases?.includes(name) === true);
}

/** Those with these names, in this order. */
export function pickMetrics(metrics: readonly Metric[], names: readonly string[]): readonly Metric[] {
  return names.map((name) => findMetric(metrics, name)).filter((metric) => metric !== undefined);
}

/** What a threshold's figure came to. */
export function showThreshold(metrics: readonly Metric[], { figure, actual }: ThresholdResult): string {
  const metric = findMetric(metrics, figure);
  return actual === null || metric === undefined ? "nothing measured" : showMetric(metric, actual);
}

const timeFields: Readonly<Record<string, keyof TimingSummary>> = {
  min: "minNs",
  mean: "meanNs",
  p50: "p50Ns",
  p75: "p75Ns",
  p90: "p90Ns",
  p95: "p95Ns",
  p99: "p99Ns",
  "p99.9": "p999Ns",
  "p99.99": "p9999Ns",
  max: "maxNs",
};

export const timeNames: readonly string[] = Object.keys(timeFields);

const intervalFields: Readonly<Record<string, (interval: Interval) => number>> = {
  mean: ({ meanNs }) => meanNs,
  p50: ({ p50Ns }) => p50Ns,
  p95: ({ p95Ns }) => p95Ns,
  p99: ({ p99Ns }) => p99Ns,
};

export interface TimeSource {
  /** Before the percentile: `ack.`; empty: the time that intervals have, too. */
  readonly prefix: string;
  readonly alias?: string;
  /** Behind the percentile, in titles: `from when due`. */
  readonly title: string;
  times(result: Judged): TimingSummary | undefined;
}

/** Smallest, largest, mean and percentiles of each kind of time. A time of nothing is no time. */
export function timeMetrics(sources: readonly TimeSource[]): readonly Metric[] {
  return sources.flatMap((source) =>
    Object.entries(timeFields).map(([name, field]): Metric => {
      const readInterval = source.prefix === "" ? intervalFields[name] : undefined;
      return {
        name: source.prefix + name,
        ...(source.alias === undefined ? {} : { aliases: [source.alias + name] }),
        title: `${name} ${source.title}`,
        unit: "time",
        better: "lower",
        read: (result) => {
          const times = source.times(result);
          return times === undefined || times.count === 0 ? NaN : Number(times[field]);
        },
        ...(readInterval === undefined ? {} : { readInterval }),
      };
    }),
  );
}

/** What every tool has: of itself, and of its target where that can be seen. */
export function commonMetrics({ items, target }: Pick<Words, "items" | "target">): readonly Metric[] {
  const figure = (name: string, title: string, unit: Unit, read: (result: Judged) => number): Metric => ({
    name,
    title,
    unit,
    better: "lower",
    read,
  });
  return [
    figure("warnings", "warnings", "count", ({ warnings }) => warnings.length),
    figure("generator.cpu", "generator's processor", "cores", ({ generator }) => generator.cpuCoresMean),
    figure("generator.memory", "generator's memory", "bytes", ({ generator }) => generator.memoryBytesMax),
    figure("generator.lag", "generator's lag p99", "time", ({ generator }) => generator.lagP99Ns),
    figure(`${target}.cpu`, `${target}'s processor`, "cores", ({ targetCost }) => targetCost?.cpuCoresMean ?? NaN),
    figure(`${target}.memory`, `${target}'s memory`, "bytes", ({ targetCost }) => targetCost?.memoryBytesMax ?? NaN),
    figure(`${target}.cost`, `${target}'s processor time for a million ${items}`, "time", ({ targetCost }) =>
      targetCost === undefined ? NaN : targetCost.cpuSecondsPerMillion * 1e9,
    ),
  ];
}
