/** The help of a command in the form of Go's flag package, and the same table as Markdown. */

import { formatGoDuration } from "./go-duration.ts";
import { type GoFlagRow, type GoFlagTable, zeroTexts } from "./go-flag-table.ts";

/** `Usage of NAME:` and two lines per flag, in alphabetical order. */
export function renderGoUsage(command: string, table: GoFlagTable): string {
  const lines = sortedRows(table).map(([name, row]) => {
    const { word, usage } = describe(row);
    const head = `  -${name}${word === "" ? "" : ` ${word}`}`;
    // Go gives a boolean flag of one letter one line.
    const gap = head.length <= 4 ? "\t" : "\n    \t";
    return `${head}${gap}${usage.replaceAll("\n", "\n    \t")}${defaultOf(row, (text) => JSON.stringify(text))}\n`;
  });
  return `Usage of ${command}:\n${lines.join("")}`;
}

/** A table with a row for each flag. */
export function renderGoMarkdown(table: GoFlagTable): string {
  const rows = sortedRows(table).map(([name, row]) => {
    const { word, usage } = describe(row);
    const shown = row.type === "strings" || row.type === "count" ? "" : defaultText(row);
    const value = word === "" ? "" : ` ${word.toUpperCase()}`;
    return `| \`-${name}${value}\` | ${cell(usage)} | ${shown === "" ? "" : `\`${JSON.stringify(shown).slice(1, -1)}\``} |`;
  });
  return ["| flag | what it does | default |", "|---|---|---|", ...rows].join("\n");
}

function sortedRows(table: GoFlagTable): [string, GoFlagRow][] {
  return Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
}

const words: Readonly<Record<GoFlagRow["type"], string>> = {
  bool: "",
  int: "int",
  float: "float",
  string: "string",
  text: "value",
  duration: "duration",
  strings: "value",
  count: "value",
};

/** What the help calls the value, and the usage without its back quotes. */
function describe(row: GoFlagRow): { word: string; usage: string } {
  const quoted = /`([^`]*)`/.exec(row.usage);
  if (quoted === null) return { word: isBare(row) ? "" : words[row.type], usage: row.usage };
  return { word: quoted[1]!, usage: row.usage.replace(quoted[0], quoted[1]!) };
}

function isBare(row: GoFlagRow): boolean {
  return row.type === "text" && row.bare !== undefined;
}

function defaultOf(row: GoFlagRow, quote: (text: string) => string): string {
  const text = defaultText(row);
  if (text === zeroTexts[row.type]) return "";
  return ` (default ${row.type === "string" ? quote(text) : text})`;
}

function defaultText(row: GoFlagRow): string {
  if (row.type === "text") return row.shown ?? row.default;
  if (row.type === "duration") return formatGoDuration(row.default);
  return row.default === undefined ? "" : String(row.default);
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
