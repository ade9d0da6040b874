/**
 * One or several results as one HTML file that needs nothing else: verdict, figures, charts, tables, settings, and the data
 * itself, which two buttons save as JSON and CSV.
 */

import { slotEndNs } from "../measure/histogram.ts";
import { type Timing, timings as timingTitles } from "../measure/recorder.ts";
import { count, duration } from "../measure/render-summary.ts";
import type { Interval, RunResult } from "../measure/result.ts";
import { reportStyle } from "./report-style.ts";
import { type ChartTexts, escapeHtml, heatMap, lineChart, type Series } from "./svg-chart.ts";

/** At least one result; with several, charts lie over each other and a table compares them with the first. */
export function renderReport(results: readonly RunResult[]): string {
  const first = results[0]!;
  const title =
    results.length === 1 ? `${first.scenario} against ${targetName(first)}` : `${results.length} runs compared`;
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="soft">${escapeHtml(`mqtt-bench ${first.toolVersion}, ${first.startedAt}, on ${first.environment.hostname}`)}</p>`,
    ...results.map((result, index) =>
      renderVerdict(result, results.length === 1 ? "" : `${labelOf(results, index)}: `),
    ),
    results.length === 1 ? renderTiles(first) : renderComparison(results),
    renderCharts(results),
    ...results.map((result, index) => renderTables(result, results.length === 1 ? "" : `${labelOf(results, index)}: `)),
    renderData(results),
  ];
  return renderPage(title, body.join("\n"));
}

export function renderPage(title: string, body: string): string {
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escapeHtml(title)}</title><style>${reportStyle}</style></head><body>`,
    body,
    "</body></html>",
    "",
  ].join("\n");
}

function targetName({ target }: RunResult): string {
  return target.name === undefined ? `${target.host}:${target.port}` : `${target.name} ${target.version ?? ""}`.trim();
}

function labelOf(results: readonly RunResult[], index: number): string {
  const result = results[index]!;
  return `${index + 1}: ${result.scenario}, ${targetName(result)}`;
}

function renderVerdict({ thresholds, warnings, delivery, isPartial }: RunResult, label: string): string {
  const broken = thresholds.filter(({ isKept }) => !isKept);
  const kind = broken.length > 0 || delivery.lost > 0 ? "bad" : warnings.length > 0 || isPartial ? "warn" : "";
  const parts = [
    broken.length > 0 ? `broken: ${broken.map(({ text }) => text).join(", ")}` : "",
    thresholds.length > 0 && broken.length === 0 ? `all ${thresholds.length} thresholds are kept` : "",
    delivery.lost > 0 ? `${count(delivery.lost)} messages were lost` : "no message was lost",
  ].filter((part) => part !== "");
  const list = warnings.map((warning) => `<li>${escapeHtml(warning)}</li>`);
  const notes = list.length === 0 ? "" : `<ul>${list.join("")}</ul>`;
  return `<div class="verdict ${kind}"><b>${escapeHtml(label + parts.join("; "))}</b>${notes}</div>`;
}

function tilesOf(result: RunResult): readonly (readonly [string, string])[] {
  const { rates, delivery, timings, targetCost, generator } = result;
  const { endToEnd, endToEndActual } = timings;
  return [
    ["offered", rates.offered === 0 ? "no schedule" : `${count(rates.offered)}/s`],
    ["received", `${count(rates.received)}/s`],
    ["delivery", `${(delivery.rate * 100).toFixed(3)} %`],
    ["lost", count(delivery.lost)],
    ["duplicated", count(delivery.duplicates)],
    ["out of order", count(delivery.outOfOrder)],
    ["p50 from due", duration(endToEnd.p50Ns)],
    ["p99 from due", duration(endToEnd.p99Ns)],
    ["p99.9 from due", duration(endToEnd.p999Ns)],
    ["p99 from sent", duration(endToEndActual.p99Ns)],
    ["generator's lag p99", duration(generator.lagP99Ns)],
    ...(targetCost === undefined
      ? []
      : ([
          ["broker", `${targetCost.cpuCoresMean.toFixed(2)} cores`],
          ["broker's memory", `${(targetCost.memoryBytesMax / 2 ** 20).toFixed(0)} MiB`],
          ["per million", `${targetCost.cpuSecondsPerMillion.toFixed(1)} CPU s`],
        ] as const)),
  ];
}

