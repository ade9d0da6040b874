/** All runs of a result file as a page: filters, and boxes to lay runs over each other. It works without script. */

import { count, duration } from "../measure/render-summary.ts";
import { renderPage } from "./report-page.ts";
import { escapeHtml } from "./svg-chart.ts";

/** What is shown of a run. */
export interface RunSummary {
  readonly scenarioId: string;
  readonly startedAt: string;
  readonly broker: string;
  readonly scenario: string;
  readonly qos: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly rate: number;
  readonly receivedRate: number | undefined;
  readonly deliveryRate: number | undefined;
  readonly p99Ns: number | undefined;
  readonly isPartial: boolean;
  readonly notes: string;
}

/** Columns that can be filtered by, and what each shows. */
const filters = {
  broker: ({ broker }: RunSummary) => broker,
  scenario: ({ scenario }: RunSummary) => scenario,
  qos: ({ qos }: RunSummary) => `${qos}`,
  publishers: ({ publishers }: RunSummary) => `${publishers}`,
  subscribers: ({ subscribers }: RunSummary) => `${subscribers}`,
  rate: ({ rate }: RunSummary) => `${rate}`,
} as const;

export function renderRuns(rows: readonly RunSummary[], wanted: URLSearchParams): string {
  const names = Object.keys(filters) as (keyof typeof filters)[];
  const shown = rows.filter((row) =>
    names.every((name) => !wanted.get(name) || wanted.get(name) === filters[name](row)),
  );
  const selects = names.map((name) => {
    const values = [...new Set(rows.map(filters[name]))].sort();
    const options = values.map((value) => {
      const mark = wanted.get(name) === value ? " selected" : "";
      return `<option${mark}>${escapeHtml(value)}</option>`;
    });
    return `<label>${name} <select name="${name}"><option value="">all</option>${options.join("")}</select></label>`;
  });
  const lines = shown.map((row) => {
    const cells = [
      row.startedAt.slice(0, 19).replace("T", " "),
      ...names.map((name) => filters[name](row)),
      row.receivedRate === undefined ? "-" : `${count(row.receivedRate)}/s`,
      row.deliveryRate === undefined ? "-" : `${(row.deliveryRate * 100).toFixed(2)} %`,
      row.p99Ns === undefined ? "-" : duration(row.p99Ns),
      `${row.isPartial ? "(partial) " : ""}${row.notes}`,
    ];
    const box = `<input type="checkbox" name="run" value="${escapeHtml(row.scenarioId)}">`;
    const link = `<a href="/report?run=${escapeHtml(row.scenarioId)}">${escapeHtml(cells[0]!)}</a>`;
    return `<tr><td>${box}${link}</td>${cells
      .slice(1)
      .map((cell) => `<td>${escapeHtml(cell)}</td>`)
      .join("")}</tr>`;
  });
  const titles = ["started", ...names, "received", "delivery", "p99", "notes"].map((title) => `<th>${title}</th>`);
  const body = [
    `<h1>Runs</h1><p class="soft">${shown.length} of ${rows.length}</p>`,
    `<form>${selects.join(" ")} <button>Filter</button></form>`,
    '<form action="/report"><div class="scroll"><table>',
    `<tr>${titles.join("")}</tr>${lines.join("")}</table></div>`,
    "<p><button>Show the chosen runs together</button></p></form>",
    '<p class="soft"><a href="/db">the result file</a></p>',
  ];
  return renderPage("mqtt-bench runs", body.join("\n"));
}
