/**
 * The end of a segment that takes no more batches. Little endian, u64 as two u32, low half first. As sealed, 128 bytes:
 *
 *     at  size
 *      0   8   magic "PLSEAL01"
 *      8   8   first offset of the segment
 *     16   8   offset after the last one that its batches cover
 *     24   8   timestamp of the first batch, ms since 1970
 *     32   8   timestamp of the last batch
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
 * As rewritten by compaction or repair (`segment-rewrite.ts`), 192 bytes: records were removed, so its batches are linked
 * anew among themselves and the link to the last one is no longer the one that the next segment's header repeats:
 *
 *      0   8   magic "PLSEAL02"
 *      8  90   as above, but the link at 64 is to the last batch and nobody repeats it
 *     98   6   0
 *    104   8   when it was rewritten last, ms since 1970
 *    112   8   offsets covered without a record
 *    120   8   0
 *    128  32   link that the next segment's header repeats: what stood at 64 before the first rewriting
 *    160  28   0
 *    188   4   CRC-32 of bytes 0 .. 187
 *
 * A batch has another magic, so a footer is never read as one. Bytes of a record that look like a footer are not taken
 * for one: in the newest segment it counts only where the batches, read one by one, end; in an older one the file's end
 * is the footer unless the file was cut, and then the link does not agree with the next segment's header.
 *
 * Why a crash is safe: all batches are synced before the footer is written, and the footer is synced before the next
 * segment's file is made. So only the newest segment can have a torn footer, or a footer and nothing behind it. The first
 * is cut off, and written again when the next batch does not fit; in the second case recovery makes the next segment.
 * The second form is only ever in a file that was whole and synced before it got its name.
 */

import { crc32 } from "node:zlib";
import { readU64, writeU64 } from "./bytes.ts";
import { linkSize } from "./chain.ts";
import type { SegmentIdentity } from "./segment-identity.ts";

export const segmentFooterSize = 128;
/** Of the second form. */
const rewrittenFooterSize = 192;
/** Sizes that a footer may have, first the one that most have. */
export const segmentFooterSizes: readonly number[] = [segmentFooterSize, rewrittenFooterSize];
export const segmentFooterSizeMax = rewrittenFooterSize;
const magics: Readonly<Record<number, string>> = { [segmentFooterSize]: "PLSEAL01", [rewrittenFooterSize]: "PLSEAL02" };
const linkAt = 64;
const linkNextAt = 128;

export interface SegmentFooter {
  readonly baseOffset: number;
  readonly offsetNext: number;
  readonly timestampFirst: number;
  readonly timestampLast: number;
  readonly size: number;
  readonly batchCount: number;
  readonly recordCount: number;
  readonly epoch: number;
  /** To its last batch. */
  readonly link: Buffer;
  /** That the next segment's header repeats; the same unless it was rewritten. */
  readonly linkNext: Buffer;
  /** When it was rewritten last, ms since 1970; undefined: never. */
  readonly rewrittenMs: number | undefined;
}

export function encodeSegmentFooter(identity: SegmentIdentity, footer: SegmentFooter): Buffer {
  const { rewrittenMs } = footer;
  const size = rewrittenMs === undefined ? segmentFooterSize : rewrittenFooterSize;
  const bytes = Buffer.alloc(size);
  bytes.write(magics[size]!, 0, "latin1");
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
  if (rewrittenMs !== undefined) {
    writeU64(bytes, 104, rewrittenMs);
    writeU64(bytes, 112, footer.offsetNext - footer.baseOffset - footer.recordCount);
    footer.linkNext.copy(bytes, linkNextAt);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(0, size - 4)), size - 4);
  return bytes;
}

/** The footer in these bytes; undefined when they are no intact footer of the segment, behind `size` bytes of it. */
export function decodeSegmentFooter(
  bytes: Buffer,
  identity: SegmentIdentity,
  baseOffset: number,
  size: number,
): SegmentFooter | undefined {
  const end = bytes.length;
  const magic = magics[end];
  if (magic === undefined || bytes.toString("latin1", 0, 8) !== magic) return undefined;
  if (crc32(bytes.subarray(0, end - 4)) !== bytes.readUInt32LE(end - 4)) return undefined;
  const isOurs =
    bytes.readUInt16LE(96) === identity.partition && bytes.readUInt32LE(60) === crc32(Buffer.from(identity.log));
  if (!isOurs || readU64(bytes, 8) !== baseOffset || readU64(bytes, 40) !== size) return undefined;
  const isRewritten = end === rewrittenFooterSize;
  const linkAtOf = (at: number): Buffer => Buffer.from(bytes.subarray(at, at + linkSize));
  return {
    baseOffset,
    offsetNext: readU64(bytes, 16),
    timestampFirst: readU64(bytes, 24),
    timestampLast: readU64(bytes, 32),
    size,
    batchCount: bytes.readUInt32LE(48),
    recordCount: bytes.readUInt32LE(52),
    epoch: bytes.readUInt32LE(56),
    link: linkAtOf(linkAt),
    linkNext: linkAtOf(isRewritten ? linkNextAt : linkAt),
    rewrittenMs: isRewritten ? readU64(bytes, 104) : undefined,
  };
}
