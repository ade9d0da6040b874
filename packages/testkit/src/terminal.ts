/** Runs a command in a terminal of its own, which util-linux's `script` makes, and reads what it shows. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

const program = ["/usr/bin/script", "/bin/script"].find((path) => existsSync(path));

/** Other systems' `script` takes other arguments. */
export const hasTerminals = program !== undefined && process.platform === "linux";

export interface TerminalProcess {
  /** `text`: all that was written, sequences included. */
  readonly ended: Promise<{ readonly code: number | null; readonly text: string }>;
  /** Lines on the screen, without colours, once `wanted` stands there. */
  until(wanted: RegExp): Promise<void>;
  shown(): string;
  /** All that was written, sequences included. */
  written(): string;
  press(key: string): void;
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
}

/** `argv`: a script of Node.js and its arguments. It ends with the test. */
export function startInTerminal(
  t: Pick<TestContext, "after">,
  argv: readonly string[],
  { env = { CI: "" }, columns = 100, rows = 40 }: TerminalOptions = {},
): TerminalProcess {
  const words = [process.execPath, ...argv].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const line = `stty rows ${rows} columns ${columns}; exec ${words.join(" ")}`;
  const child = spawn(program!, ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: tmpdir(),
    env: { ...process.env, LOG_LEVEL: "", TERM: "xterm", NO_COLOR: "", ...env },
  });
  t.after(() => child.kill("SIGKILL"));
  let text = "";
  let isOver = false;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.once("close", (code) => {
      isOver = true;
      resolve({ code, text });
    }),
  );
  return {
    ended,
    written: () => text,
    shown: () => screenOf(text).join("\n"),
    until: async (wanted) => {
      while (!wanted.test(screenOf(text).join("\n"))) {
        if (isOver) throw new Error(`it ended without ${wanted}: ${text}`);
        await sleep(20);
      }
    },
    press: (key) => child.stdin.write(key),
  };
}

const escapeCode = "\u001b";
const sequence = new RegExp(`${escapeCode}\\[(?:(\\d+);1H(.*?)${escapeCode}\\[K|2J)`, "gs");
const colours = new RegExp(`${escapeCode}\\[[\\d;]*m`, "g");

/** What a full-screen view of ours shows: the lines as the last of what was written to each of them left it; colours with them unless `isPlain`. */
export function screenOf(text: string, isPlain = true): readonly string[] {
  let lines: string[] = [];
  for (const [, row, content = ""] of text.matchAll(sequence)) {
    if (row === undefined) lines = [];
    else lines[Number(row) - 1] = isPlain ? content.replace(colours, "") : content;
  }
  return Array.from(lines, (line) => line ?? "");
}
