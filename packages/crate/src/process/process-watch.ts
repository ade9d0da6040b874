/**
 * Watches the database's process while statements are under way, and says when it has to end: it has more memory than it may
 * have, which DuckDB's own limit does not keep (one value of a gigabyte is outside of it), or it does not answer.
 */

import type { Clock } from "@polylog/base/clock";
import { pingIntervalMs, pingTimeoutMs, watchIntervalMs } from "../limits.ts";
import { residentBytesOf } from "./resident-memory.ts";

export interface ProcessWatchOptions {
  readonly pid: number;
  readonly memoryBytesMax: number;
  readonly clock: Clock;
  /** Asks the process to say something. */
  readonly ping: () => void;
  /** Called once. */
  readonly onEnd: (reason: string) => void;
}

export class ProcessWatch {
  readonly #options: ProcessWatchOptions;
  #timer: unknown;
  #heardAtMs = 0;
  #askedAtMs = 0;

  constructor(options: ProcessWatchOptions) {
    this.#options = options;
  }

  /** While statements are under way. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.heard();
    this.#schedule();
  }

  stop(): void {
    this.#options.clock.clearTimer(this.#timer as never);
    this.#timer = undefined;
  }

  /** The process said something. */
  heard(): void {
    this.#heardAtMs = this.#options.clock.monotonicMs();
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(() => this.#look(), watchIntervalMs);
  }

  #look(): void {
    const { pid, memoryBytesMax, clock, ping, onEnd } = this.#options;
    const nowMs = clock.monotonicMs();
    const mebibytes = (bytes: number) => Math.round(bytes / 1024 / 1024);
    const bytes = residentBytesOf(pid) ?? 0;
    if (bytes > memoryBytesMax) {
      this.stop();
      onEnd(`what was asked took ${mebibytes(bytes)} MiB of memory, and ${mebibytes(memoryBytesMax)} are allowed`);
    } else if (nowMs - this.#heardAtMs > pingTimeoutMs) {
      this.stop();
      onEnd("its process did not answer any more");
    } else {
      if (nowMs - this.#askedAtMs > pingIntervalMs) {
        this.#askedAtMs = nowMs;
        ping();
      }
      this.#schedule();
    }
  }
}
