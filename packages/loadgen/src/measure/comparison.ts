/**
 * Whether one set of runs differs from another, with the interval in which the difference most likely lies.
 *
 * A figure's samples are one value per run when both sides have at least three runs, else one value per interval of the
 * measured time. Samples are drawn anew with replacement 2000 times from each side (bootstrap), and the ratio of the means
 * is taken each time; 95 % of the ratios are the interval. Intervals of one run hang together, so theirs is too narrow:
 * `isByRun` says which it was. The draws are seeded, and the same runs always compare the same.
 *
 * Totals that ought to be zero, rows that are missing say, are compared as they are: any change is one.
 */

import { type Metric, pickMetrics, type Unit } from "./metrics.ts";
import type { RunResult } from "./result.ts";
import type { ToolProfile } from "./tool-profile.ts";

export interface FigureComparison {
  readonly figure: string;
  readonly unit: Unit;
  readonly base: number;
  readonly candidate: number;
  /** candidate / base - 1, and the interval around it; null for totals that are compared as they are. */
  readonly change: number | null;
  readonly changeLow: number | null;
  readonly changeHigh: number | null;
  /** Of `change`, for the figure's sense: "worse" when all of the interval is beyond the limit on the bad side. */
  readonly verdict: "better" | "worse" | "same";
}

export interface Comparison {
  readonly isByRun: boolean;
  readonly figures: readonly FigureComparison[];
  readonly isWorse: boolean;
}

/** What a tool compares; see `ToolProfile`. */
export type Compared = Pick<ToolProfile, "metrics" | "compared" | "exact">;

const draws = 2000;

/** `limit`: a change up to this, 0.05 for 5 %, is the same. */
export function compareRuns(
  { metrics, compared, exact }: Compared,
  base: readonly RunResult[],
  candidate: readonly RunResult[],
  limit: number,
): Comparison {
  const isByRun = base.length >= 3 && candidate.length >= 3;
  const rows = pickMetrics(metrics, compared).flatMap((metric): readonly FigureComparison[] => {
    if (exact.includes(metric.name)) return compareTotals(metric, base, candidate);
    const samples = [base, candidate].map((side) => samplesOf(metric, side, isByRun)) as [number[], number[]];
    return samples.some((side) => side.length === 0) ? [] : [compareFigure(metric, samples[0], samples[1], limit)];
  });
  return { isByRun, figures: rows, isWorse: rows.some(({ verdict }) => verdict === "worse") };
}

function samplesOf(metric: Metric, results: readonly RunResult[], isByRun: boolean): number[] {
  if (isByRun || metric.readInterval === undefined)
    return results.map((result) => metric.read(result)).filter((value) => !Number.isNaN(value));
  return results.flatMap(({ intervals }) =>
    intervals.map((interval, index) => {
      const seconds = (interval.relNs - (intervals[index - 1]?.relNs ?? 0)) / 1e9;
      return metric.readInterval!(interval, seconds);
    }),
  );
}

function compareTotals(
  metric: Metric,
  base: readonly RunResult[],
  candidate: readonly RunResult[],
): readonly FigureComparison[] {
  const [from, to] = [base, candidate].map((side) => mean(side.map((result) => metric.read(result)))) as [
    number,
    number,
  ];
  if (Number.isNaN(from) || Number.isNaN(to)) return [];
  const isUp = to > from;
  const verdict = from === to ? "same" : isUp === (metric.better === "higher") ? "better" : "worse";
  const { name, unit } = metric;
  return [{ figure: name, unit, base: from, candidate: to, change: null, changeLow: null, changeHigh: null, verdict }];
}

function compareFigure(
  metric: Metric,
  base: readonly number[],
  candidate: readonly number[],
  limit: number,
): FigureComparison {
  const chance = xorshift(0x9e3779b9);
  const ratios = Array.from({ length: draws }, () => drawnMean(candidate, chance) / drawnMean(base, chance)).sort(
    (a, b) => a - b,
  );
  const at = (share: number) => (ratios[Math.min(draws - 1, Math.floor(share * draws))] ?? NaN) - 1;
  const changeLow = at(0.025);
  const changeHigh = at(0.975);
  const isUp = changeLow > limit;
  const isDown = changeHigh < -limit;
  const isHigherBetter = metric.better === "higher";
  const isBetter = isHigherBetter ? isUp : isDown;
  const isWorse = isHigherBetter ? isDown : isUp;
  return {
    figure: metric.name,
    unit: metric.unit,
    base: mean(base),
    candidate: mean(candidate),
    change: mean(candidate) / mean(base) - 1,
    changeLow,
    changeHigh,
    verdict: isWorse ? "worse" : isBetter ? "better" : "same",
  };
}

function drawnMean(values: readonly number[], chance: () => number): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[Math.floor(chance() * values.length)]!;
  return sum / values.length;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The middle value; of an even number, between the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}
