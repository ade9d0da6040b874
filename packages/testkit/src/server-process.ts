/**
 * Starts the real server as a child process on free ports with a directory of its own, and takes it down by its own
 * process id. For system tests, interop tests, examples and benchmarks.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ListenAddress } from "@polylog/base/transport";

export interface ServerProcess {
  readonly pid: number;
  readonly listeners: Readonly<Record<"mqtt" | "nsqTcp" | "nsqHttp" | "http", ListenAddress>>;
  /** Everything it has printed so far. */
  output(): string;
  /** Closes the pipes that it prints to. */
  stopReading(): void;
  /** SIGTERM (or another signal), then its exit code; null when a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** SIGKILL: the process dies in the middle of whatever it does. */
  kill(): Promise<void>;
  readonly exited: Promise<number | null>;
}

export interface ServerOptions {
  readonly dataDir: string;
  /** Further flags, after the defaults (every listener on port 0), so they win. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take to become ready, in milliseconds. Default 20,000. */
  readonly readyWithinMs?: number;
}

const command = fileURLToPath(new URL("../../server/bin/polylog.js", import.meta.url));

/** Resolves once every listener accepts; rejects with what the server printed when it exits before that. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const runDir = mkdtempSync(join(tmpdir(), "polylog-run-"));
  const readyFile = join(runDir, "ready.json");
  const flags = ["mqtt", "nsq-tcp", "nsq-http", "http"].map((name) => `--${name}-listen=127.0.0.1:0`);
  const child = spawn(
    process.execPath,
    [
      command,
      "serve",
      ...flags,
      `--data-dir=${options.dataDir}`,
      `--ready-file=${readyFile}`,
      ...(options.flags ?? []),
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...options.env } },
  );
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  child.stderr.on("data", (chunk) => (printed += chunk));
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  void exited.then(() => rmSync(runDir, { recursive: true, force: true }));
  try {
    await untilReady(child, readyFile, options.readyWithinMs ?? 20_000);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${(error as Error).message}\n${printed}`);
  }
  const { listeners } = JSON.parse(readFileSync(readyFile, "utf8")) as Pick<ServerProcess, "listeners">;
  return {
    pid: child.pid!,
    listeners,
    exited,
    output: () => printed,
    stopReading: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return exited;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function untilReady(child: ChildProcess, readyFile: string, withinMs: number): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the server exited with ${child.exitCode ?? child.signalCode} before it was ready:`);
    if (Date.now() > deadlineMs) throw new Error(`the server was not ready within ${withinMs} ms:`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
