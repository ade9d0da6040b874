/**
 * Walks the records of a chunk without making an object per record. Hot: `embedded-partition.bench.ts` reads through it; the bar
 * is 3 million small records per second. A batch that came from a file passed its CRC before it got here, so a fault in
 * the frames inside is a writer's, and is thrown as CORRUPT_BATCH instead of being read beyond.
 */

import {
  batchCount,
  batchIsRich,
  batchIsSparse,
  batchOffset,
  batchPartition,
  batchRecordCount,
  batchRecordsStart,
  batchSize,
  batchTimestampFirst,
} from "./batch.ts";
import { readU64 } from "./bytes.ts";
import type { Chunk } from "./chunk.ts";
import { logErrors } from "./errors.ts";
import { richExpires, richHeaders, richKey, richNotBefore, richTopic } from "./rich-record.ts";

const nothing = Buffer.alloc(0);

/**
 * Yields the records that are there: offsets go up by one, except in and behind sparse batches. All positions are into `bytes`, which belong to the
 * chunk: slice to lend, copy to keep.
 */
export class RecordCursor {
  offset = 0;
  timestampMs = 0;
  /** 0: none. */
  notBeforeMs = 0;
  /** 0: never. */
  expiresMs = 0;
  bytes: Buffer = nothing;
  /** `bytes` will change: copy, do not lend. */
  borrowed = false;
  /** `keyStart`, `topicStart`, `headersStart`: -1 when the record has none. */
  keyStart = -1;
  keyEnd = -1;
  topicStart = -1;
  topicEnd = -1;
  headersStart = -1;
  headersEnd = -1;
  headerCount = 0;
  valueStart = 0;
  valueEnd = 0;
  /** Where the record's size lies; its body ends at `valueEnd`. */
  frameStart = 0;

  #chunkEnd = 0;
  #batchStart = 0;
  #batchEnd = 0;
  #position = 0;
  #left = 0;
  #rich = false;
  #sparse = false;
  #offsetNext = 0;
  #batchOffset = 0;
  #batchOffsetEnd = 0;
  #timestampFirst = 0;

