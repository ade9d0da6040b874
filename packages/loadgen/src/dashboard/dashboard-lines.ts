/** What the dashboard shows, as lines: from the state of a run to text, and nothing else. */

import type { Totals } from "../measure/recorder.ts";
import { count, duration } from "../measure/render-summary.ts";
import type { Interval } from "../measure/result.ts";
import type { Threshold } from "../measure/thresholds.ts";

export interface DashboardState {
  readonly title: string;
  readonly target: string;
  readonly phase: string;
  /** Part of the phase that is over. */
  readonly share: number;
  readonly totals: Totals | undefined;
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
  readonly isHelpShown: boolean;
  /** No colours: NO_COLOR, or a terminal that has none. */
  readonly isPlain: boolean;
}

/** Generator's own lag above this is shown as a warning, in nanoseconds. */
const lagWarnNs = 10e6;
const escapeCode = "\u001b";
const colourOrCharacter = new RegExp(`${escapeCode}\\[[\\d;]*m|.`, "gsu");
const bars = "▁▂▃▄▅▆▇█";

export function dashboardLines(state: DashboardState, columns: number, rows: number): readonly string[] {
  if (state.isHelpShown) return helpLines.map((line) => cut(line, columns));
  const lines = [...headLines(state, columns), "", ...rateLines(state, columns), "", ...latencyLines(state), ""];
  const rest = [...statusLines(state), ...errorLines(state)];
  return [...lines, ...rest]
    .slice(0, Math.max(1, rows - 1))
    .map((line) => cut(line, columns))
    .concat(footer(state, columns));
}

const helpLines = [
  "Keys",
  "",
  "  q, Ctrl-C   end the run in order, and keep what was measured",
  "  ?           this, and back",
  "",
  "Latency counts from when a message was due, in brackets from when it was sent.",
  "The generator's own lag is how late it looked at its schedule: above 10 ms figures are in doubt.",
];

function headLines({ title, target, phase, share, isPlain }: DashboardState, columns: number): readonly string[] {
  const width = Math.max(10, Math.min(40, columns - 30));
  const done = Math.round(Math.max(0, Math.min(1, share)) * width);
  const bar = "█".repeat(done) + "░".repeat(width - done);
  return [
    paint(isPlain, "1", `mqtt-bench  ${title} against ${target}`),
    `${phase.padEnd(10)} ${bar} ${Math.floor(share * 100)} %`,
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

function latencyLines({ totals, interval }: DashboardState): readonly string[] {
  if (totals === undefined) return [];
  const { endToEnd, endToEndActual } = totals.histograms;
  const shares = [0.5, 0.9, 0.99, 0.999] as const;
  const cell = (ns: number) => duration(ns).padStart(10);
  const whole = shares.map((share) => cell(endToEnd.quantileNs(share))).join("");
  const actual = shares.map((share) => cell(endToEndActual.quantileNs(share))).join("");
  const last = interval === undefined ? "" : `${cell(interval.p50Ns)}${" ".repeat(10)}${cell(interval.p99Ns)}`;
  return [
    `latency${" ".repeat(11)}${["p50", "p90", "p99", "p99.9", "max"].map((name) => name.padStart(10)).join("")}`,
    `  from when due   ${whole}${cell(endToEnd.maxNs)}`,
    `  from when sent  ${actual}${cell(endToEndActual.maxNs)}`,
    `  last interval   ${last}`,
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
    lagNs > lagWarnNs ? paint(isPlain, "31;1", `${own}: THE GENERATOR IS LATE`) : own,
    broker === undefined
      ? "broker     cannot be seen from here"
      : `broker     ${broker.cores.toFixed(2)} cores, ${(broker.memoryBytes / 2 ** 20).toFixed(0)} MiB`,
  ];
}

function errorLines({ totals, thresholds, isPlain }: DashboardState): readonly string[] {
  const errors = totals?.errors.list().slice(0, 5) ?? [];
  return [
    ...errors.map(({ code, count: number, sample }) =>
      paint(isPlain, "33", `${count(number)} × ${code}: ${printable(sample)}`),
    ),
    ...thresholds.map(({ text }) => `limit      ${text}`),
  ];
}

function footer({ isPlain }: DashboardState, columns: number): string {
  return paint(isPlain, "2", cut("q ends the run   ? help", columns));
}

/** The newest values to the right, scaled to the largest. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = shown.reduce((a, b) => Math.max(a, b), 0);
  return shown.map((value) => bars[most === 0 ? 0 : Math.round((value / most) * (bars.length - 1))]).join("");
}

function paint(isPlain: boolean, code: string, text: string): string {
  return isPlain ? text : `${escapeCode}[${code}m${text}${escapeCode}[0m`;
}

/** What a broker says may hold anything. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}

/** At most `columns` wide; sequences that colour take no room. */
function cut(line: string, columns: number): string {
  let room = columns;
  return line.replace(colourOrCharacter, (part) => (part.startsWith(escapeCode) ? part : room-- > 0 ? part : ""));
}
