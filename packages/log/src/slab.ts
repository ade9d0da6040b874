/** One piece of a tail's memory and the batches in it, one behind another; and how batches leave it, to a file or a reader. */

import { batchTimestampFirst, batchTimestampLast } from "./batch.ts";
import type { Chunk } from "./chunk.ts";
import { indexIntervalSize, writeBuffersMax } from "./limits.ts";

export interface SlabOwner {
  /** True while an open batch lies in the slab. */
  isBuildingIn(slab: Slab): boolean;
  /** The cache took the slab back; the owner must not use it any more. */
  forget(slab: Slab): void;
}

export class Slab {
  readonly bytes: Buffer;
  readonly owner: SlabOwner;
  /** Start and first offset of every closed batch. */
  readonly #starts: number[] = [];
  readonly #offsets: number[] = [];
  /** End of the closed batches, and the offset after them. */
  #end = 0;
  #offsetNext = 0;
  /** How many of the closed batches are written. */
  #writtenCount = 0;
  released = false;
  /** Somebody may hold its memory for as long as he likes: a reader got a chunk of it, or a write of it did not end well. */
  lent = false;

  constructor(owner: SlabOwner, bytes: Buffer) {
    this.owner = owner;
    this.bytes = bytes;
  }

  get end(): number {
    return this.#end;
  }

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  /** True when nothing in it waits to be written. */
  get isWritten(): boolean {
    return this.#writtenCount === this.#starts.length;
  }

  /** A batch of offsets `[offset, offsetNext)` was closed in `bytes[start, end)`, where the one before it ends. */
  close(start: number, end: number, offset: number, offsetNext: number): void {
    this.#starts.push(start);
    this.#offsets.push(offset);
    this.#end = end;
    this.#offsetNext = offsetNext;
  }

  /** Size of the first batch that waits, 0 when none does. */
  firstWaitingSize(): number {
    const first = this.#writtenCount;
    return first === this.#starts.length ? 0 : this.#endOf(first) - this.#starts[first]!;
  }

  /** Where the first batch that waits begins; there must be one. */
  get firstWaitingStart(): number {
    return this.#starts[this.#writtenCount]!;
  }

  /** Adds batches that wait to `run`. False when not all of them fitted. */
  addTo(run: TailRun): boolean {
    const first = this.#writtenCount;
    if (first === this.#starts.length) return true;
    if (run.buffers.length === writeBuffersMax) return false;
    const start = this.#starts[first]!;
    let at = first;
    while (at < this.#starts.length && run.size + this.#endOf(at) - start <= run.sizeMax) {
      run.mark(this.bytes, this.#starts[at]!, run.size + this.#starts[at]! - start, this.#offsets[at]!);
      at++;
    }
    if (at === first) return false;
    const end = this.#endOf(at - 1);
    run.buffers.push(this.bytes.subarray(start, end));
    run.size += end - start;
    run.batches += at - first;
    run.offsetNext = this.#offsetAfter(at - 1);
    run.timestampLast = batchTimestampLast(this.bytes, this.#starts[at - 1]!);
    return at === this.#starts.length;
  }

  /** Up to `batches` of those that wait are written; returns how many were not its own. */
  markWritten(batches: number): number {
    const own = Math.min(batches, this.#starts.length - this.#writtenCount);
    this.#writtenCount += own;
    return batches - own;
  }

  /** Drops what waits, because it will never be written. */
  dropWaiting(): void {
    if (this.isWritten) return;
    this.lent = true;
    this.#end = this.#starts[this.#writtenCount]!;
    this.#offsetNext = this.#offsets[this.#writtenCount]!;
    this.#starts.length = this.#writtenCount;
    this.#offsets.length = this.#writtenCount;
  }

  /** True when every written batch in it lies behind `offset`, or there is none. */
  beginsAfter(offset: number): boolean {
    return this.#writtenCount === 0 || offset < this.#offsets[0]!;
  }

  /** Written batches from the one with `offset` on, about `sizeMax` bytes, at least one; undefined when it is not here. */
  chunkFrom(offset: number, sizeMax: number): Chunk | undefined {
    const last = this.#writtenCount - 1;
    if (last < 0 || offset < this.#offsets[0]! || offset >= this.#offsetAfter(last)) return undefined;
    const first = lastAtMost(this.#offsets, last, offset);
    const start = this.#starts[first]!;
    const until = this.#endOf(last) - start <= sizeMax ? last : this.#lastEndingBy(first, last, start + sizeMax);
    this.lent = true;
    return {
      bytes: this.bytes,
      start,
      end: this.#endOf(until),
      offsetFirst: this.#offsets[first]!,
      offsetNext: this.#offsetAfter(until),
    };
  }

  /** The last batch of `first` … `last` that ends at or before `end`, but at least `first`. */
  #lastEndingBy(first: number, last: number, end: number): number {
    // The batch that starts last at or before `end` is cut by it, unless it ends just there.
    const cut = lastAtMost(this.#starts, last, end);
    return Math.max(first, this.#endOf(cut) <= end ? cut : cut - 1);
  }

  #endOf(index: number): number {
    return index + 1 < this.#starts.length ? this.#starts[index + 1]! : this.#end;
  }

  #offsetAfter(index: number): number {
    return index + 1 < this.#offsets.length ? this.#offsets[index + 1]! : this.#offsetNext;
  }
}

/** Index of the last of `values[0..last]`, ascending, that is at most `limit`; the first one is. */
function lastAtMost(values: readonly number[], last: number, limit: number): number {
  if (values[last]! <= limit) return last;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (values[middle]! <= limit) low = middle;
    else high = middle;
  }
  return low;
}

/** A batch that an index should know: its first offset, its place in the run, its first timestamp. */
export interface BatchMark {
  readonly offset: number;
  readonly position: number;
  readonly timestampMs: number;
}

/** Closed batches on their way into one write. */
export class TailRun {
  readonly sizeMax: number;
  readonly buffers: Buffer[] = [];
  readonly marks: BatchMark[] = [];
  size = 0;
  batches = 0;
  offsetNext = 0;
  timestampLast = 0;
  #markAt: number;

  /** Takes up to `sizeMax` bytes. The first batch at or behind `markAt` is marked, and then one per index interval. */
  constructor(sizeMax: number, markAt: number) {
    this.sizeMax = sizeMax;
    this.#markAt = markAt;
  }

  mark(bytes: Buffer, start: number, position: number, offset: number): void {
    if (position < this.#markAt) return;
    this.marks.push({ offset, position, timestampMs: batchTimestampFirst(bytes, start) });
    this.#markAt = position + indexIntervalSize;
  }
}
