/** Figures as text for people, and the shape of lists of them. */

/** `1.234 ms`: three or four digits and a unit. */
export function duration(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(ns >= 1e8 ? 0 : 2)} ms`;
  return `${(ns / 1e3).toFixed(0)} µs`;
}

/** `1,234,567`, without a fraction from 10 on. */
export function count(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(2) : value.toFixed(0);
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

export function mebibytes(bytes: number): string {
  return `${count(bytes / 2 ** 20)} MiB`;
}

export type Rows = readonly (readonly [name: string, value: string])[];

export function section(title: string, rows: Rows): readonly string[] {
  return [title, ...rows.map(([name, value]) => `  ${name.padEnd(24)}${value}`), ""];
}

export function listSection(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ""];
}