  /** The next `next()` yields the first record of `chunk` at or after `offset`. */
  reset(chunk: Chunk, offset: number): void {
    this.bytes = chunk.bytes;
    this.borrowed = chunk.borrowed === true;
    this.#chunkEnd = chunk.end;
    this.#batchEnd = chunk.start;
    this.#left = 0;
    this.#position = this.#batchEnd;
    while (this.#batchEnd < this.#chunkEnd) {
      this.#enterBatch();
      if (this.#batchOffsetEnd > offset) break;
      this.#position = this.#batchEnd;
      this.#left = 0;
    }
    while (this.#left > 0 && this.#offsetNext < offset) {
      if (this.#sparse) {
        const position = this.#position;
        this.#enterSparse();
        if (this.#offsetNext >= offset) {
          this.#position = position;
          return;
        }
      }
      this.#position += 4 + this.#bodySize();
      this.#offsetNext++;
      this.#left--;
    }
  }

  /** Moves to the next record and fills the fields. False after the last one; the fields then mean nothing. */
  next(): boolean {
    while (this.#left === 0) {
      if (this.#position !== this.#batchEnd) throw this.#damage("payload");
      if (this.#batchEnd >= this.#chunkEnd) return false;
      this.#enterBatch();
    }
    if (this.#sparse) this.#enterSparse();
    this.frameStart = this.#position;
    const start = this.#position + 4;
    const end = start + this.#bodySize();
    this.offset = this.#offsetNext++;
    this.#left--;
    this.#position = end;
    this.valueEnd = end;
    if (this.#rich) this.#readRich(start, end);
    else this.valueStart = start;
    return true;
  }

  #enterBatch(): void {
    const start = this.#batchEnd;
    const bytes = this.bytes;
    this.#batchStart = start;
    this.#batchEnd = start + batchSize(bytes, start);
    this.#position = batchRecordsStart(bytes, start);
    this.#left = batchRecordCount(bytes, start);
    this.#batchOffset = batchOffset(bytes, start);
    this.#batchOffsetEnd = this.#batchOffset + batchCount(bytes, start);
    this.#offsetNext = this.#batchOffset;
    this.#sparse = batchIsSparse(bytes, start);
    this.#timestampFirst = batchTimestampFirst(bytes, start);
    this.#rich = batchIsRich(bytes, start);
    if (this.#batchEnd > this.#chunkEnd) throw this.#damage("length");
    // What a plain batch's records have not stays so until the next batch.
    this.timestampMs = this.#timestampFirst;
    this.#clearRich();
  }

  /** Moves from the distance in front of a record in a sparse batch to its size. */
  #enterSparse(): void {
    this.#at = this.#position;
    this.#bodyEnd = this.#batchEnd;
    const offset = this.#batchOffset + this.#varint();
    if (offset < this.#offsetNext || offset >= this.#batchOffsetEnd) throw this.#damage("offset");
    this.#offsetNext = offset;
    this.#position = this.#at;
  }

  #clearRich(): void {
    this.keyStart = this.keyEnd = -1;
    this.topicStart = this.topicEnd = -1;
    this.headersStart = this.headersEnd = -1;
    this.headerCount = 0;
    this.notBeforeMs = 0;
    this.expiresMs = 0;
  }

  /** Size of the body of the record at the position, checked against the batch's end. */
  #bodySize(): number {
    const at = this.#position;
    const bytes = this.bytes;
    if (at + 4 > this.#batchEnd) throw this.#damage("frame");
    const size = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
    if (at + 4 + size > this.#batchEnd) throw this.#damage("frame");
    return size;
  }

  #readRich(start: number, end: number): void {
    if (end - start < 2) throw this.#damage("record");
    const attributes = this.bytes[start]!;
    this.#at = start + 1;
    this.#bodyEnd = end;
    this.timestampMs = this.#timestampFirst + this.#varint();
    this.#clearRich();
    if ((attributes & richKey) !== 0) {
      this.keyEnd = this.#sized();
      this.keyStart = this.#sizedStart;
    }
    if ((attributes & richTopic) !== 0) {
      this.topicEnd = this.#sized();
      this.topicStart = this.#sizedStart;
    }
    if ((attributes & richHeaders) !== 0) this.#readHeaders();
    if ((attributes & richNotBefore) !== 0) {
      if (this.#at + 8 > end) throw this.#damage("record");
      this.notBeforeMs = readU64(this.bytes, this.#at);
      this.#at += 8;
    }
    if ((attributes & richExpires) !== 0) {
      if (this.#at + 8 > end) throw this.#damage("record");
      this.expiresMs = readU64(this.bytes, this.#at);
      this.#at += 8;
    }
    this.valueStart = this.#at;
  }

  #readHeaders(): void {
    this.headersEnd = this.#sized();
    this.#at = this.#sizedStart;
    this.headerCount = this.#varint();
    this.headersStart = this.#at;
    this.#at = this.headersEnd;
    if (this.headersStart > this.headersEnd) throw this.#damage("record");
  }

  #at = 0;
  #bodyEnd = 0;
  #sizedStart = 0;

  /** Reads a size, leaves where its bytes start in `#sizedStart`, and returns their end. */
  #sized(): number {
    const size = this.#varint();
    this.#sizedStart = this.#at;
    this.#at += size;
    if (this.#at > this.#bodyEnd) throw this.#damage("record");
    return this.#at;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#bodyEnd) break;
      const byte = this.bytes[this.#at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80 && value >= 0) return value;
    }
    throw this.#damage("record");
  }

  #damage(fault: string): Error {
    const offsetFirst = batchOffset(this.bytes, this.#batchStart);
    return logErrors.CORRUPT_BATCH({
      log: "",
      partition: batchPartition(this.bytes, this.#batchStart),
      offsetFirst,
      offsetNext: offsetFirst + batchCount(this.bytes, this.#batchStart),
      file: "memory",
      position: this.#batchStart,
      fault,
    });
  }
}

/** The headers of the record the cursor is on, names decoded, values as slices of the chunk. Not for hot paths. */
export function decodeHeaders(cursor: RecordCursor): [name: string, value: Buffer][] {
  const headers: [string, Buffer][] = [];
  let at = cursor.headersStart;
  const sized = (): Buffer => {
    let size = 0;
    let byte = 0x80;
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = cursor.bytes[at++]!;
      size |= (byte & 0x7f) << shift;
    }
    at += size;
    return cursor.bytes.subarray(at - size, at);
  };
  for (let i = 0; i < cursor.headerCount && at < cursor.headersEnd; i++)
    headers.push([sized().toString("utf8"), sized()]);
  return headers;
}
