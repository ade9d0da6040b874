/**
 * When work that can wait gets a slice of the event loop: reading what was written long ago, for somebody who is not waiting
 * for one message but for a gigabyte.
 *
 *     turn    | sockets read, what waits for the turn's end | slice |        a slice: at most one, about 0.2 ms
 *
 * A slice is run at the end of a turn in which nothing else was to be done; or, where there is no such turn, once everything
 * else has had `restFactor` times as long as the last slice took. So bulk work gets all of an idle loop, and of a
 * busy one a small, certain share: it neither starves nor is felt. Those who wait take turns, one slice each.
 *
 * `npm run bench -- old-reader` measures it.
 */

import { RingBuffer } from "../collections/index.ts";

/** Of a busy loop bulk work gets 1 part in `1 + restFactor`. */
const restFactor = 9;

/**
 * A turn that was over within this, or within so many times the shortest one seen, had nothing to do: here an empty one takes 0.005
 * to 0.01 ms, one with a command 0.04; a slower machine must not take its empty turns for work.
 */
const idleTurnMs = 0.02;
const idleTurnFactor = 2.5;

export class SpareTurns {
  readonly #waiting = new RingBuffer<() => void>();
  /** When the last look was, or the last slice ended. */
  #markMs = 0;
  #shortestMs = Number.POSITIVE_INFINITY;
  /** How long everything else may still take before the next slice. */
  #restMs = 0;

  get size(): number {
    return this.#waiting.size;
  }

  push(slice: () => void): void {
    this.#waiting.push(slice);
  }

  /** At the end of a turn: the slice to run now, if any; tell `end` when all that it caused is done. */
  next(nowMs: number): (() => void) | undefined {
    if (this.#waiting.size === 0) return undefined;
    const elsewhereMs = nowMs - this.#markMs;
    this.#markMs = nowMs;
    this.#shortestMs = Math.min(this.#shortestMs, elsewhereMs);
    const isIdle = elsewhereMs < Math.max(idleTurnMs, this.#shortestMs * idleTurnFactor);
    this.#restMs = isIdle ? 0 : this.#restMs - elsewhereMs;
    return this.#restMs > 0 ? undefined : this.#waiting.shift();
  }

  /** The slice that began at `startMs` is over. */
  end(startMs: number, nowMs: number): void {
    this.#restMs = (nowMs - startMs) * restFactor;
    this.#markMs = nowMs;
  }
}
