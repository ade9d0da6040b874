/** What the dashboard of mqtt-bench shows, as lines: from the state of a run to text, and nothing else. */

import { latencyLines, paint, paints, printable, progressBar, sparkline } from "../dashboard/screen-text.ts";
import { count, duration } from "../measure/figure-text.ts";
import type { Interval } from "../measure/result.ts";
import type { Threshold } from "../measure/thresholds.ts";
import type { BenchTotals } from "./bench-measures.ts";
import { type BenchPages, type HistoryPoint, pageHelp } from "./bench-pages.ts";
import type { SubscriptionCounts } from "./worker-messages.ts";

export interface DashboardState {
  readonly title: string;
  readonly target: string;
  readonly phase: string;
  /** Part of the phase that is over. */
  readonly share: number;
  readonly totals: BenchTotals | undefined;
  readonly sentRate: number;
  readonly receivedRate: number;
  /** Messages per second that the schedule asks for; 0 without one. */
  readonly offeredRate: number;
  /** Messages received for each one sent; 0 unknown. */
  readonly open: number;
  readonly sentHistory: readonly number[];
  readonly receivedHistory: readonly number[];
  readonly interval: Interval | undefined;
  /** Of the broker: cores and bytes. */
  readonly broker: { readonly cores: number; readonly memoryBytes: number } | undefined;
  readonly thresholds: readonly Threshold[];
  readonly pages: BenchPages;
  readonly history: readonly HistoryPoint[];
  readonly subscriptions: readonly SubscriptionCounts[] | undefined;
  /** No colours: NO_COLOR, or a terminal that has none. */
  readonly isPlain: boolean;
}

/** Generator's own lag above this is shown as a warning, in nanoseconds. */
const lagWarnNs = 10e6;

export function dashboardLines(state: DashboardState, columns: number, rows: number): readonly string[] {
  const { totals, interval, pages } = state;
  if (pages.page !== "overview")
    return [...headLines(state, columns), "", ...pages.lines(state, columns, Math.max(1, rows - 3))];
  const times =
    totals === undefined
      ? []
      : latencyLines(
          [
            { title: "from when due", histogram: totals.histograms.endToEnd },
            { title: "from when sent", histogram: totals.histograms.endToEndActual },
          ],
          interval,
        );
  const head = [...headLines(state, columns), "", ...rateLines(state, columns), "", ...times, ""];
  return [...head, ...statusLines(state), ...errorLines(state)];
}

export const benchHelp = [
  ...pageHelp,
  "",
  "Latency counts from when a message was due, and from when it was sent.",
  "The generator's own lag is how late it looked at its schedule: above 10 ms figures are in doubt.",
];

function headLines({ title, target, phase, share, isPlain }: DashboardState, columns: number): readonly string[] {
  const width = Math.max(10, Math.min(40, columns - 30));
  return [
    paint(isPlain, paints.bold, `mqtt-bench  ${title} against ${target}`),
    `${phase.padEnd(10)} ${progressBar(share, width)} ${Math.floor(share * 100)} %`,
  ];
}

function rateLines(state: DashboardState, columns: number): readonly string[] {
  const width = Math.max(8, Math.min(60, columns - 36));
  const offered = state.offeredRate === 0 ? "no schedule" : `${count(state.offeredRate)}/s`;
  const { totals } = state;
  return [
    `offered   ${offered.padStart(16)}`,
    `sent      ${`${count(state.sentRate)}/s`.padStart(16)}  ${sparkline(state.sentHistory, width)}`,
    `received  ${`${count(state.receivedRate)}/s`.padStart(16)}  ${sparkline(state.receivedHistory, width)}`,
    `in all    ${count(totals?.counters.sent ?? 0)} sent, ${count(totals?.counters.received ?? 0)} received, ${count(totals?.counters.acked ?? 0)} acknowledged`,
  ];
}

function statusLines({ totals, interval, open, broker, isPlain }: DashboardState): readonly string[] {
  const { counters } = totals ?? {};
  const faults = (["duplicates", "outOfOrder", "late", "corrupt", "errors"] as const).map(
    (name) => `${name} ${count(counters?.[name] ?? 0)}`,
  );
  const lagNs = totals?.histograms.generatorLag.quantileNs(0.99) ?? 0;
  const generator = interval?.generator;
  const own = `generator  ${(generator?.cpuCores ?? 0).toFixed(2)} cores, own lag p99 ${duration(lagNs)}, kept back ${count(interval?.backlog ?? 0)}`;
  return [
    `connections ${count(open)} open, ${count(counters?.connectFailed ?? 0)} failed, ${count(counters?.reconnected ?? 0)} made again`,
    `messages   ${faults.join(", ")}`,
    lagNs > lagWarnNs ? paint(isPlain, paints.bad, `${own}: THE GENERATOR IS LATE`) : own,
    broker === undefined
      ? "broker     cannot be seen from here"
      : `broker     ${broker.cores.toFixed(2)} cores, ${(broker.memoryBytes / 2 ** 20).toFixed(0)} MiB`,
  ];
}

function errorLines({ totals, thresholds, isPlain }: DashboardState): readonly string[] {
  const errors = totals?.errors.list().slice(0, 5) ?? [];
  return [
    ...errors.map(({ code, count: number, sample }) =>
      paint(isPlain, paints.warn, `${count(number)} × ${code}: ${printable(sample)}`),
    ),
    ...thresholds.map(({ text }) => `limit      ${text}`),
  ];
}
