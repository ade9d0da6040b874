/**
 * One or several results of a tool as one HTML file that needs nothing else: verdict, figures, charts, tables, settings, and
 * the data itself, which two buttons save as JSON and CSV. What things are called, and which figures and tables there are,
 * stands in the tool's profile.
 */

import { count, duration } from "../measure/figure-text.ts";
import { pickMetrics, showMetric, showThreshold } from "../measure/metrics.ts";
import type { RunResult } from "../measure/result.ts";
import type { ToolProfile } from "../measure/tool-profile.ts";
import { renderCharts } from "./report-charts.ts";
import { reportStyle } from "./report-style.ts";
import { escapeHtml } from "./svg-chart.ts";

/** At least one result, all of the profile's tool; with several, charts lie over each other and a table compares them with the first. */
export function renderReport(profile: ToolProfile, results: readonly RunResult[]): string {
  const first = results[0]!;
  const title = results.length === 1 ? profile.titleOf(first) : `${results.length} runs compared`;
  const label = (index: number) => (results.length === 1 ? "" : `${labelOf(profile, results, index)}: `);
  const body = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="soft">${escapeHtml(`${first.tool} ${first.toolVersion}, ${first.startedAt}, on ${first.environment.hostname}`)}</p>`,
    ...results.map((result, index) => renderVerdict(profile, result, label(index))),
    results.length === 1 ? renderTiles(profile, first) : renderComparison(profile, results),
    renderCharts(profile.words, results),
    ...results.map((result, index) => renderTables(profile, result, label(index))),
    renderData(first.tool, results),
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

function labelOf(profile: ToolProfile, results: readonly RunResult[], index: number): string {
  return `${index + 1}: ${profile.titleOf(results[index]!)}`;
}

function renderVerdict(profile: ToolProfile, result: RunResult, label: string): string {
  const { thresholds, warnings, isPartial } = result;
  const broken = thresholds.filter(({ isKept }) => !isKept);
  const { text, isBad } = profile.verdictOf(result);
  const kind = broken.length > 0 || isBad ? "bad" : warnings.length > 0 || isPartial ? "warn" : "";
  const parts = [
    broken.length > 0 ? `broken: ${broken.map((each) => each.text).join(", ")}` : "",
    thresholds.length > 0 && broken.length === 0 ? keptText(thresholds.length) : "",
    text,
  ].filter((part) => part !== "");
  const list = warnings.map((warning) => `<li>${escapeHtml(warning)}</li>`);
  const notes = list.length === 0 ? "" : `<ul>${list.join("")}</ul>`;
  return `<div class="verdict ${kind}"><b>${escapeHtml(label + parts.join("; "))}</b>${notes}</div>`;
}

function keptText(thresholds: number): string {
  return thresholds === 1 ? "the threshold is kept" : `all ${thresholds} thresholds are kept`;
}

/** Those that were measured. */
function renderTiles({ metrics, tiles }: ToolProfile, result: RunResult): string {
  const boxes = pickMetrics(metrics, tiles).flatMap((metric) => {
    const value = metric.read(result);
    if (Number.isNaN(value)) return [];
    const [title, shown] = [metric.title, showMetric(metric, value)].map(escapeHtml);
    return [`<div><span class="soft">${title}</span><b>${shown}</b></div>`];
  });
  return `<div class="tiles">${boxes.join("")}</div>`;
}

function renderComparison(profile: ToolProfile, results: readonly RunResult[]): string {
  const compared = [...profile.compared, ...["generator", profile.words.target].map((whose) => `${whose}.cpu`)];
  const rows = pickMetrics(profile.metrics, compared).flatMap((metric) => {
    const values = results.map((result) => metric.read(result));
    const known = values.filter((value) => !Number.isNaN(value));
    if (known.length === 0) return [];
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const [best, worst] = metric.better === "higher" ? [high, low] : [low, high];
    const cells = values.map((value, index) => {
      if (Number.isNaN(value)) return "<td>-</td>";
      const kind = low === high ? "" : value === best ? "good" : value === worst ? "bad" : "";
      const change = index === 0 || values[0] === 0 ? "" : ` (${percent(value / values[0]! - 1)})`;
      return `<td class="${kind}">${showMetric(metric, value)}${change}</td>`;
    });
    return [`<tr><th>${escapeHtml(metric.title)}</th>${cells.join("")}</tr>`];
  });
  const titles = results.map((_, index) => `<th>${escapeHtml(labelOf(profile, results, index))}</th>`);
  return `<h2>Comparison</h2><div class="scroll"><table><tr><th></th>${titles.join("")}</tr>${rows.join("")}</table></div>`;
}

function percent(share: number): string {
  return `${share >= 0 ? "+" : ""}${(share * 100).toFixed(1)} %`;
}

function renderTables(profile: ToolProfile, result: RunResult, label: string): string {
  const { environment, settings, thresholds } = result;
  const lines = (values: object) => Object.entries(values).map(([name, value]) => [name, String(value ?? "")]);
  const limits = thresholds.map((each) => [
    each.text,
    showThreshold(profile.metrics, each),
    each.isKept ? "kept" : "BROKEN",
  ]);
  return [
    renderTable(`${label}Thresholds`, ["limit", "it is", ""], limits),
    ...profile.tablesOf(result).map(({ title, columns, rows, note = "" }) => {
      const after = note === "" ? "" : `<p class="soft">${escapeHtml(note)}</p>`;
      return renderTable(label + title, columns, rows) + after;
    }),
    renderTable(`${label}Times`, timeTitles, timeRows(profile, result)),
    renderTable(
      `${label}Errors`,
      ["code", "count", "sample"],
      result.errors.map(({ code, count: times, sample }) => [code, count(times), sample]),
    ),
    `<h2>${escapeHtml(label)}Settings and environment</h2><details><summary>show</summary>`,
    renderRows(["setting", "value"], lines(settings)),
    `${renderRows(["environment", "value"], lines(environment))}</details>`,
  ].join("\n");
}

const timeTitles = ["", "count", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max", "mean", "spread"];

function timeRows({ timings }: ToolProfile, result: RunResult): readonly (readonly string[])[] {
  return Object.entries(timings).flatMap(([timing, title]) => {
    const times = result.timings[timing];
    if (times === undefined || times.count === 0) return [];
    const { minNs, p50Ns, p90Ns, p99Ns, p999Ns, p9999Ns, maxNs, meanNs, stdevNs } = times;
    const cells = [minNs, p50Ns, p90Ns, p99Ns, p999Ns, p9999Ns, maxNs, meanNs, stdevNs].map(duration);
    return [[title, count(times.count), ...cells]];
  });
}

/** Nothing when there are no rows. */
function renderTable(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? "" : `<h2>${escapeHtml(title)}</h2>${renderRows(columns, rows)}`;
}

export function renderRows(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table>${line(titles, "th")}${rows.map((row) => line(row, "td")).join("")}</table></div>`;
}

