/**
 * Which records of one partition may be delivered in an ordered channel: of each key only the first that is not finished.
 * The others with that key are held, in the order of their offsets, until it is finished or dead.
 *
 *     key a    3 (in flight, ready or deferred) ◀── 5 ◀── 9      3 finished: 5 may be delivered
 *     key b    4
 *
 * Keys are told apart by a hash of 32 bits: two keys with the same one wait for each other as if they were one, which costs
 * time and breaks no order. Memory is about 120 bytes per key and 8 per record that waits, `orderedRecordsMax` of both
 * together; then no more fresh records are taken up until some are finished.
 */

import { RingBuffer } from "@polylog/base/collections";
import { murmur2 } from "../catalog/murmur2.ts";
import { orderedRecordsMax } from "../limits.ts";

interface Line {
  readonly hash: number;
  /** Behind the first one; made when there is something to put in. */
  waiting: RingBuffer<number> | undefined;
}

export class KeyOrder {
  readonly #lines = new Map<number, Line>();
  /** The lines once more, by the offset that is first in them. */
  readonly #firsts = new Map<number, Line>();
  #waitingCount = 0;

  /** True when no more fresh records should be taken up. */
  get isFull(): boolean {
    return this.#firsts.size + this.#waitingCount >= orderedRecordsMax;
  }

  /** `offset`, larger than all before it, has this key. True: it may be delivered; false: it is to be held. */
  enter(offset: number, key: Uint8Array): boolean {
    const hash = murmur2(key);
    const line = this.#lines.get(hash);
    if (line !== undefined) {
      line.waiting ??= new RingBuffer(2);
      line.waiting.push(offset);
      this.#waitingCount++;
      return false;
    }
    const created: Line = { hash, waiting: undefined };
    this.#lines.set(hash, created);
    this.#firsts.set(offset, created);
    return true;
  }

  /** `offset` is finished or dead. Returns the next one of its key if it was the first, or -1. */
  leave(offset: number): number {
    const line = this.#firsts.get(offset);
    if (line === undefined) return -1;
    this.#firsts.delete(offset);
    const next = line.waiting?.shift();
    if (next === undefined) {
      this.#lines.delete(line.hash);
      return -1;
    }
    this.#waitingCount--;
    this.#firsts.set(next, line);
    return next;
  }

  clear(): void {
    this.#lines.clear();
    this.#firsts.clear();
    this.#waitingCount = 0;
  }
}
