/** The charts of a report: over time, by percentile and as a heat map. */

import { count, duration } from "../measure/figure-text.ts";
import { slotEndNs } from "../measure/histogram.ts";
import type { Interval, RunResult } from "../measure/result.ts";
import type { Words } from "../measure/words.ts";
import { type ChartTexts, heatMap, lineChart, type Series } from "./svg-chart.ts";

/** Charts of several runs lie over each other. */
export function renderCharts(words: Words, results: readonly RunResult[]): string {
  const charts = [...rateCharts(words, results), ...latencyCharts(words, results), ...loadCharts(words, results)];
  return `<h2>Over time</h2><div class="charts">${charts.join("\n")}</div>`;
}

/** Of short runs with a fraction, so that no two marks read alike. */
function timeAxis(results: readonly RunResult[]): Pick<ChartTexts, "xLabel" | "showX"> {
  const longestNs = Math.max(0, ...results.map(({ intervals }) => intervals.at(-1)?.relNs ?? 0));
  return { xLabel: "seconds", showX: (ns) => (ns / 1e9).toFixed(longestNs < 10e9 ? 1 : 0) };
}

/** A line for each run. */
function over(
  results: readonly RunResult[],
  read: (interval: Interval, seconds: number) => number,
  what: string,
): readonly Series[] {
  return results.map(({ intervals }, index) => ({
    name: results.length === 1 ? what : `${index + 1} ${what}`,
    points: pointsOf(intervals, read),
  }));
}

function rateCharts({ items, sent, received }: Words, results: readonly RunResult[]): readonly string[] {
  const rates = [
    ...over(results, (interval, s) => interval.sent / s, sent),
    ...over(results, (interval, s) => interval.received / s, received),
  ];
  const time = timeAxis(results);
  const hasErrors = results.some(({ intervals }) => intervals.some(({ errors }) => errors > 0));
  return [
    lineChart(rates, { ...time, title: `${capital(items)} per second`, showY: count }),
    ...(hasErrors
      ? [
          lineChart(
            over(results, ({ errors }, s) => errors / s, "errors"),
            { ...time, title: "Errors per second", showY: count },
          ),
        ]
      : []),
  ];
}

function latencyCharts({ timedItems }: Words, results: readonly RunResult[]): readonly string[] {
  const [first] = results;
  const scheduled = results.filter(({ timings }) => timings.endToEnd.count > 0).length;
  const isScheduled = scheduled > 0;
  const latency = { ...timeAxis(results), showY: duration, isLogY: true };
  const lines = [
    ...over(results, ({ p50Ns }) => p50Ns, "p50"),
    ...over(results, ({ p99Ns }) => p99Ns, "p99"),
    ...(isScheduled ? over(results, ({ p99ActualNs }) => p99ActualNs, "p99 from when sent") : []),
  ];
  const mixed = isScheduled && scheduled < results.length ? "; without a schedule, sent" : "";
  const title = `Latency from when ${timedItems} were ${isScheduled ? "due" : "sent"}${mixed}`;
  const heat = { ...latency, title: `Latency over time: the darker the more ${timedItems}` };
  return [
    lineChart(lines, { ...latency, title }),
    percentileChart(results),
    ...(results.length === 1 && first !== undefined
      ? [
          heatMap(
            first.intervals.map(({ relNs, cells }) => ({ x: relNs, cells: pairs(cells) })),
            heat,
          ),
        ]
      : []),
    ...(isScheduled
      ? [
          lineChart(
            over(results, ({ sendLagP99Ns }) => sendLagP99Ns, "p99"),
            { ...latency, title: "Send lag" },
          ),
        ]
      : []),
  ];
}

function loadCharts({ open, backlog, openTitle }: Words, results: readonly RunResult[]): readonly string[] {
  const kept = [
    ...over(results, (interval) => interval.open, open),
    ...over(results, (interval) => interval.backlog, backlog),
  ];
  const time = timeAxis(results);
  const cpu = over(results, ({ generator }) => generator.cpuCores, "generator");
  const memory = over(results, ({ generator }) => generator.memoryBytes / 2 ** 20, "generator");
  return [
    lineChart(kept, { ...time, title: openTitle, showY: count }),
    lineChart(cpu, { ...time, title: "Processor of the generator, in cores", showY: (value) => value.toFixed(2) }),
    lineChart(memory, { ...time, title: "Memory of the generator, in MiB", showY: count }),
  ];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function pointsOf(
  intervals: readonly Interval[],
  read: (interval: Interval, seconds: number) => number,
): readonly (readonly [number, number])[] {
  return intervals.map((interval, index) => {
    const seconds = (interval.relNs - (intervals[index - 1]?.relNs ?? 0)) / 1e9;
    return [interval.relNs, read(interval, seconds)] as const;
  });
}

function pairs(cells: readonly number[]): readonly (readonly [number, number])[] {
  return Array.from({ length: cells.length / 2 }, (_, index) => [cells[2 * index]!, cells[2 * index + 1]!] as const);
}

/** Latency up to each share, on an axis of 1 / (1 - share): each step to the right is a nine more. */
function percentileChart(results: readonly RunResult[]): string {
  const marks = [0.5, 0.9, 0.99, 0.999, 0.9999];
  const place = (share: number) => -Math.log10(1 - share);
  const series = results.flatMap((result, index) =>
    (["endToEnd", "endToEndActual"] as const).flatMap((timing): readonly Series[] => {
      const { cells, count: total } = result.timings[timing];
      if (total === 0) return [];
      let seen = 0;
      const points: (readonly [number, number])[] = [];
      for (const [slot, number] of pairs(cells)) {
        const ns = slotEndNs(slot);
        seen += number;
        points.push([place(Math.min(seen / total, 1 - 0.5 / total)), ns]);
      }
      const what = timing === "endToEnd" ? "from when due" : "from when sent";
      return [{ name: results.length === 1 ? what : `${index + 1} ${what}`, points }];
    }),
  );
  return lineChart(series, {
    title: "Latency by percentile",
    xLabel: "percentile",
    showX: (x) => `${((1 - 10 ** -x) * 100).toFixed(Math.max(0, Math.round(x) - 2))} %`,
    showY: duration,
    isLogY: true,
    xMarks: marks.map(place).filter((x) => series.some(({ points }) => (points.at(-1)?.[0] ?? 0) >= x)),
  });
}
