/**
 * Consecutive records as the text of a JSON array, cut where an answer or notification must end: at the high watermark,
 * or when it has enough records or bytes. One record is always taken, however large, so that a reader gets past it.
 */

import { type Chunk, type Partition, RecordCursor } from "@polylog/broker";
import type { Encoding } from "./encoding.ts";
import { recordSize, recordText } from "./record-text.ts";

export interface RunBounds {
  readonly recordsMax: number;
  /** Of keys, headers and values, before encoding. */
  readonly bytesMax: number;
}

export class RecordRun {
  readonly #bounds: RunBounds;
  readonly #encoding: Encoding;
  readonly #cursor = new RecordCursor();
  #records: string[] = [];
  #bytes = 0;
  /** Where to read on. */
  offsetNext: number;

  constructor(offset: number, encoding: Encoding, bounds: RunBounds) {
    this.offsetNext = offset;
    this.#encoding = encoding;
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#records.length;
  }

  get isFull(): boolean {
    return this.#records.length >= this.#bounds.recordsMax || this.#bytes >= this.#bounds.bytesMax;
  }

  /**
   * Takes the records of `chunk` from `offsetNext` on, below `offsetEnd`, until the run is full. Throws CORRUPT_BATCH when
   * the chunk does not hold what its batches announce; the run then has what came before.
   */
  take(chunk: Chunk, offsetEnd: number): void {
    const end = Math.min(offsetEnd, chunk.offsetNext);
    const cursor = this.#cursor;
    cursor.reset(chunk, this.offsetNext);
    while (!this.isFull) {
      if (!cursor.next() || cursor.offset >= end) {
        this.offsetNext = Math.max(this.offsetNext, end);
        return;
      }
      this.offsetNext = cursor.offset;
      const size = recordSize(cursor);
      if (this.#records.length > 0 && this.#bytes + size > this.#bounds.bytesMax) {
        this.#bytes = this.#bounds.bytesMax;
        return;
      }
      this.#records.push(recordText(cursor, this.#encoding));
      this.#bytes += size;
      this.offsetNext++;
    }
  }

  text(): string {
    return `[${this.#records.join(",")}]`;
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
  return partition.cachedChunk(offset) ?? partition.readChunk(offset, bytesMax);
}
