/**
 * Where batches lie in one segment, about every `indexIntervalSize` bytes: enough to find an offset or a time with one
 * read. It is a cache. What it says is checked against the batches it points at, and a file that is missing, cut or not
 * of its segment's size is made anew from the segment. So it is written without being synced.
 *
 * The file `<first offset>.index`, little endian, u64 as two u32, low half first:
 *
 *     at  size
 *      0   4   magic "PLI1"
 *      4   3   entry count n, 0 .. indexEntriesMax
 *      7   1   flags; bit 0: producers with an id had written to the partition, before the segment or to it
 *      8   8   first offset of the segment
 *     16   8   size of the segment that it describes
 *     24   8   offset after the segment's last record
 *     32   8   timestamp of the segment's last record, 0 when it has none
 *     40   4   batches in the segment
 *     44   4   CRC-32 of the entries
 *     48   4   CRC-32 of bytes 0 .. 47
 *     52  24n  entries, ascending: first offset of a batch, its position in the file, its first timestamp; u64 each
 */

import { crc32 } from "node:zlib";
import { readU64, writeU64 } from "./bytes.ts";
import { indexEntriesMax, indexIntervalSize } from "./limits.ts";

export const indexHeaderSize = 52;
const magicWord = Buffer.from("PLI1", "latin1").readUInt32LE(0);
const entrySize = 24;
const flagsAt = 7;
const flagProducers = 1;

/** What an index file says about its segment. */
export interface IndexSummary {
  readonly baseOffset: number;
  readonly segmentSize: number;
  readonly offsetNext: number;
  readonly timestampLast: number;
  readonly batchCount: number;
  /** False: no producer with an id had written to the partition before `offsetNext`. */
  readonly producers: boolean;
}

export class SparseIndex {
  readonly #offsets: number[] = [];
  readonly #positions: number[] = [];
  readonly #timestamps: number[] = [];

  get size(): number {
    return this.#offsets.length;
  }

  /** Of the first batch, which always has an entry; 0 when there is none. */
  get timestampFirst(): number {
    return this.#timestamps[0] ?? 0;
  }

  /** The position from which on a batch is worth an entry. */
  get wantedFrom(): number {
    const last = this.#positions.at(-1);
    return last === undefined ? 0 : last + indexIntervalSize;
  }

  /** Adds the batch at `position`, which lies behind all others, if it is far enough behind the last one. */
  add(offset: number, position: number, timestampMs: number): void {
    if (position >= this.wantedFrom) this.#push(offset, position, timestampMs);
  }

  #push(offset: number, position: number, timestampMs: number): void {
    this.#offsets.push(offset);
    this.#positions.push(position);
    this.#timestamps.push(timestampMs);
  }

  /** Position and offset of the last batch known to start at or before `offset`; undefined when none is. */
  floor(offset: number): { readonly offset: number; readonly position: number } | undefined {
    return this.#entry(lastBelow(this.#offsets, offset + 1));
  }

  /** The last batch known whose first record is older than `timestampMs`; undefined when none is. */
  floorTime(timestampMs: number): { readonly offset: number; readonly position: number } | undefined {
    return this.#entry(lastBelow(this.#timestamps, timestampMs));
  }

  #entry(at: number): { readonly offset: number; readonly position: number } | undefined {
    return at < 0 ? undefined : { offset: this.#offsets[at]!, position: this.#positions[at]! };
  }

  encode(summary: IndexSummary): Buffer {
    const count = this.#offsets.length;
    const bytes = Buffer.alloc(indexHeaderSize + count * entrySize);
    for (let i = 0, at = indexHeaderSize; i < count; i++, at += entrySize) {
      writeU64(bytes, at, this.#offsets[i]!);
      writeU64(bytes, at + 8, this.#positions[i]!);
      writeU64(bytes, at + 16, this.#timestamps[i]!);
    }
    bytes.writeUInt32LE(magicWord, 0);
    bytes.writeUInt32LE(count, 4);
    bytes[flagsAt] = summary.producers ? flagProducers : 0;
    writeU64(bytes, 8, summary.baseOffset);
    writeU64(bytes, 16, summary.segmentSize);
    writeU64(bytes, 24, summary.offsetNext);
    writeU64(bytes, 32, summary.timestampLast);
    bytes.writeUInt32LE(summary.batchCount, 40);
    bytes.writeUInt32LE(crc32(bytes.subarray(indexHeaderSize)), 44);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 48)), 48);
    return bytes;
  }

  /** The entries in a whole index file, or undefined when they are damaged. Its header must have been read first. */
  static decode(bytes: Buffer): SparseIndex | undefined {
    const end = indexHeaderSize + indexCount(bytes) * entrySize;
    if (bytes.length !== end || crc32(bytes.subarray(indexHeaderSize, end)) !== bytes.readUInt32LE(44))
      return undefined;
    const index = new SparseIndex();
    for (let at = indexHeaderSize; at < end; at += entrySize)
      index.#push(readU64(bytes, at), readU64(bytes, at + 8), readU64(bytes, at + 16));
    return index;
  }
}

/** What the first `indexHeaderSize` bytes of an index file say, or undefined when they are damaged. */
export function decodeIndexSummary(bytes: Buffer): IndexSummary | undefined {
  if (bytes.length < indexHeaderSize || bytes.readUInt32LE(0) !== magicWord) return undefined;
  if (crc32(bytes.subarray(0, 48)) !== bytes.readUInt32LE(48) || indexCount(bytes) > indexEntriesMax) return undefined;
  return {
    baseOffset: readU64(bytes, 8),
    segmentSize: readU64(bytes, 16),
    offsetNext: readU64(bytes, 24),
    timestampLast: readU64(bytes, 32),
    batchCount: bytes.readUInt32LE(40),
    producers: (bytes[flagsAt]! & flagProducers) !== 0,
  };
}

/** Bytes of the index file whose header this is. */
export function indexFileSize(header: Buffer): number {
  return indexHeaderSize + indexCount(header) * entrySize;
}

function indexCount(header: Buffer): number {
  return header.readUIntLE(4, 3);
}

/** Index of the last of `values`, ascending, below `limit`; -1 when none is. */
function lastBelow(values: readonly number[], limit: number): number {
  let low = -1;
  let high = values.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! < limit) low = middle;
    else high = middle;
  }
  return low;
}