/** `<` is written as an escape, so that nothing in the data can end the element it stands in. */
function renderData(tool: string, results: readonly RunResult[]): string {
  const data = JSON.stringify(results).replaceAll("<", "\\u003c");
  return [
    '<h2>Data</h2><p><button id="json">Save as JSON</button><button id="csv">Save intervals as CSV</button></p>',
    `<script type="application/json" id="data">${data}</script>`,
    `<script>${saveScript(tool)}</script>`,
  ].join("\n");
}

/** `tool`: the beginning of file names. */
const saveScript = (tool: string) => `
const results = JSON.parse(document.getElementById("data").textContent);
const save = (name, type, text) => { const link = document.createElement("a"); link.href = URL.createObjectURL(new Blob([text], { type })); link.download = name; link.click(); };
document.getElementById("json").onclick = () => save("${tool}.json", "application/json", JSON.stringify(results, null, 1));
document.getElementById("csv").onclick = () => {
  const columns = ["relNs", "sent", "received", "acked", "errors", "p50Ns", "p95Ns", "p99Ns", "p99ActualNs", "meanNs", "sendLagP99Ns", "open", "backlog"];
  const rows = results.flatMap((result) => result.intervals.map((each) => [result.scenarioId, ...columns.map((name) => each[name])].join(",")));
  save("${tool}.csv", "text/csv", ["scenarioId," + columns.join(","), ...rows].join("\\r\\n") + "\\r\\n");
};`;
