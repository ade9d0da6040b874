/**
 * What a partition knew of its producers at one place of the log, so that not all of it has to be read when it opens. The
 * file `<offset, 20 digits>.producers`, little endian, u64 as two u32, low half first:
 *
 *     at  size
 *      0   8   magic "PLPROD01"
 *      8   4   CRC-32 of everything that follows this field
 *     12   4   CRC-32 of the log's name in UTF-8
 *     16   2   partition
 *     18   2   0
 *     20   4   producer count, 0 .. producersPerPartitionMax
 *     24   8   offset, the one in the file's name: the batches before it are in the table, those from it on are not
 *     32  32   link to the last batch before it (`chain.ts`)
 *     64   8   highest epoch of producers that were forgotten, plus 1; 0: none was
 *     72   8   highest epoch of all, plus 1
 *     80       per producer, the one that has not written for longest first:
 *                u8   size of the id, 1 .. 64, and the id
 *                u64  epoch
 *                u64  sequence that comes next; that of the last batch follows from it and the counts
 *                u8   batches that are remembered, 1 .. producerBatchesMax, oldest first, each:
 *                       u64  offset, u32  record count
 *
 * It is a cache. One that is missing, damaged, of another log, or whose link is not that of the log at its offset, is
 * passed over and the table is made from the log, see `producer-files.ts`. So a crash at any point of writing it is safe.
 */

import { crc32 } from "node:zlib";
import { readU64, writeU64 } from "../bytes.ts";
import { linkSize } from "../chain.ts";
import { producerBatchesMax, producerIdLengthMax, producersPerPartitionMax } from "../limits.ts";
import type { SegmentIdentity } from "../segment-identity.ts";
import { isProducerId } from "./producer-block.ts";
import { type ProducerBatch, ProducerTable } from "./producer-table.ts";

const magic = Buffer.from("PLPROD01", "latin1");
const crcFrom = 12;
const linkAt = 32;
const headerSize = 80;
const entryFixedSize = 1 + 8 + 8 + 1;
const batchSize = 12;
const entrySizeMax = entryFixedSize + producerIdLengthMax + producerBatchesMax * batchSize;

/** Bytes that a snapshot has at most. */
export const producerSnapshotSizeMax = headerSize + producersPerPartitionMax * entrySizeMax;

/** A place between two batches. */
export interface LogPlace {
  readonly offset: number;
  /** To the last batch before it. */
  readonly link: Buffer;
}

export interface ProducerSnapshot extends LogPlace {
  readonly table: ProducerTable;
}

export function producerSnapshotName(offset: number): string {
  return `${String(offset).padStart(20, "0")}.producers`;
}

/** The offset that a snapshot's file name says, or undefined when it is no such name. */
export function parseProducerSnapshotName(name: string): number | undefined {
  const offset = /^\d{20}\.producers$/.test(name) ? Number(name.slice(0, 20)) : Number.NaN;
  return Number.isSafeInteger(offset) ? offset : undefined;
}

export function encodeProducerSnapshot(identity: SegmentIdentity, place: LogPlace, table: ProducerTable): Buffer {
  let size = headerSize;
  for (const [id, { batches }] of table.entries()) size += entryFixedSize + id.length + batches.length * batchSize;
  const bytes = Buffer.alloc(size);
  magic.copy(bytes);
  bytes.writeUInt32LE(crc32(Buffer.from(identity.log)), 12);
  bytes.writeUInt16LE(identity.partition, 16);
  bytes.writeUInt32LE(table.size, 20);
  writeU64(bytes, 24, place.offset);
  place.link.copy(bytes, linkAt);
  writeU64(bytes, 64, table.epochForgotten + 1);
  writeU64(bytes, 72, table.epochMax + 1);
  let at = headerSize;
  for (const [id, { epoch, sequenceNext, batches }] of table.entries()) {
    bytes[at] = id.length;
    at += 1 + bytes.write(id, at + 1, "latin1");
    writeU64(bytes, at, epoch);
    writeU64(bytes, at + 8, sequenceNext);
    bytes[at + 16] = batches.length;
    at += 17;
    for (const { offset, count } of batches) {
      writeU64(bytes, at, offset);
      bytes.writeUInt32LE(count, at + 8);
      at += batchSize;
    }
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(crcFrom)), 8);
  return bytes;
}

/** The snapshot in these bytes; undefined when they are none of this partition at `offset`. */
export function decodeProducerSnapshot(
  bytes: Buffer,
  identity: SegmentIdentity,
  offset: number,
  producersMax?: number,
): ProducerSnapshot | undefined {
  if (bytes.length < headerSize || bytes.compare(magic, 0, magic.length, 0, magic.length) !== 0) return undefined;
  if (crc32(bytes.subarray(crcFrom)) !== bytes.readUInt32LE(8)) return undefined;
  const isOurs =
    bytes.readUInt32LE(12) === crc32(Buffer.from(identity.log)) && bytes.readUInt16LE(16) === identity.partition;
  if (!isOurs || readU64(bytes, 24) !== offset) return undefined;
  const table = new ProducerTable(identity, producersMax);
  table.epochForgotten = readU64(bytes, 64) - 1;
  table.epochMax = readU64(bytes, 72) - 1;
  let at = headerSize;
  for (let left = bytes.readUInt32LE(20); left > 0; left--) {
    at = readEntry(bytes, at, table);
    if (at < 0) return undefined;
  }
  return at === bytes.length ? { offset, link: bytes.subarray(linkAt, linkAt + linkSize), table } : undefined;
}

/** Puts the entry at `at` into `table` and returns where it ends; -1 when no writer of ours made it. */
function readEntry(bytes: Buffer, at: number, table: ProducerTable): number {
  const idEnd = at + 1 + (bytes[at] ?? 0);
  const batchesAt = idEnd + 17;
  if (batchesAt > bytes.length) return -1;
  const id = bytes.toString("latin1", at + 1, idEnd);
  const count = bytes[idEnd + 16]!;
  const end = batchesAt + count * batchSize;
  if (!isProducerId(id) || count === 0 || count > producerBatchesMax || end > bytes.length) return -1;
  const sequenceNext = readU64(bytes, idEnd + 8);
  const batches: ProducerBatch[] = [];
  let sequence = sequenceNext;
  for (let from = end - batchSize; from >= batchesAt; from -= batchSize) {
    const records = bytes.readUInt32LE(from + 8);
    sequence -= records;
    batches.unshift({ sequence, offset: readU64(bytes, from), count: records });
  }
  if (sequence < 0) return -1;
  table.put(id, { epoch: readU64(bytes, idEnd), sequenceNext, batches });
  return end;
}
