/**
 * The database of a run without a connection string: `polylog serve` as a program, with its HTTP listener alone. It runs in a
 * group of its own, so that Ctrl-C ends the load first, and ends when this process does, however that comes about: its
 * standard input is a pipe from here.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "@polylog/base/clock";
import { loadgenErrors } from "../errors.ts";
import { embeddedStartTimeoutMs, embeddedStopTimeoutMs } from "../limits.ts";

const pollMs = 20;
const endsWithParent =
  'data:text/javascript,process.stdin.resume().on("close",()=>process.kill(process.pid,"SIGTERM")).on("error",()=>{})';
const listeners = ["mqtt", "nsq-tcp", "nsq-http", "lookupd-tcp", "lookupd-http"];

export class EmbeddedDatabase {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #runDirectory: string;
  readonly #clock: Clock;

  private constructor(address: string, child: ChildProcess, ended: Promise<void>, runDirectory: string, clock: Clock) {
    this.address = address;
    this.#child = child;
    this.#ended = ended;
    this.#runDirectory = runDirectory;
    this.#clock = clock;
  }

  /** `dataDir`: kept; undefined: one that goes when it is stopped. Rejects with EMBEDDED_FAILED. */
  static async start(dataDir: string | undefined, clock: Clock): Promise<EmbeddedDatabase> {
    const command = findCommand();
    const runDirectory = mkdtempSync(join(tmpdir(), "crate-write-"));
    const readyFile = join(runDirectory, "ready.json");
    const argv = [
      ...["--import", endsWithParent, command, "serve", "--http-listen=127.0.0.1:0", "--disk-reserve=0"],
      ...listeners.map((name) => `--${name}-listen=off`),
      ...[`--data-dir=${dataDir ?? join(runDirectory, "data")}`, `--ready-file=${readyFile}`, "--log-level=warn"],
    ];
    const child = spawn(process.execPath, argv, { stdio: ["pipe", "ignore", "pipe"], detached: true });
    child.stdin?.on("error", () => undefined);
    let printed = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      printed = `${printed}${chunk.toString()}`.slice(-4000);
    });
    const ended = new Promise<void>((resolve) => {
      child.once("error", () => resolve());
      child.once("close", () => resolve());
    });
    let hasEnded = false;
    void ended.then(() => {
      hasEnded = true;
    });
    const deadlineMs = clock.monotonicMs() + embeddedStartTimeoutMs;
    while (!existsSync(readyFile)) {
      if (hasEnded || clock.monotonicMs() > deadlineMs) {
        child.kill("SIGKILL");
        rmSync(runDirectory, { recursive: true, force: true });
        throw loadgenErrors.EMBEDDED_FAILED({
          reason: printed.trim() || `it took more than ${embeddedStartTimeoutMs} ms`,
        });
      }
      await sleep(clock, pollMs);
    }
    const report = JSON.parse(readFileSync(readyFile, "utf8")) as { listeners: { http: { port: number } } };
    return new EmbeddedDatabase(`http://127.0.0.1:${report.listeners.http.port}`, child, ended, runDirectory, clock);
  }

  /** Waits until its files are closed, for a time; then ends it. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await Promise.race([this.#ended, sleep(this.#clock, embeddedStopTimeoutMs)]);
    this.#child.kill("SIGKILL");
    rmSync(this.#runDirectory, { recursive: true, force: true });
  }
}

/** The `polylog` command beside this one. Throws EMBEDDED_FAILED. */
function findCommand(): string {
  try {
    return fileURLToPath(new URL("../bin/polylog.js", import.meta.resolve("polylog")));
  } catch (error) {
    throw loadgenErrors.EMBEDDED_FAILED({ reason: "the package polylog is not installed beside crate-write" }, error);
  }
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, ms);
  });
}
