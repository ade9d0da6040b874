/** Rows as columns as wide as their widest cell; numbers to the right, control characters escaped. */

export type Cell = string | number | boolean | null;

export function renderTable(rows: readonly Readonly<Record<string, Cell>>[], titles?: readonly string[]): string {
  const names = titles ?? Object.keys(rows[0] ?? {});
  if (names.length === 0) return "none\n";
  return renderColumns(
    names,
    rows.map((row) => names.map((name) => row[name] ?? null)),
  );
}

export function renderColumns(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const columns = titles.map((title, index) => {
    const cells = rows.map((row) => renderCell(row[index] ?? null));
    const width = Math.max(title.length, ...cells.map((cell) => cell.length));
    const isNumber = rows.length > 0 && rows.every((row) => typeof row[index] === "number" || row[index] === null);
    return [title, ...cells].map((cell) => (isNumber ? cell.padStart(width) : cell.padEnd(width)));
  });
  const lines = [titles, ...rows].map((_, line) => columns.map((cells) => cells[line]).join("  "));
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

function renderCell(value: Cell): string {
  if (value === null) return "-";
  return String(value).replace(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