function renderTiles(result: RunResult): string {
  const tiles = tilesOf(result).map(([name, value]) => `<div><span class="soft">${name}</span><b>${value}</b></div>`);
  return `<div class="tiles">${tiles.join("")}</div>`;
}

/** Which of these is better when it is higher; the others when they are lower. */
const higherIsBetter = new Set(["received", "delivery"]);

function renderComparison(results: readonly RunResult[]): string {
  const figures: readonly (readonly [string, (result: RunResult) => number, (value: number) => string])[] = [
    ["received", ({ rates }) => rates.received, (value) => `${count(value)}/s`],
    ["delivery", ({ delivery }) => delivery.rate * 100, (value) => `${value.toFixed(3)} %`],
    ["p50", ({ timings }) => timings.endToEnd.p50Ns, duration],
    ["p95", ({ timings }) => timings.endToEnd.p95Ns, duration],
    ["p99", ({ timings }) => timings.endToEnd.p99Ns, duration],
    ["mean", ({ timings }) => timings.endToEnd.meanNs, duration],
    ["broker's processor", ({ targetCost }) => targetCost?.cpuCoresMean ?? NaN, (value) => `${value.toFixed(2)} cores`],
  ];
  const rows = figures.map(([name, read, show]) => {
    const values = results.map(read);
    const known = values.filter((value) => !Number.isNaN(value));
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const [best, worst] = higherIsBetter.has(name) ? [high, low] : [low, high];
    const cells = values.map((value, index) => {
      if (Number.isNaN(value)) return "<td>-</td>";
      const kind = low === high ? "" : value === best ? "good" : value === worst ? "bad" : "";
      const change = index === 0 || values[0] === 0 ? "" : ` (${percent(value / values[0]! - 1)})`;
      return `<td class="${kind}">${show(value)}${change}</td>`;
    });
    return `<tr><th>${name}</th>${cells.join("")}</tr>`;
  });
  const titles = results.map((_, index) => `<th>${escapeHtml(labelOf(results, index))}</th>`);
  return `<h2>Comparison</h2><div class="scroll"><table><tr><th></th>${titles.join("")}</tr>${rows.join("")}</table></div>`;
}

function percent(share: number): string {
  return `${share >= 0 ? "+" : ""}${(share * 100).toFixed(1)} %`;
}

