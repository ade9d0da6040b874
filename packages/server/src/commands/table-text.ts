/** Rows of an answer as a table of text. */

import type { Row } from "./ask-server.ts";

/** Columns as wide as their widest cell; numbers to the right. */
export function renderTable(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return "none\n";
  const columns = Object.keys(first).map((name) => {
    const cells = rows.map((row) => renderCell(name, row[name]));
    const width = Math.max(name.length, ...cells.map((cell) => cell.length));
    const pad = (cell: string) =>
      typeof first[name] === "number" && !isTime(name) ? cell.padStart(width) : cell.padEnd(width);
    return { title: pad(name), cells: cells.map(pad) };
  });
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((_, index) => columns.map(({ cells }) => cells[index]!)),
  ];
  return lines.map((cells) => `${cells.join("  ").trimEnd()}\n`).join("");
}

function isTime(column: string): boolean {
  return column === "published" || column === "expires" || column === "timestamp" || column === "due";
}

/** What clients chose may hold anything: control characters are not printed as they are. */
export function renderCell(column: string, value: unknown): string {
  if (value === null) return "-";
  if (isTime(column) && typeof value === "number") return new Date(value).toISOString();
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value).replace(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
