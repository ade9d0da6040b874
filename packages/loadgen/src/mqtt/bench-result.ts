/** The result of `mqtt-bench`: what it has beside that of every tool. */

import type { Counters } from "../measure/counters.ts";
import type { RunResult, TimingSummary } from "../measure/result.ts";
import type { BenchCounter, BenchTiming } from "./bench-measures.ts";

export interface BenchResult extends RunResult {
  /** From the first connection that was begun until all stood. */
  readonly connectNs: number;
  /** Of scenarios in which subscribers come when all is published. */
  readonly drain?: Drain;
  readonly counters: Counters<BenchCounter>;
  readonly delivery: Delivery;
  readonly timings: Readonly<Record<BenchTiming, TimingSummary>>;
  readonly subscriptions: readonly SubscriptionResult[];
}

/** What waited for subscribers, and how long it took from their first connection until the last message was there. */
export interface Drain {
  readonly messages: number;
  readonly ns: number;
}

/** Every number is of messages of the measured time, over all subscriptions. */
export interface Delivery {
  /** From publishers, topics and filters: what every subscription ought to have received. */
  readonly expected: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly late: number;
  readonly corrupt: number;
  /** Due and never sent: the broker did not take them, or there was no connection. */
  readonly unsent: number;
  /** 0 to 1; 1 when nothing was expected. */
  readonly rate: number;
}

export interface SubscriptionResult {
  readonly filter: string;
  readonly isShared: boolean;
  readonly members: number;
  readonly expected: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly late: number;
  readonly corrupt: number;
  /** Of a shared subscription: how evenly its members were served. */
  readonly fairness?: Fairness;
}

export interface Fairness {
  readonly min: number;
  readonly max: number;
  /** 0: all equal; towards 1: one has all. */
  readonly gini: number;
}

/** Gini coefficient of what each was given. */
export function fairnessOf(counts: readonly number[]): Fairness {
  const sorted = [...counts].sort((a, b) => a - b);
  const total = sorted.reduce((a, b) => a + b, 0);
  const weighted = sorted.reduce((sum, count, place) => sum + (2 * (place + 1) - sorted.length - 1) * count, 0);
  return { min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0, gini: total === 0 ? 0 : weighted / (sorted.length * total) };
}