function renderCharts(results: readonly RunResult[]): string {
  const name = (index: number, what: string) => (results.length === 1 ? what : `${index + 1} ${what}`.trim());
  const over = (read: (interval: Interval, seconds: number) => number, what = ""): readonly Series[] =>
    results.map(({ intervals }, index) => ({ name: name(index, what), points: pointsOf(intervals, read) }));
  const time: Omit<ChartTexts, "title" | "showY"> = { xLabel: "seconds", showX: (ns) => (ns / 1e9).toFixed(0) };
  const latency = { ...time, showY: duration, isLogY: true };
  const [first] = results;
  const charts = [
    lineChart([...over(({ sent }, s) => sent / s, "sent"), ...over(({ received }, s) => received / s, "received")], {
      ...time,
      title: "Messages per second",
      showY: count,
    }),
    lineChart(
      [
        ...over(({ p50Ns }) => p50Ns, "p50"),
        ...over(({ p99Ns }) => p99Ns, "p99"),
        ...over(({ p99ActualNs }) => p99ActualNs, "p99 from when sent"),
      ],
      { ...latency, title: "Latency from when messages were due" },
    ),
    percentileChart(results),
    ...(results.length === 1 && first !== undefined
      ? [
          heatMap(
            first.intervals.map(({ relNs, cells }) => ({ x: relNs, cells: pairs(cells) })),
            { ...latency, title: "Latency over time: the darker the more messages" },
          ),
        ]
      : []),
    lineChart(
      over(({ sendLagP99Ns }) => sendLagP99Ns, "p99"),
      { ...latency, title: "Send lag" },
    ),
    lineChart([...over(({ open }) => open, "open"), ...over(({ backlog }) => backlog, "due and not sent")], {
      ...time,
      title: "Connections, and messages kept back",
      showY: count,
    }),
    lineChart(
      over(({ generator }) => generator.cpuCores, "generator"),
      {
        ...time,
        title: "Processor of the generator, in cores",
        showY: (value) => value.toFixed(1),
      },
    ),
  ];
  return `<h2>Over time</h2><div class="charts">${charts.join("\n")}</div>`;
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
    (["endToEnd", "endToEndActual"] as const).map((timing) => {
      const { cells, count: total } = result.timings[timing];
      let seen = 0;
      const points: (readonly [number, number])[] = [];
      for (const [slot, number] of pairs(cells)) {
        const ns = slotEndNs(slot);
        seen += number;
        points.push([place(Math.min(seen / total, 1 - 0.5 / total)), ns]);
      }
      const what = timing === "endToEnd" ? "from when due" : "from when sent";
      return { name: results.length === 1 ? what : `${index + 1} ${what}`, points };
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

function renderTables(result: RunResult, label: string): string {
  const times = (Object.keys(timingTitles) as Timing[])
    .filter((timing) => result.timings[timing].count > 0)
    .map((timing) => {
      const {
        count: total,
        minNs,
        p50Ns,
        p90Ns,
        p99Ns,
        p999Ns,
        p9999Ns,
        maxNs,
        meanNs,
        stdevNs,
      } = result.timings[timing];
      const cells = [minNs, p50Ns, p90Ns, p99Ns, p999Ns, p9999Ns, maxNs, meanNs, stdevNs].map(duration);
      return [timingTitles[timing], count(total), ...cells];
    });
  const subscriptions = result.subscriptions
    .slice(0, 200)
    .map((each) => [
      each.filter,
      ...[
        each.members,
        each.expected,
        each.received,
        each.lost,
        each.duplicates,
        each.outOfOrder,
        each.late,
        each.corrupt,
      ].map(count),
    ]);
  const { environment, settings } = result;
  const lines = (values: object) => Object.entries(values).map(([name, value]) => [name, String(value ?? "")]);
  const timeTitles = ["", "count", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max", "mean", "spread"];
  const accountTitles = [
    "",
    "members",
    "expected",
    "received",
    "lost",
    "duplicated",
    "out of order",
    "late",
    "corrupt",
  ];
  const more =
    result.subscriptions.length > 200 ? `<p class="soft">… and ${result.subscriptions.length - 200} more</p>` : "";
  return [
    `<h2>${escapeHtml(label)}Times</h2>${renderRows(timeTitles, times)}`,
    `<h2>${escapeHtml(label)}Subscriptions</h2>${renderRows(accountTitles, subscriptions)}${more}`,
    result.errors.length === 0
      ? ""
      : `<h2>${escapeHtml(label)}Errors</h2>${renderRows(
          ["code", "count", "sample"],
          result.errors.map(({ code, count: n, sample }) => [code, count(n), sample]),
        )}`,
    `<h2>${escapeHtml(label)}Settings and environment</h2><details><summary>show</summary>`,
    renderRows(["setting", "value"], lines(settings)),
    `${renderRows(["environment", "value"], lines(environment))}</details>`,
  ].join("\n");
}

export function renderRows(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table>${line(titles, "th")}${rows.map((row) => line(row, "td")).join("")}</table></div>`;
}

/** `<` is written as an escape, so that nothing in the data can end the element it stands in. */
function renderData(results: readonly RunResult[]): string {
  const data = JSON.stringify(results).replaceAll("<", "\\u003c");
  return [
    '<h2>Data</h2><p><button id="json">Save as JSON</button><button id="csv">Save intervals as CSV</button></p>',
    `<script type="application/json" id="data">${data}</script>`,
    `<script>${saveScript}</script>`,
  ].join("\n");
}

const saveScript = `
const results = JSON.parse(document.getElementById("data").textContent);
const save = (name, type, text) => { const link = document.createElement("a"); link.href = URL.createObjectURL(new Blob([text], { type })); link.download = name; link.click(); };
document.getElementById("json").onclick = () => save("mqtt-bench.json", "application/json", JSON.stringify(results, null, 1));
document.getElementById("csv").onclick = () => {
  const columns = ["relNs", "sent", "received", "acked", "errors", "p50Ns", "p95Ns", "p99Ns", "p99ActualNs", "meanNs", "sendLagP99Ns", "open", "backlog"];
  const rows = results.flatMap((result) => result.intervals.map((each) => [result.scenarioId, ...columns.map((name) => each[name])].join(",")));
  save("mqtt-bench.csv", "text/csv", ["scenarioId," + columns.join(","), ...rows].join("\\r\\n") + "\\r\\n");
};`;
