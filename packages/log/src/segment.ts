/**
 * One file of batches; its names are in `segment-files.ts`. Its header, little endian, u64 as two u32, low half first:
 *
 *     at  size
 *      0   8   magic "POLYLOG1"
 *      8   2   format version, 1
 *     10   2   partition
 *     12   4   CRC-32 of the log's name in UTF-8
 *     16   8   first offset, the one in the file's name
 *     24   8   when it was made, ms since 1970
 *     32  32   link that its first batch carries: to the last batch of the segment before (`chain.ts`)
 *     64   1   flags; bit 0: producers with an id had written to the partition before; where it is 0, none had
 *     65  27   0
 *     92   4   CRC-32 of bytes 0 .. 91
 *     96       batches, one behind another, offsets without a gap
 *              footer, once it is full and sealed (`segment-footer.ts`); until then perhaps zeros, room for more
 *              batches (`zero-ahead.ts`)
 *
 * Why a crash is safe: a segment is begun only when the one before it is sealed and synced, and takes batches only when its header,
 * and its name in the directory, are synced. So only the newest one can end in the middle of a batch, and a newest file
 * without a good header and with nothing behind it has never held a record. Zeros are no batch, which begins with its magic:
 * where nothing else follows the last batch they are its end, and recovery cuts them off.
 */

import { crc32 } from "node:zlib";
import type { DamagedRange } from "./batch-scan.ts";
import { readU64, writeU64 } from "./bytes.ts";
import { linkSize } from "./chain.ts";
import { indexFileName, type SegmentForm, segmentFileName } from "./segment-files.ts";
import type { SegmentFooter } from "./segment-footer.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import type { SparseIndex } from "./sparse-index.ts";
import type { StorageFile } from "./storage/storage.ts";

export const segmentHeaderSize = 96;
const linkAt = 32;
const flagsAt = 64;
const flagProducers = 1;
const crcAt = 92;
const magic = Buffer.from("POLYLOG1", "latin1");
const version = 1;

/** What retention has to know of a segment. */
export interface SegmentSummary {
  readonly baseOffset: number;
  /** Offset after the last record. */
  readonly offsetNext: number;
  /** Bytes, without the footer. */
  readonly size: number;
  /** Of the last record, ms since 1970. */
  readonly timestampLast: number;
}

export class Segment implements SegmentSummary {
  readonly baseOffset: number;
  /** Bytes of the header and of the batches known to be written. */
  size: number;
  /** Offset after the last record. */
  offsetNext: number;
  /** Of the last record, or of the last one before the segment when it is empty. */
  timestampLast: number;
  batchCount = 0;
  /** Up to where its file has zeros behind `size`, or had before batches were written over them; 0: there are none. */
  zeroEnd = 0;
  /** Link that its first batch carries; undefined when its header is damaged. */
  linkFirst: Buffer | undefined;
  /** Link that the next segment's header repeats: to its last batch unless it was rewritten. Known when opened or sealed. */
  linkNext: Buffer | undefined;
  /** Producers with an id may have written before its first offset. */
  producersBefore = true;
  /** It has a footer and takes no batches. */
  sealed = false;
  /** In which form its file is. */
  form: SegmentForm = "plain";
  /** Compressing it was tried, and saves too little. */
  incompressible = false;
  /** In which it was sealed. */
  epoch = 0;
  /** Loaded when needed, for a closed segment. */
  index: SparseIndex | undefined;
  /** The file, open for writing, of the segment that takes batches. */
  file: StorageFile | undefined;
  /** Found when a read met it; undefined: nobody looked. */
  damages: readonly DamagedRange[] | undefined;
  /** Reads under way. */
  users = 0;
  /** It was trimmed away: its file goes as soon as nobody reads it any more. */
  removed = false;
  /** Another segment, with fewer records, has its place. */
  replaced = false;

  constructor(baseOffset: number, size: number, offsetNext: number, timestampLast: number) {
    this.baseOffset = baseOffset;
    this.size = size;
    this.offsetNext = offsetNext;
    this.timestampLast = timestampLast;
  }

  /** Takes over what its footer says. */
  seal(footer: SegmentFooter): void {
    this.size = footer.size;
    this.offsetNext = footer.offsetNext;
    this.timestampLast = footer.timestampLast;
    this.batchCount = footer.batchCount;
    this.linkNext = footer.linkNext;
    this.epoch = footer.epoch;
    this.sealed = true;
  }

  /** It is no more in the list; whoever reads it finishes on the file that is open. */
  get isGone(): boolean {
    return this.removed || this.replaced;
  }

  get isEmpty(): boolean {
    return this.offsetNext === this.baseOffset;
  }

  get fileName(): string {
    return segmentFileName(this.baseOffset, this.form);
  }

  get indexName(): string {
    return indexFileName(this.baseOffset);
  }
}

/** `producersBefore`: false only where it is known that none had written; true costs a look for a snapshot. */
export function encodeSegmentHeader(
  identity: SegmentIdentity,
  baseOffset: number,
  createdMs: number,
  link: Buffer,
  producersBefore = true,
): Buffer {
  const bytes = Buffer.alloc(segmentHeaderSize);
  magic.copy(bytes);
  bytes.writeUInt16LE(version, 8);
  bytes.writeUInt16LE(identity.partition, 10);
  bytes.writeUInt32LE(crc32(Buffer.from(identity.log)), 12);
  writeU64(bytes, 16, baseOffset);
  writeU64(bytes, 24, createdMs);
  link.copy(bytes, linkAt);
  bytes[flagsAt] = producersBefore ? flagProducers : 0;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, crcAt)), crcAt);
  return bytes;
}

/** What is wrong with a segment's header, or undefined. */
export function segmentHeaderFault(bytes: Buffer, identity: SegmentIdentity, baseOffset: number): string | undefined {
  if (bytes.length < segmentHeaderSize) return "its header is incomplete";
  if (bytes.compare(magic, 0, magic.length, 0, magic.length) !== 0) return "its header has no magic";
  if (crc32(bytes.subarray(0, crcAt)) !== bytes.readUInt32LE(crcAt)) return "its header has a wrong CRC";
  if (bytes.readUInt16LE(8) !== version) return `it has format version ${bytes.readUInt16LE(8)}`;
  if (bytes.readUInt16LE(10) !== identity.partition) return `it is of partition ${bytes.readUInt16LE(10)}`;
  if (bytes.readUInt32LE(12) !== crc32(Buffer.from(identity.log))) return "it is of another log";
  if (readU64(bytes, 16) !== baseOffset) return "its name is not that of its first offset";
  return undefined;
}

/** The link in an intact header. */
export function segmentHeaderLink(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(linkAt, linkAt + linkSize));
}

/** Whether an intact header says that producers with an id had written before. */
export function segmentHeaderProducers(bytes: Buffer): boolean {
  return (bytes[flagsAt]! & flagProducers) !== 0;
}
