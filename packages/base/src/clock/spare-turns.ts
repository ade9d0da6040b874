/**
 * When work that can wait gets a slice of the event loop: reading what was written long ago, for somebody who is not waiting
 * for one message but for a gigabyte.
 *
 *     turn    | sockets read, what waits for the turn's end | slice |        a slice: at most one, about 0.2 ms
 *
 * A slice is run at the end of a turn in which nothing else was to be done; or, where there is no such turn, once everything
 * else has had so many times as long as the last slice took. So bulk work gets all of an idle loop, and of a
 * busy one a small, certain share: it neither starves nor is felt. Those who wait take turns, one slice each.
 *
 * There are two shares, each with a queue of its own: a tenth for whoever reads; as much as all others for who would otherwise
 * be left behind by those whose work the loop is busy with.
 *
 * `npm run bench -- old-reader` measures it.
 */

import { RingBuffer } from "../collections/index.ts";

export type SpareShare = "tenth" | "half";

/**
 * A turn that was over within this, or within so many times the shortest one seen, had nothing to do: here an empty one takes 0.005
 * to 0.01 ms, one with a command 0.04; a slower machine must not take its empty turns for work.
 */
const idleTurnMs = 0.02;
const idleTurnFactor = 2.5;

/** Those who wait for the same share of a busy loop: 1 part in `1 + restFactor`. */
class Lane {
  readonly waiting = new RingBuffer<() => void>();
  readonly restFactor: number;
  /** How long everything else may still take before the next slice. */
  restMs = 0;

  constructor(restFactor: number) {
    this.restFactor = restFactor;
  }
}

export class SpareTurns {
  readonly #lanes: Readonly<Record<SpareShare, Lane>> = { tenth: new Lane(9), half: new Lane(1) };
  /** When the last look was, or the last slice ended. */
  #markMs = 0;
  #shortestMs = Number.POSITIVE_INFINITY;
  /** Whose slice was run last. */
  #last = this.#lanes.tenth;

  get size(): number {
    return this.#lanes.tenth.waiting.size + this.#lanes.half.waiting.size;
  }

  push(slice: () => void, share: SpareShare = "tenth"): void {
    this.#lanes[share].waiting.push(slice);
  }

  /** At the end of a turn: the slice to run now, if any; tell `end` when all that it caused is done. */
  next(nowMs: number): (() => void) | undefined {
    if (this.size === 0) return undefined;
    const elsewhereMs = nowMs - this.#markMs;
    this.#markMs = nowMs;
    this.#shortestMs = Math.min(this.#shortestMs, elsewhereMs);
    const isIdle = elsewhereMs < Math.max(idleTurnMs, this.#shortestMs * idleTurnFactor);
    const { tenth, half } = this.#lanes;
    for (const lane of [tenth, half]) lane.restMs = isIdle ? 0 : lane.restMs - elsewhereMs;
    const [first, second] = this.#last === half ? [tenth, half] : [half, tenth];
    return this.#take(first) ?? this.#take(second);
  }

  #take(lane: Lane): (() => void) | undefined {
    const slice = lane.restMs > 0 ? undefined : lane.waiting.shift();
    if (slice !== undefined) this.#last = lane;
    return slice;
  }

  /** The slice that began at `startMs` is over. */
  end(startMs: number, nowMs: number): void {
    this.#last.restMs = (nowMs - startMs) * this.#last.restFactor;
    this.#markMs = nowMs;
  }
}
