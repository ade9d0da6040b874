/**
 * All runs of a result file as a page: for each tool its columns, its filters, and boxes to lay runs over each other. It
 * works without script.
 */

import type { RunRow, ToolProfile } from "../measure/tool-profile.ts";
import { toolProfileOf, toolProfiles } from "../tools.ts";
import { renderPage } from "./report-page.ts";
import { escapeHtml } from "./svg-chart.ts";

/** `first`: the tool whose runs come first. `wanted`: values of columns to filter by. */
export function renderRuns(first: ToolProfile, rows: readonly RunRow[], wanted: URLSearchParams): string {
  const profiles = [first, ...toolProfiles.filter((profile) => profile !== first)];
  const blocks = profiles.flatMap((profile) => {
    const own = rows.filter((row) => toolProfileOf(row) === profile);
    return own.length === 0 && profile !== first ? [] : [renderRunsOf(profile, own, wanted)];
  });
  const body = ["<h1>Runs</h1>", ...blocks, '<p class="soft"><a href="/db">the result file</a></p>'];
  return renderPage(`${first.tool} runs`, body.join("\n"));
}

function renderRunsOf(profile: ToolProfile, rows: readonly RunRow[], wanted: URLSearchParams): string {
  const { filters } = profile;
  const cells = rows.map((row) => ({ id: row.scenarioId, cells: profile.listed(row) }));
  const shown = cells.filter(({ cells: own }) =>
    filters.every((name) => !wanted.get(name) || wanted.get(name) === String(own[name])),
  );
  const selects = filters.map((name) => {
    const values = [...new Set(cells.map(({ cells: own }) => String(own[name])))].sort();
    const options = values.map((value) => {
      const mark = wanted.get(name) === value ? " selected" : "";
      return `<option${mark}>${escapeHtml(value)}</option>`;
    });
    return `<label>${name} <select name="${name}"><option value="">all</option>${options.join("")}</select></label>`;
  });
  const lines = shown.map(({ id, cells: own }) => {
    const [started = "", ...others] = Object.values(own).map((cell) => escapeHtml(String(cell)));
    const box = `<input type="checkbox" name="run" value="${escapeHtml(id)}" aria-label="run of ${started}">`;
    const link = `<a href="/report?run=${escapeHtml(id)}">${started}</a>`;
    return `<tr><td>${box}${link}</td>${others.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
  });
  const titles = Object.keys(cells[0]?.cells ?? {}).map((title) => `<th>${escapeHtml(title)}</th>`);
  return [
    `<h2>${profile.tool}</h2><p class="soft">${shown.length} of ${rows.length}</p>`,
    `<form>${selects.join(" ")} <button>Filter</button></form>`,
    '<form action="/report"><div class="scroll"><table>',
    `<tr>${titles.join("")}</tr>${lines.join("")}</table></div>`,
    "<p><button>Show the chosen runs together</button></p></form>",
  ].join("\n");
}
