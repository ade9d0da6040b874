/** A terminal and a keyboard for tests of dashboards. */

import assert from "node:assert/strict";

const escapeCode = "\u001b";
const sequences = new RegExp(`${escapeCode}\\[(\\d+);(\\d+)H(.*?)${escapeCode}\\[K|${escapeCode}\\[[?\\w]+`, "gs");
const colours = new RegExp(`${escapeCode}\\[[\\d;]*m`, "g");

/** Shows what a terminal would: lines, and whether the alternate screen is on. */
export class FakeTerminal {
  columns = 60;
  rows = 20;
  lines: string[] = [];
  isAlternate = false;
  isCursorShown = true;
  isRaw = false;
  written = 0;
  #resize: () => void = () => undefined;
  #data: (bytes: Buffer) => void = () => undefined;
  write(text: string): void {
    this.written++;
    for (const [sequence, row, , rest] of text.matchAll(sequences)) {
      if (row !== undefined) this.lines[Number(row) - 1] = rest!.replace(colours, "");
      else if (sequence === "\u001b[2J") this.lines = [];
      else if (/1049/.test(sequence)) this.isAlternate = sequence.endsWith("h");
      else if (/25/.test(sequence)) this.isCursorShown = sequence.endsWith("h");
    }
  }
  on(event: string, listener: never): void {
    if (event === "resize") this.#resize = listener;
    else this.#data = listener;
  }
  off(): void {
    this.#resize = () => undefined;
    this.#data = () => undefined;
  }
  setRawMode(isRaw: boolean): void {
    this.isRaw = isRaw;
  }
  resume(): void {}
  pause(): void {}
  resize(columns: number, rows: number): void {
    Object.assign(this, { columns, rows });
    this.#resize();
  }
  press(key: string): void {
    this.#data(Buffer.from(key));
  }
}

/** What is shown fits at any size; of one row a dashboard needs two. */
export function assertKeepsToSize(terminal: FakeTerminal): void {
  for (const [columns, rows] of [
    [20, 5],
    [80, 24],
    [200, 60],
    [1, 1],
  ] as const) {
    terminal.resize(columns, rows);
    const { lines } = terminal;
    assert.ok(lines.length <= Math.max(2, rows), `${lines.length} lines of ${rows}`);
    assert.ok(
      lines.every((line) => [...line].length <= columns),
      lines.join("\n"),
    );
  }
}
