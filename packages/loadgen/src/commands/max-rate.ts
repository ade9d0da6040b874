/**
 * The highest rate at which every threshold is kept: doubled until one breaks, then bisected to a sixteenth of the step. A
 * rate at which the generator itself was late counts as not reached, and the answer says so.
 */

import { count, duration } from "../measure/figure-text.ts";
import type { BenchResult } from "../mqtt/bench-result.ts";
import { type Cell, renderTable } from "./render-table.ts";

export interface SearchStep {
  /** Messages per second of one publisher. */
  readonly rate: number;
  readonly isKept: boolean;
  readonly isGeneratorLimit: boolean;
  readonly receivedRate: number;
  readonly p99Ns: number;
  readonly lost: number;
  readonly broken: readonly string[];
}

export interface SearchResult {
  /** Undefined: not even the first rate kept the thresholds. */
  readonly rate: number | undefined;
  readonly steps: readonly SearchStep[];
  /** The search ended at the generator's limit, not the broker's. */
  readonly isGeneratorLimit: boolean;
}

const doublingsMax = 24;
const bisections = 4;

export async function searchMaxRate(
  rateFirst: number,
  runAt: (rate: number) => Promise<BenchResult>,
  isStopped: () => boolean,
  onStep: (step: SearchStep) => unknown,
): Promise<SearchResult> {
  const steps: SearchStep[] = [];
  const isKeptAt = async (rate: number) => {
    const step = stepOf(rate, await runAt(rate));
    steps.push(step);
    onStep(step);
    return step.isKept;
  };
  let low: number | undefined;
  let high: number | undefined;
  for (let rate = rateFirst, i = 0; i < doublingsMax && high === undefined && !isStopped(); rate *= 2, i++) {
    if (await isKeptAt(rate)) low = rate;
    else high = rate;
  }
  for (let i = 0; i < bisections && low !== undefined && high !== undefined && !isStopped(); i++) {
    const middle = Math.round(((low + high) / 2) * 100) / 100;
    if (await isKeptAt(middle)) low = middle;
    else high = middle;
  }
  const lowestBroken = steps.filter(({ isKept }) => !isKept).sort((a, b) => a.rate - b.rate)[0];
  return { rate: low, steps, isGeneratorLimit: lowestBroken?.isGeneratorLimit ?? false };
}

function stepOf(rate: number, { thresholds, generator, rates, timings, delivery }: BenchResult): SearchStep {
  const broken = thresholds.filter(({ isKept }) => !isKept).map(({ text }) => text);
  const isGeneratorLimit = generator.warnings.length > 0;
  return {
    rate,
    isKept: broken.length === 0 && !isGeneratorLimit,
    isGeneratorLimit,
    receivedRate: rates.received,
    p99Ns: timings.endToEnd.p99Ns,
    lost: delivery.lost,
    broken,
  };
}

export function renderSearch({ rate, steps, isGeneratorLimit }: SearchResult): string {
  const rows = steps.map(
    (step): Record<string, Cell> => ({
      rate: step.rate,
      "received/s": count(step.receivedRate),
      p99: duration(step.p99Ns),
      lost: step.lost,
      kept: step.isKept ? "yes" : `no: ${step.isGeneratorLimit ? "the generator was late" : step.broken.join(", ")}`,
    }),
  );
  const verdict =
    rate === undefined
      ? "not even the first rate keeps the thresholds"
      : `highest rate that keeps them: ${rate} per publisher`;
  const limit = isGeneratorLimit ? "; above that the generator, not the broker, was the limit" : "";
  return `${renderTable(rows)}\n${verdict}${limit}\n`;
}
