/**
 * Whether one set of runs differs from another, with the interval in which the difference most likely lies.
 *
 * A figure's samples are one value per run when both sides have at least three runs, else one value per interval of the
 * measured time. Samples are drawn anew with replacement 2000 times from each side (bootstrap), and the ratio of the means
 * is taken each time; 95 % of the ratios are the interval. Intervals of one run hang together, so theirs is too narrow:
 * `isByRun` says which it was. The draws are seeded, and the same runs always compare the same.
 */

import type { Interval, RunResult } from "./result.ts";

export interface FigureComparison {
  readonly figure: string;
  readonly base: number;
  readonly candidate: number;
  /** candidate / base - 1, and the interval around it. */
  readonly change: number;
  readonly changeLow: number;
  readonly changeHigh: number;
  /** Of `change`, for the figure's sense: "worse" when all of the interval is beyond the limit on the bad side. */
  readonly verdict: "better" | "worse" | "same";
}

export interface Comparison {
  readonly isByRun: boolean;
  readonly figures: readonly FigureComparison[];
  readonly isWorse: boolean;
}

interface Figure {
  readonly name: string;
  readonly isHigherBetter: boolean;
  readonly ofRun: (result: RunResult) => number;
  readonly ofInterval: (interval: Interval, seconds: number) => number;
}

const figures: readonly Figure[] = [
  {
    name: "received/s",
    isHigherBetter: true,
    ofRun: ({ rates }) => rates.received,
    ofInterval: ({ received }, s) => received / s,
  },
  {
    name: "p50",
    isHigherBetter: false,
    ofRun: ({ timings }) => timings.endToEnd.p50Ns,
    ofInterval: ({ p50Ns }) => p50Ns,
  },
  {
    name: "p95",
    isHigherBetter: false,
    ofRun: ({ timings }) => timings.endToEnd.p95Ns,
    ofInterval: ({ p95Ns }) => p95Ns,
  },
  {
    name: "p99",
    isHigherBetter: false,
    ofRun: ({ timings }) => timings.endToEnd.p99Ns,
    ofInterval: ({ p99Ns }) => p99Ns,
  },
  {
    name: "mean",
    isHigherBetter: false,
    ofRun: ({ timings }) => timings.endToEnd.meanNs,
    ofInterval: ({ meanNs }) => meanNs,
  },
];

const draws = 2000;

/** `limit`: a change up to this, 0.05 for 5 %, is the same. */
export function compareRuns(base: readonly RunResult[], candidate: readonly RunResult[], limit: number): Comparison {
  const isByRun = base.length >= 3 && candidate.length >= 3;
  const rows = figures.map((figure) => {
    const samples = [base, candidate].map((side) => samplesOf(figure, side, isByRun)) as [number[], number[]];
    return compareFigure(figure, samples[0], samples[1], limit);
  });
  return { isByRun, figures: rows, isWorse: rows.some(({ verdict }) => verdict === "worse") };
}

function samplesOf({ ofRun, ofInterval }: Figure, results: readonly RunResult[], isByRun: boolean): number[] {
  if (isByRun) return results.map(ofRun);
  return results.flatMap(({ intervals }) =>
    intervals.map((interval, index) => {
      const seconds = (interval.relNs - (intervals[index - 1]?.relNs ?? 0)) / 1e9;
      return ofInterval(interval, seconds);
    }),
  );
}

function compareFigure(
  figure: Figure,
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
  const isBetter = figure.isHigherBetter ? isUp : isDown;
  const isWorse = figure.isHigherBetter ? isDown : isUp;
  return {
    figure: figure.name,
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
