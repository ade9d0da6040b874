/**
 * The last 128 bytes of a segment that takes no more batches. Little endian, u64 as two u32, low half first:
 *
 *     at  size
 *      0   8   magic "PLSEAL01"
 *      8   8   first offset of the segment
 *     16   8   offset after the last record
 *     24   8   timestamp of the first record, ms since 1970
 *     32   8   timestamp of the last record
 *     40   8   bytes in front of the footer: the segment's header and its batches
 *     48   4   batch count
 *     52   4   record count
 *     56   4   epoch in which it was sealed
 *     60   4   CRC-32 of the log's name in UTF-8
 *     64  32   link to the last batch (`chain.ts`); the next segment's header repeats it
 *     96   2   partition
 *     98  26   0
 *    124   4   CRC-32 of bytes 0 .. 123
 *
 * A batch has another magic, so a footer is never read as one. Bytes of a record that look like a footer are not taken
 * for one: in the newest segment it counts only where the batches, read one by one, end; in an older one the file's end
 * is the footer unless the file was cut, and then the link does not agree with the next segment's header.
 *
 * Why a crash is safe: all batches are synced before the footer is written, and the footer is synced before the next
 * segment's file is made. So only the newest segment can have a torn footer, or a footer and nothing behind it. The first
 * is cut off, and written again when the next batch does not fit; in the second case recovery makes the next segment.
 */

import { crc32 } from "node:zlib";
import { readU64, writeU64 } from "./bytes.ts";
import { linkSize } from "./chain.ts";
import type { SegmentIdentity } from "./segment-identity.ts";

export const segmentFooterSize = 128;
const magic = Buffer.from("PLSEAL01", "latin1");
const linkAt = 64;
const crcAt = 124;

export interface SegmentFooter {
  readonly baseOffset: number;
  readonly offsetNext: number;
  readonly timestampFirst: number;
  readonly timestampLast: number;
  readonly size: number;
  readonly batchCount: number;
  readonly recordCount: number;
  readonly epoch: number;
  readonly link: Buffer;
}

export function encodeSegmentFooter(identity: SegmentIdentity, footer: SegmentFooter): Buffer {
  const bytes = Buffer.alloc(segmentFooterSize);
  magic.copy(bytes);
  writeU64(bytes, 8, footer.baseOffset);
  writeU64(bytes, 16, footer.offsetNext);
  writeU64(bytes, 24, footer.timestampFirst);
  writeU64(bytes, 32, footer.timestampLast);
  writeU64(bytes, 40, footer.size);
  bytes.writeUInt32LE(footer.batchCount, 48);
  bytes.writeUInt32LE(footer.recordCount, 52);
  bytes.writeUInt32LE(footer.epoch, 56);
  bytes.writeUInt32LE(crc32(Buffer.from(identity.log)), 60);
  footer.link.copy(bytes, linkAt);
  bytes.writeUInt16LE(identity.partition, 96);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, crcAt)), crcAt);
  return bytes;
}

/** The footer in these bytes; undefined when they are no intact footer of the segment, behind `size` bytes of it. */
export function decodeSegmentFooter(
  bytes: Buffer,
  identity: SegmentIdentity,
  baseOffset: number,
  size: number,
): SegmentFooter | undefined {
  if (bytes.length !== segmentFooterSize || bytes.compare(magic, 0, magic.length, 0, magic.length) !== 0)
    return undefined;
  if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32LE(crcAt)) return undefined;
  const isOurs =
    bytes.readUInt16LE(96) === identity.partition && bytes.readUInt32LE(60) === crc32(Buffer.from(identity.log));
  if (!isOurs || readU64(bytes, 8) !== baseOffset || readU64(bytes, 40) !== size) return undefined;
  return {
    baseOffset,
    offsetNext: readU64(bytes, 16),
    timestampFirst: readU64(bytes, 24),
    timestampLast: readU64(bytes, 32),
    size,
    batchCount: bytes.readUInt32LE(48),
    recordCount: bytes.readUInt32LE(52),
    epoch: bytes.readUInt32LE(56),
    link: Buffer.from(bytes.subarray(linkAt, linkAt + linkSize)),
  };
}
