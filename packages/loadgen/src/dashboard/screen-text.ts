/** Pieces of a dashboard's text: bars, graphs, colours, and lines cut to the width of the screen. */

import { count, duration } from "../measure/figure-text.ts";
import type { Histogram } from "../measure/histogram.ts";
import type { Interval } from "../measure/result.ts";

const escapeCode = "\u001b";
const colourOrCharacter = new RegExp(`${escapeCode}\\[[\\d;]*m|.`, "gsu");
const bars = "▁▂▃▄▅▆▇█";

/** Codes of colours and weights. */
export const paints = { bold: "1", dim: "2", bad: "31;1", warn: "33", good: "32", graph: "36" } as const;

/** `isPlain`: as it is. */
export function paint(isPlain: boolean, code: string, text: string): string {
  return isPlain || text === "" ? text : `${escapeCode}[${code}m${text}${escapeCode}[0m`;
}

/** What a target says may hold anything. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
}

/** At most `columns` wide; sequences that colour take no room. */
export function cut(line: string, columns: number): string {
  let room = columns;
  return line.replace(colourOrCharacter, (part) => (part.startsWith(escapeCode) ? part : room-- > 0 ? part : ""));
}

/** Broken between words into lines of at most `columns`, where a word is not longer; those after the first stand two further in. */
export function wrapped(line: string, columns: number): readonly string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const at = rest.lastIndexOf(" ", columns);
    if (at <= 2) break;
    lines.push(rest.slice(0, at));
    rest = `  ${rest.slice(at + 1)}`;
  }
  return [...lines, rest];
}

/** `share`: 0 to 1, and cut to that. */
export function progressBar(share: number, width: number): string {
  const done = Math.round(Math.max(0, Math.min(1, share)) * width);
  return "█".repeat(done) + "░".repeat(width - done);
}

/** The newest values to the right, scaled to the largest. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = shown.reduce((a, b) => Math.max(a, b), 0);
  return shown.map((value) => bars[most === 0 ? 0 : Math.round((value / most) * (bars.length - 1))]).join("");
}

/** Columns of the scale at the left of a graph. */
export const scaleWidth = 12;
/** Columns of one value, at most. */
const valueWidthMax = 4;

/** `height` lines with a scale at the left: the newest values to the right, from 0 to the largest that is shown. */
export function graph(
  values: readonly number[],
  width: number,
  height: number,
  isPlain: boolean,
  show: (value: number) => string = count,
): readonly string[] {
  const room = Math.max(1, width - scaleWidth);
  // While there are few of them, each is wider.
  const perValue = Math.max(1, Math.min(valueWidthMax, Math.floor(room / Math.max(1, values.length))));
  const shown = values.slice(-room).flatMap((value) => new Array<number>(perValue).fill(value));
  const most = shown.reduce((a, b) => Math.max(a, b), 0);
  const eighths = shown.map((value) => (most === 0 ? 0 : Math.round((value / most) * height * bars.length)));
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * bars.length;
    const cells = eighths.map((value) => {
      const part = Math.min(bars.length, value - below);
      return part > 0 ? bars[part - 1]! : below === 0 ? "▁" : " ";
    });
    const mark = line === 0 ? show(most) : line === height - 1 ? "0" : "";
    return `${mark.padStart(scaleWidth - 3)} ┤ ${paint(isPlain, paints.graph, " ".repeat(room - shown.length) + cells.join(""))}`;
  });
}

export interface LatencyRow {
  readonly title: string;
  readonly histogram: Histogram;
}

/** Percentiles of the whole run, and of the last interval. Rows of nothing are left out. */
export function latencyLines(rows: readonly LatencyRow[], interval: Interval | undefined): readonly string[] {
  const shares = [0.5, 0.9, 0.99, 0.999] as const;
  const cell = (ns: number) => duration(ns).padStart(10);
  const titles = ["p50", "p90", "p99", "p99.9", "max"].map((name) => name.padStart(10)).join("");
  const whole = rows
    .filter(({ histogram }) => histogram.count > 0)
    .map(({ title, histogram }) => {
      const cells = shares.map((share) => cell(histogram.quantileNs(share))).join("");
      return `  ${title.padEnd(16)}${cells}${cell(histogram.maxNs)}`;
    });
  const last = interval === undefined ? "" : `${cell(interval.p50Ns)}${" ".repeat(10)}${cell(interval.p99Ns)}`;
  return [`latency${" ".repeat(11)}${titles}`, ...whole, `  ${"last interval".padEnd(16)}${last}`];
}
