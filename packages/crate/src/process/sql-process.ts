/**
 * The database's process, seen from the server: begun by the first request, begun anew by the next one after it died. DuckDB's
 * queries take all threads that files are written by, so it must not run in the server's process. `ProcessWatch` ends it when
 * it has too much memory; then, and when a statement does not end in its time, whatever was under way is refused as UNAVAILABLE.
 */

import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Clock } from "@polylog/base/clock";
import type { Service, StopOptions } from "@polylog/base/lifecycle";
import type { Logger } from "@polylog/base/telemetry";
import type { NodeIdentity } from "../database/catalog.ts";
import type { SqlAnswer, SqlRequest } from "../database/sql-service.ts";
import { crateErrors } from "../errors.ts";
import {
  processMemoryBytes,
  processThreads,
  processTimeoutMs,
  requestBytesMax,
  requestsMax,
  requestsPerUserMax,
  statementTimeoutMs,
} from "../limits.ts";
import { databaseWord, type FromDatabase, type ToDatabase } from "./messages.ts";
import { ProcessWatch } from "./process-watch.ts";

export interface SqlProcessOptions {
  /** Where the database is; made when it is needed. */
  readonly directory: string;
  readonly node: NodeIdentity;
  /** How long one statement may run. Default `statementTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Memory of the process; with more it is ended, and begun anew. Default `processMemoryBytes`. */
  readonly memoryBytesMax?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Waiting {
  readonly user: string;
  readonly size: number;
  readonly resolve: (answer: SqlAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class SqlProcess implements Service {
  readonly name = "sql";
  readonly #options: SqlProcessOptions;
  readonly #waiting = new Map<number, Waiting>();
  #waitingBytes = 0;
  #nextId = 1;
  #child: Promise<ChildProcess> | undefined;
  /** The one that began last. One before it may still be ending. */
  #latest: ChildProcess | undefined;
  /** Of the latest, once it is there. */
  #watch: ProcessWatch | undefined;
  /** Why the latest was ended, if it was. */
  #endedFor: string | undefined;
  #isStopping = false;

  constructor(options: SqlProcessOptions) {
    this.#options = options;
  }

  /** Nothing: most servers are never asked. */
  async start(): Promise<void> {}

  /** Rejects with OVERLOADED, UNAVAILABLE. `onClose` is handed a function that gives the request up. */
  async answer(request: SqlRequest, onAbort: (abort: () => void) => void): Promise<SqlAnswer> {
    if (this.#isStopping) throw crateErrors.UNAVAILABLE({ reason: "the server is stopping" });
    const { user, body } = request;
    const size = body.length;
    if (
      this.#countOf(user) >= requestsPerUserMax ||
      this.#waiting.size >= requestsMax ||
      this.#waitingBytes + size > requestBytesMax
    )
      throw crateErrors.OVERLOADED({ count: this.#waiting.size });
    const id = this.#nextId++;
    const answered = new Promise<SqlAnswer>((resolve, reject) => {
      this.#waiting.set(id, { user, size, resolve, reject });
    });
    this.#waitingBytes += size;
    answered.catch(() => undefined);
    try {
      const child = await this.#running();
      this.#watch?.start();
      send(child, { type: "request", id, request });
      onAbort(() => send(child, { type: "abort", id }));
      return await answered;
    } finally {
      this.#waiting.delete(id);
      this.#waitingBytes -= size;
      if (this.#waiting.size === 0) this.#watch?.stop();
    }
  }

  #countOf(user: string): number {
    let count = 0;
    for (const waiting of this.#waiting.values()) if (waiting.user === user) count++;
    return count;
  }

  async stop({ deadlineMs = processTimeoutMs }: StopOptions = {}): Promise<void> {
    this.#isStopping = true;
    const child = await this.#child?.catch(() => undefined);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    send(child, { type: "close" });
    const timer = this.#options.clock.setTimer(() => child.kill("SIGKILL"), Math.min(deadlineMs, processTimeoutMs));
    await exited;
    this.#options.clock.clearTimer(timer);
  }

  #running(): Promise<ChildProcess> {
    this.#child ??= this.#begin().catch((error: unknown) => {
      this.#child = undefined;
      throw error;
    });
    return this.#child;
  }

  #begin(): Promise<ChildProcess> {
    const { directory, node, clock, logger, timeoutMs = statementTimeoutMs } = this.#options;
    const { memoryBytesMax = processMemoryBytes } = this.#options;
    return new Promise((resolve, reject) => {
      mkdirSync(directory, { recursive: true });
      // By its name, because a bundle lies elsewhere.
      const module = createRequire(import.meta.url).resolve("@polylog/crate/database-process");
      const child = fork(module, [databaseWord], {
        serialization: "advanced",
        execArgv: [],
        env: { ...process.env, UV_THREADPOOL_SIZE: String(processThreads) },
      });
      this.#latest = child;
      this.#endedFor = undefined;
      const endFor = (reason: string): void => {
        if (this.#latest === child) this.#endedFor = reason;
        child.kill("SIGKILL");
      };
      const ping = () => send(child, { type: "ping" });
      const watch = new ProcessWatch({ pid: child.pid ?? 0, memoryBytesMax, clock, ping, onEnd: endFor });
      this.#watch = watch;
      const fail = (reason: string): void => {
        child.kill("SIGKILL");
        reject(crateErrors.UNAVAILABLE({ reason }));
      };
      const timer = clock.setTimer(() => fail("its process did not begin in time"), processTimeoutMs);
      child.on("message", (message: FromDatabase) => {
        watch.heard();
        switch (message.type) {
          case "answer":
            this.#waiting.get(message.id)?.resolve(message.answer);
            break;
          case "pong":
            break;
          case "stuck":
            endFor("a statement did not end in its time");
            break;
          case "failed":
            clock.clearTimer(timer);
            logger.error("the SQL database cannot be opened", { directory, reason: message.message });
            fail(message.message);
            break;
          case "opened":
            clock.clearTimer(timer);
            resolve(child);
        }
      });
      child.on("error", (error) => fail(error.message));
      child.on("exit", (code, signal) => {
        clock.clearTimer(timer);
        watch.stop();
        if (this.#latest === child) this.#onExit(code ?? signal);
        reject(crateErrors.UNAVAILABLE({ reason: "its process ended" }));
      });
      const path = join(directory, "crate.duckdb");
      const temporaryDirectory = join(directory, "temporary");
      send(child, { type: "open", path, temporaryDirectory, node, timeoutMs, memoryBytesMax });
    });
  }

  #onExit(how: number | string | null): void {
    this.#child = undefined;
    const because = this.#endedFor === undefined ? "" : `: ${this.#endedFor}`;
    for (const { reject } of this.#waiting.values())
      reject(crateErrors.UNAVAILABLE({ reason: `its process ended while it worked on this${because}` }));
    if (this.#isStopping) return;
    const fields = { how, ...(this.#endedFor !== undefined && { reason: this.#endedFor }) };
    this.#options.logger.error("the process of the SQL database ended", fields);
  }
}

function send(child: ChildProcess, message: ToDatabase): void {
  if (child.connected) child.send(message, () => undefined);
}
