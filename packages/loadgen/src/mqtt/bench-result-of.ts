/** From what was measured to a result: counts per subscription, rates, warnings. */

import { type GeneratorHealth, judgeHealth } from "../measure/health.ts";
import { type Interval, type RunResult, resultVersion, summarizeAll } from "../measure/result.ts";
import { type TargetSample, targetCostOf } from "../measure/target-cost.ts";
import { judgeThresholds, type Threshold } from "../measure/thresholds.ts";
import type { BenchTotals } from "./bench-measures.ts";
import { benchProfile } from "./bench-profile.ts";
import { type BenchResult, type Delivery, type Drain, fairnessOf, type SubscriptionResult } from "./bench-result.ts";

/** What one subscription, or a shared one, has received. */
export interface ReceivedAccount {
  readonly filter: string;
  readonly isShared: boolean;
  /** What each member received. */
  readonly members: readonly { readonly received: number; readonly corrupt: number }[];
  readonly expected: number;
  readonly received: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly late: number;
}

export interface Measured {
  readonly measuredNs: number;
  readonly connectNs: number;
  readonly drain?: Drain;
  readonly isPartial: boolean;
  readonly totals: BenchTotals;
  readonly intervals: readonly Interval[];
  readonly accounts: readonly ReceivedAccount[];
  readonly unsent: number;
  /** Messages per second that the schedule asked for, on average; 0 without one. */
  readonly offeredRate: number;
  /** False: payloads are too short for a stamp, and nothing can be said of each message. */
  readonly isStamped: boolean;
  /** `what` the samples are of. */
  readonly target?: { readonly what: string; readonly samples: readonly TargetSample[] };
}

export type RunIdentity = Pick<
  RunResult,
  | "tool"
  | "toolVersion"
  | "runId"
  | "scenarioId"
  | "scenario"
  | "startedAt"
  | "endedAt"
  | "settings"
  | "environment"
  | "target"
>;

export function resultOf(identity: RunIdentity, measured: Measured, thresholds: readonly Threshold[]): BenchResult {
  const { totals, intervals, measuredNs, isPartial } = measured;
  const subscriptions = measured.accounts.map(subscriptionOf);
  const delivery = deliveryOf(subscriptions, measured);
  const samples = intervals.map(({ generator }) => generator);
  const generator = judgeHealth(
    samples,
    totals.histograms.generatorLag,
    identity.environment.cores,
    benchProfile.words,
  );
  const seconds = measuredNs / 1e9;
  const rate = (count: number) => (seconds === 0 ? 0 : count / seconds);
  const targetCost =
    measured.target && targetCostOf(measured.target.what, measured.target.samples, totals.counters.received);
  const judged = {
    version: resultVersion,
    ...identity,
    isPartial,
    measuredNs,
    connectNs: measured.connectNs,
    ...(measured.drain === undefined ? {} : { drain: measured.drain }),
    counters: totals.counters,
    delivery,
    rates: { offered: measured.offeredRate, sent: rate(totals.counters.sent), received: rate(delivery.received) },
    timings: summarizeAll(totals.histograms),
    subscriptions,
    errors: totals.errors.list(),
    generator,
    ...(targetCost === undefined ? {} : { targetCost }),
    intervals,
    warnings: warningsOf(measured, delivery, generator),
  } as const;
  return { ...judged, thresholds: judgeThresholds(benchProfile.metrics, thresholds, judged) };
}

function subscriptionOf(account: ReceivedAccount): SubscriptionResult {
  const { filter, isShared, members, expected, received, duplicates, outOfOrder, late } = account;
  return {
    filter,
    isShared,
    members: members.length,
    expected,
    received,
    lost: Math.max(0, expected - received),
    duplicates,
    outOfOrder,
    late,
    corrupt: members.reduce((sum, each) => sum + each.corrupt, 0),
    ...(isShared ? { fairness: fairnessOf(members.map((each) => each.received)) } : {}),
  };
}

function deliveryOf(subscriptions: readonly SubscriptionResult[], { unsent }: Measured): Delivery {
  const sum = (read: (each: SubscriptionResult) => number) =>
    subscriptions.reduce((total, each) => total + read(each), 0);
  const expected = sum((each) => each.expected);
  const received = sum((each) => each.received);
  return {
    expected,
    received,
    lost: sum((each) => each.lost),
    duplicates: sum((each) => each.duplicates),
    outOfOrder: sum((each) => each.outOfOrder),
    late: sum((each) => each.late),
    corrupt: sum((each) => each.corrupt),
    unsent,
    rate: expected === 0 ? 1 : Math.min(1, received / expected),
  };
}

function warningsOf(measured: Measured, { unsent }: Delivery, generator: GeneratorHealth): readonly string[] {
  const { totals, isPartial, isStamped, offeredRate } = measured;
  const warnings = [...generator.warnings];
  if (isPartial) warnings.push("the run was ended before its time; all figures are of the part that was measured");
  if (unsent > 0) {
    warnings.push(`${unsent} messages were due and never sent: the broker did not take them in time, or was not there`);
  }
  const { disconnected } = totals.counters;
  if (disconnected > 0) warnings.push(`${disconnected} connections were lost; what was sent meanwhile may be, too`);
  if (!isStamped) {
    warnings.push(
      "payloads below 32 bytes have no room for a stamp: messages were only counted, latency is from the time of sending, and there was no warm-up",
    );
  }
  if (measured.drain !== undefined) {
    warnings.push(
      "messages waited for their subscribers: only the drain says how fast the broker is, not the latencies",
    );
  }
  if (offeredRate === 0 && totals.counters.sent > 0) {
    warnings.push(
      "without --rate there is no schedule: latency says how full the queues were, not how fast the broker answers at a given load",
    );
  }
  if (totals.counters.foreign > 0) {
    warnings.push(
      `${totals.counters.foreign} messages were not of this run: retained ones, or another's on the same topics`,
    );
  }
  if (totals.errors.list().some(({ code }) => code === "QOS_LOWERED")) {
    warnings.push("the broker granted a lower QoS than was asked for; the run is not one at the QoS in its settings");
  }
  for (const { filter, isShared, expected, received } of measured.accounts) {
    if (!isShared || expected === 0 || received > 0) continue;
    warnings.push(`the broker accepted ${filter} and delivered nothing: it seems not to know shared subscriptions`);
  }
  const { overflow } = totals.histograms.endToEnd;
  if (overflow > 0)
    warnings.push(`${overflow} messages took longer than 10 s; percentiles among them are their maximum`);
  return warnings;
}
