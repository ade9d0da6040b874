/**
 * Stands on one record of a partition: at once when it is in memory, after a read when it is not. Consecutive offsets
 * are one step each; a consumer that fell behind gets segments in large reads.
 */

import { type Chunk, type Partition, RecordCursor } from "@polylog/log";
import { readAheadSize } from "../limits.ts";

/** What `moveTo` answered: the record is there, is being read, or cannot be read. */
export type ReadOutcome = "there" | "reading" | "failed";

export class RecordReader {
  readonly record = new RecordCursor();
  /** Why the last read failed: OFFSET_OUT_OF_RANGE when retention removed it, CORRUPT_BATCH when it is damaged. */
  error: unknown;
  readonly #partition: Partition;
  readonly #onRead: () => void;
  #chunk: Chunk | undefined;
  #reading = false;

  /** `onRead` is called when a read that was under way has ended, well or not. */
  constructor(partition: Partition, onRead: () => void) {
    this.#partition = partition;
    this.#onRead = onRead;
  }

  /** Puts `record` on the record at `offset`, which must be below the high watermark. */
  moveTo(offset: number): ReadOutcome {
    try {
      return this.#find(offset);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #find(offset: number): ReadOutcome {
    const chunk = this.#chunk;
    if (chunk !== undefined && offset >= chunk.offsetFirst && offset < chunk.offsetNext)
      return this.#step(chunk, offset);
    if (this.#reading) return "reading";
    if (this.error !== undefined) return "failed";
    const cached = this.#partition.cachedChunk(offset);
    if (cached !== undefined) return this.#enter(cached, offset);
    void this.#read(offset);
    return "reading";
  }

  /** Forgets the chunk, so that an idle reader holds no memory, and the error. */
  release(): void {
    this.#chunk = undefined;
    this.error = undefined;
  }

  #step(chunk: Chunk, offset: number): ReadOutcome {
    if (offset === this.record.offset) return "there";
    if (offset < this.record.offset) return this.#enter(chunk, offset);
    while (this.record.next()) if (this.record.offset === offset) return "there";
    return this.#enter(chunk, offset);
  }

  #enter(chunk: Chunk, offset: number): ReadOutcome {
    this.#chunk = chunk;
    this.record.reset(chunk, offset);
    if (this.record.next() && this.record.offset === offset) return "there";
    return this.#fail(new Error(`no record ${offset} in its batch`));
  }

  /** A record that its batch announced and does not hold, or that cannot be read, is damage. */
  #fail(error: unknown): ReadOutcome {
    this.error = error;
    this.#chunk = undefined;
    return "failed";
  }

  async #read(offset: number): Promise<void> {
    this.#reading = true;
    try {
      const chunk = await this.#partition.readChunk(offset, readAheadSize);
      if (chunk === undefined) this.#fail(new Error(`record ${offset} is beyond the end`));
      else this.#enter(chunk, offset);
    } catch (error) {
      this.#fail(error);
    }
    this.#reading = false;
    this.#onRead();
  }
}
