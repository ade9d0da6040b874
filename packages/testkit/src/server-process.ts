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
  /** `mqttTls`, `nsqHttps` and `httpTls` are there when flags switch them on. */
  readonly listeners: Readonly<
    Record<
      "mqtt" | "mqttTls" | "nsqTcp" | "nsqHttp" | "nsqHttps" | "lookupdTcp" | "lookupdHttp" | "http" | "httpTls",
      ListenAddress
    >
  >;
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
  /** Further flags, after the defaults (every listener on port 0, no disk reserve), so they win. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take to become ready, in milliseconds. Default 20,000. */
  readonly readyWithinMs?: number;
  /** Put in front of the command: `["strace", "-D", …]`. It must leave the process id to the server, as `exec` does. */
  readonly wrapper?: readonly string[];
}

/** A process that has loaded the server and waits to be told to start it. */
export interface PreparedServer {
  /** Resolves and rejects as `startServer` does. */
  start(): Promise<ServerProcess>;
  /** Starts it and kills it after `afterMs`, wherever it has got to. */
  startAndKill(afterMs: number): Promise<void>;
  discard(): Promise<void>;
}

const listenerNames = ["mqtt", "nsq-tcp", "nsq-http", "lookupd-tcp", "lookupd-http", "http"];
const command = fileURLToPath(new URL("../../server/bin/polylog.js", import.meta.url));
/** The same as modules: what was loaded of them before need not be loaded again, as a bundle would be. */
const mainModule = fileURLToPath(new URL("../../server/dist/main.js", import.meta.url));
const serveModule = new URL("../../server/dist/commands/serve.js", import.meta.url).href;

/** Resolves once every listener accepts; rejects with what the server printed when it exits before that. */
export function startServer(options: ServerOptions): Promise<ServerProcess> {
  return untilStarted(launch(options, [command]), options);
}

/**
 * Loading the modules is nine tenths of a start: a test that starts the server hundreds of times has the next process
 * load them while the one before it works. Nothing of the server runs, and the data directory is not looked at, before
 * `start`.
 */
export function prepareServer(options: ServerOptions): PreparedServer {
  const loadAndWait = `data:text/javascript,await import(${JSON.stringify(serveModule)});
    await new Promise((go) => process.stdin.once("data", go)); process.stdin.destroy();`;
  const launched = launch(options, ["--import", loadAndWait, mainModule]);
  const { child } = launched;
  const kill = async () => {
    child.kill("SIGKILL");
    await launched.exited;
  };
  child.stdin?.on("error", () => undefined);
  return {
    start: () => {
      child.stdin?.write("go");
      return untilStarted(launched, options);
    },
    startAndKill: async (afterMs) => {
      child.stdin?.write("go");
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await kill();
    },
    discard: kill,
  };
}

interface Launched {
  readonly child: ChildProcess;
  readonly readyFile: string;
  readonly printed: () => string;
  readonly exited: Promise<number | null>;
}

function launch(options: ServerOptions, nodeArguments: readonly string[]): Launched {
  const runDir = mkdtempSync(join(tmpdir(), "polylog-run-"));
  const readyFile = join(runDir, "ready.json");
  const listeners = listenerNames.map((name) => `--${name}-listen=127.0.0.1:0`);
  // A reserve would be written anew for the directory of every test.
  const files = [`--data-dir=${options.dataDir}`, `--ready-file=${readyFile}`, "--disk-reserve=0"];
  const flags = [...listeners, ...files, ...(options.flags ?? [])];
  const words = [...(options.wrapper ?? []), process.execPath, ...nodeArguments, "serve", ...flags];
  const stdin = nodeArguments.length === 1 ? "ignore" : "pipe";
  const child = spawn(words[0]!, words.slice(1), {
    stdio: [stdin, "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  let printed = "";
  child.stdout!.on("data", (chunk) => (printed += chunk));
  child.stderr!.on("data", (chunk) => (printed += chunk));
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code))); // With all it printed.
  void exited.then(() => rmSync(runDir, { recursive: true, force: true }));
  return { child, readyFile, exited, printed: () => printed };
}

async function untilStarted(launched: Launched, options: ServerOptions): Promise<ServerProcess> {
  const { child, readyFile, exited, printed } = launched;
  try {
    await untilReady(child, readyFile, options.readyWithinMs ?? 20_000);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${(error as Error).message}\n${printed()}`);
  }
  const { listeners } = JSON.parse(readFileSync(readyFile, "utf8")) as Pick<ServerProcess, "listeners">;
  return {
    pid: child.pid!,
    listeners,
    exited,
    output: printed,
    stopReading: () => {
      child.stdout!.destroy();
      child.stderr!.destroy();
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
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
