/**
 * Renders a table as an example config file in which everything is commented out: `# ` starts prose, `#` directly
 * before a key starts a setting. With those keys uncommented it is a valid file of defaults and examples.
 */

import { fileKey, mayComeFrom, type OptionRow, type OptionTable } from "./option-table.ts";
import { describeBounds } from "./option-types.ts";
import { groupRows, listNotations, placeholderOf, wrapText } from "./render-options.ts";

const columnsMax = 100;

export function renderExampleToml(table: OptionTable): string {
  const legend = listNotations(table).map(({ placeholder, notation }) => `# ${placeholder}: ${notation}.`);
  const blocks = legend.length === 0 ? [] : [legend.join("\n")];
  for (const [group, members] of groupRows(table)) {
    const rows = members.filter((row) => mayComeFrom(row, "file"));
    if (rows.length > 0) blocks.push(`# ---- ${group} ----`, ...rows.map(renderRow));
  }
  return `${blocks.join("\n\n")}\n`;
}

function renderRow(row: OptionRow): string {
  const values = [placeholderOf(row), describeBounds(row)].filter((part) => part !== "").join(", ");
  const prose = wrapText(row.help + (values === "" ? "" : ` (${values})`), columnsMax - 2);
  return [...prose.map((line) => `# ${line}`), `#${fileKey(row)} = ${renderValue(row)}`].join("\n");
}

/** Strings, numbers, booleans and lists of them are written alike in JSON and TOML. */
function renderValue(row: OptionRow): string {
  if (row.default !== undefined) return JSON.stringify(row.default);
  const fallback = row.type === "integer" ? 0 : row.type === "boolean" ? false : placeholderOf(row);
  const example = row.example ?? fallback;
  return JSON.stringify(row.repeatable === true ? [example] : example);
}
