/** Runs the `mqtt-bench` command as a child process. */

import { spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";

const command = fileURLToPath(new URL("../../packages/loadgen/bin/mqtt-bench.js", import.meta.url));

export interface BenchProcess {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** What stands there so far. */
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** Reads nothing of what it prints for so long. */
  pauseOutput(ms: number): void;
}

export function startBench(...argv: readonly string[]): BenchProcess {
  const child = spawn(process.execPath, [command, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, stdout, stderr })),
  );
  const pauseOutput = (ms: number) => {
    child.stdout.pause();
    setTimeout(() => child.stdout.resume(), ms);
  };
  const kill = (signal: NodeJS.Signals) => child.kill(signal);
  return { pid: child.pid!, ended, stdout: () => stdout, stderr: () => stderr, kill, pauseOutput };
}

/** The parts of a result that tests look at; `result.ts` of the package has all. */
export interface BenchResult {
  readonly runId: string;
  readonly isPartial: boolean;
  readonly drain?: { readonly messages: number; readonly ns: number };
  readonly counters: Readonly<Record<string, number>>;
  readonly delivery: Readonly<Record<string, number>>;
  readonly rates: Readonly<Record<"offered" | "sent" | "received", number>>;
  readonly timings: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly subscriptions: readonly {
    readonly expected: number;
    readonly received: number;
    readonly members: number;
    readonly fairness?: { readonly min: number; readonly max: number; readonly gini: number };
  }[];
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  readonly warnings: readonly string[];
}

/** Runs to the end and parses what `--json` prints; throws what it printed when it ended with another code than 0. */
export async function bench(...argv: readonly string[]): Promise<BenchResult> {
  const { code, stdout, stderr } = await startBench("run", ...argv, "--json", "--quiet").ended;
  if (code !== 0) throw new Error(`mqtt-bench ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as BenchResult;
}

/** A server of ours, ended with the test. */
export async function startBroker(t: TestContext, ...flags: string[]): Promise<ServerProcess> {
  const started = await startServer({ dataDir: temporaryDirectory(t), flags });
  t.after(() => started.kill());
  return started;
}

/** The flags that name it. */
export function at({ listeners }: ServerProcess): readonly string[] {
  return ["--host=127.0.0.1", `--port=${listeners.mqtt.port}`];
}
