/**
 * Consecutive records as the text of a JSON array, cut where an answer or notification must end: at the high watermark,
 * or when it has enough records or bytes. One record is always taken, however large, so that a reader gets past it.
 */

import { type Chunk, type Partition, RecordCursor } from "@polylog/broker";
import { recordSliceSize } from "../limits.ts";
import type { Encoding } from "./encoding.ts";
import { JsonParts } from "./json-parts.ts";
import { addRecord, recordSize } from "./record-text.ts";

export interface RunBounds {
  readonly recordsMax: number;
  /** Of keys, headers and values, before encoding. */
  readonly bytesMax: number;
}

/** What a record takes in time besides its bytes, in bytes. */
const recordOverhead = 256;

export class RecordRun {
  readonly #bounds: RunBounds;
  readonly #encoding: Encoding;
  readonly #cursor = new RecordCursor();
  readonly #parts = new JsonParts();
  /** What the cursor stands in. */
  #chunk: Chunk | undefined;
  #count = 0;
  #bytes = 0;
  /** Where to read on. */
  offsetNext: number;

  constructor(offset: number, encoding: Encoding, bounds: RunBounds) {
    this.offsetNext = offset;
    this.#encoding = encoding;
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.#bounds.recordsMax || this.#bytes >= this.#bounds.bytesMax;
  }

  /**
   * Takes the records of `chunk` from `offsetNext` on, below `offsetEnd`, until the run is full. After a slice of `recordSliceSize` bytes it
   * returns true: there is more to take, by the same call. Throws CORRUPT_BATCH when the chunk does not hold what its
   * batches announce; the run then has what came before.
   */
  take(chunk: Chunk, offsetEnd: number): boolean {
    const end = Math.min(offsetEnd, chunk.offsetNext);
    const cursor = this.#cursor;
    if (this.#chunk !== chunk) cursor.reset(chunk, this.offsetNext);
    this.#chunk = chunk;
    let size = 0;
    while (!this.isFull) {
      if (size >= recordSliceSize) return true;
      if (!cursor.next() || cursor.offset >= end) {
        this.offsetNext = Math.max(this.offsetNext, end);
        return false;
      }
      this.offsetNext = cursor.offset;
      const bytes = recordSize(cursor);
      if (this.#count > 0 && this.#bytes + bytes > this.#bounds.bytesMax) {
        this.#bytes = this.#bounds.bytesMax;
        return false;
      }
      this.#parts.add(this.#count === 0 ? "[" : ",");
      addRecord(this.#parts, cursor, this.#encoding);
      this.#count++;
      this.#bytes += bytes;
      size += bytes + recordOverhead;
      this.offsetNext++;
    }
    return false;
  }

  /** The array. Call it once, after the last `take`. */
  text(): readonly Buffer[] {
    this.#parts.add(this.#count === 0 ? "[]" : "]");
    return this.#parts.take();
  }
}

/** Records of `chunk` from `offset` on, counted up to `countMax`. */
export function countRecords(chunk: Chunk, offset: number, countMax: number): number {
  const cursor = new RecordCursor();
  cursor.reset(chunk, offset);
  let count = 0;
  while (count < countMax && cursor.next()) count++;
  return count;
}

/** The chunk with the record at `offset`, which must be below the high watermark: from memory, or read. */
export function chunkAt(partition: Partition, offset: number, bytesMax: number): Chunk | Promise<Chunk | undefined> {
  return partition.cachedChunk(offset) ?? partition.borrowChunk(offset, bytesMax);
}
