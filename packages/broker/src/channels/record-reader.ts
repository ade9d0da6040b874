/**
 * Stands on one record of a partition: at once when it is in memory, after a read when it is not. Consecutive offsets
 * are one step each; a consumer that fell behind gets segments in large reads, and what was read in slices, each in a spare
 * turn of the event loop.
 *
 * Producers that take all of the loop would leave a channel behind for ever, once it is not in memory any more: while it is
 * farther from the end than it has been, it gets large slices, and as much of the loop as everybody else.
 */

import type { Clock } from "@polylog/base/clock";
import { type Chunk, type Partition, RecordCursor } from "@polylog/log";
import { fallenBehindSliceFactor, readAheadSize, readSliceRecords, readSliceSize } from "../limits.ts";

/** What `moveTo` answered: the record is there, is being read, is not in its batch (compacted, repaired), or cannot be read. */
export type ReadOutcome = "there" | "reading" | "gap" | "failed";

export class RecordReader {
  readonly record = new RecordCursor();
  /** Why the last read failed: OFFSET_OUT_OF_RANGE when retention removed it, CORRUPT_BATCH when it is damaged. */
  error: unknown;
  /** After `gap`: there is no record from the offset asked for to before this one. */
  gapEnd = 0;
  #errorOffset = 0;
  readonly #partition: Partition;
  readonly #clock: Clock;
  readonly #onRead: () => void;
  readonly #readSize: number;
  #chunk: Chunk | undefined;
  /** `record` is on a record of the chunk. */
  #standing = false;
  #reading = false;
  /** What may still be stepped through in this slice. Records in memory before they were asked for have no slices. */
  #sliceRecords = 0;
  #sliceSize = 0;
  /** The fewest records that were still to come when a slice began, since they were in memory. */
  #behindMin = Number.POSITIVE_INFINITY;
  #fallsBehind = false;
  readonly #beginSlice = (): void => {
    const factor = this.#fallsBehind ? fallenBehindSliceFactor : 1;
    this.#sliceRecords = readSliceRecords * factor;
    this.#sliceSize = readSliceSize * factor;
    this.#reading = false;
    this.#onRead();
  };

  /** `onRead` is called when a read that was under way has ended, well or not. */
  constructor(partition: Partition, clock: Clock, onRead: () => void, readSize = readAheadSize) {
    this.#partition = partition;
    this.#clock = clock;
    this.#onRead = onRead;
    this.#readSize = readSize;
  }

  /** Puts `record` on the record at `offset`, which must be below the high watermark. */
  moveTo(offset: number): ReadOutcome {
    try {
      return this.#find(offset);
    } catch (error) {
      return this.#fail(offset, error);
    }
  }

  #find(offset: number): ReadOutcome {
    const chunk = this.#chunk;
    if (this.#reading) return "reading";
    if (chunk !== undefined && offset >= chunk.offsetFirst && offset < chunk.offsetNext)
      return this.#step(chunk, offset);
    if (this.error !== undefined && offset === this.#errorOffset) return "failed";
    this.error = undefined;
    const cached = this.#partition.cachedChunk(offset);
    if (cached !== undefined) {
      this.#sliceRecords = this.#sliceSize = Number.POSITIVE_INFINITY;
      this.#behindMin = Number.POSITIVE_INFINITY;
      return this.#enter(cached, offset);
    }
    void this.#read(offset);
    return "reading";
  }

  /** Forgets the chunk, so that an idle reader holds no memory, and the error. */
  release(): void {
    this.#drop();
    this.error = undefined;
  }

  #step(chunk: Chunk, offset: number): ReadOutcome {
    if (this.#sliceRecords <= 0 || this.#sliceSize <= 0) {
      this.#reading = true;
      const behind = this.#partition.highWatermark - offset;
      this.#fallsBehind = behind > this.#behindMin;
      this.#behindMin = Math.min(this.#behindMin, behind);
      this.#clock.atSpareTurn(this.#beginSlice, this.#fallsBehind ? "half" : "tenth");
      return "reading";
    }
    if (!this.#standing || offset < this.record.offset) return this.#enter(chunk, offset);
    while (this.#standing && this.record.offset < offset) this.#standing = this.record.next();
    return this.#outcome(chunk, offset);
  }

  #drop(): void {
    if (this.#chunk !== undefined) this.#partition.giveBack(this.#chunk);
    this.#chunk = undefined;
    this.#standing = false;
  }

  #enter(chunk: Chunk, offset: number): ReadOutcome {
    if (this.#chunk !== chunk) this.#drop();
    this.#chunk = chunk;
    this.record.reset(chunk, offset);
    this.#standing = this.record.next();
    return this.#outcome(chunk, offset);
  }

  /** `record` is on the first record of the chunk from `offset` on, if there is one. */
  #outcome(chunk: Chunk, offset: number): ReadOutcome {
    if (this.#standing && this.record.offset === offset) {
      this.#sliceRecords--;
      this.#sliceSize -= this.record.valueEnd - this.record.frameStart;
      return "there";
    }
    this.gapEnd = this.#standing ? this.record.offset : chunk.offsetNext;
    return "gap";
  }

  #fail(offset: number, error: unknown): ReadOutcome {
    this.error = error;
    this.#errorOffset = offset;
    this.#drop();
    return "failed";
  }

  async #read(offset: number): Promise<void> {
    this.#reading = true;
    try {
      const chunk = await this.#partition.borrowChunk(offset, this.#readSize);
      if (chunk === undefined) this.#fail(offset, new Error(`record ${offset} is beyond the end`));
      else this.#enter(chunk, offset);
    } catch (error) {
      this.#fail(offset, error);
    }
    this.#beginSlice();
  }
}
