/**
 * The batch: the unit of write, of checksum and of reading. Little endian, except the record sizes.
 *
 *     at  size
 *      0   4   magic "PLB1"
 *      4   4   length of what follows this field: 72 + payload, 73 .. batchFileSizeMax - 8, so never 0
 *      8   4   CRC-32 (zlib) of everything that follows this field
 *     12   1   format version, 1
 *     13   1   attributes; bit 0: rich, bit 1: producer, bit 2: sparse. The other bits are 0 and whoever sees one set
 *              refuses the batch
 *     14   2   partition
 *     16   4   epoch: how often the log was opened when this was written
 *     20   4   count of the offsets it covers: its records, 1 .. batchRecordsMax; 1 .. sparseOffsetsMax when sparse
 *     24   8   first offset it covers, as two u32, low half first, below 2^53
 *     32   8   timestamp of the first record, ms since 1970, likewise
 *     40   8   timestamp of the last record; equal to the first when not rich. A batch made sparse keeps both
 *     48  32   link: BLAKE3 of the whole batch before, see `chain.ts`
 *     80       payload: the producer block if bit 1 is set, see `producers/producer-block.ts`; then the records:
 *              count times [size u32 BIG endian][body]
 *              when sparse: u32 count of records, 0 .. count; so many times
 *              [varint: its offset after the first one covered][size u32 BIG endian][body], offsets ascending
 *
 * In a plain batch a body is a value and every record has the batch's timestamp, so that a region framed by NSQ's MPUB is
 * appended by one copy. In a rich batch a body is described in `rich-record.ts`. A sparse batch stands in for batches of
 * which records were removed or lost: it covers the same offsets, so batches lie without a gap whatever is gone. It may
 * hold no record at all. Varints are those of `rich-record.ts`.
 *
 * Why a crash is safe: nothing after the last acknowledged batch is needed, and a batch that was not wholly written has
 * a bad magic, length or CRC. The length is not under the CRC but decides what is: a changed length moves the end of the
 * checked bytes. Zeros are no batch (magic), so a hole or a preallocated region reads as the end. Partition, epoch and
 * offset are under the CRC, so a valid batch in a wrong place is seen; what a CRC cannot see, the link does.
 */

import { crc32 } from "node:zlib";
import { readU64, writeU64 } from "./bytes.ts";
import { linkSize, linkTo } from "./chain.ts";
import { batchFileSizeMax, batchRecordsMax, sparseOffsetsMax } from "./limits.ts";
import {
  isProducerBlock,
  type ProducerStamp,
  producerBlockSizeAt,
  readProducerBlock,
} from "./producers/producer-block.ts";

export const batchHeaderSize = 80;
export const batchMagic = Buffer.from("PLB1", "latin1");
const magicWord = batchMagic.readUInt32LE(0);
const version = 1;
const attributeRich = 1;
const attributeProducer = 2;
const attributeSparse = 4;
const attributesKnown = attributeRich | attributeProducer | attributeSparse;
const crcFrom = 12;
const linkAt = 48;

/**
 * What is wrong with bytes that should be a batch. `incomplete`: it ends after the bytes given. `version` and
 * `attributes`: intact, but written by a newer Polylog. `fields`: intact, but no writer of ours made it.
 */
export type BatchFault = "magic" | "length" | "incomplete" | "crc" | "version" | "attributes" | "fields" | "misplaced";

export interface BatchFields {
  readonly rich: boolean;
  /** The payload begins with a producer block. */
  readonly producer: boolean;
  /** Default false. */
  readonly sparse?: boolean;
  readonly partition: number;
  readonly epoch: number;
  readonly count: number;
  readonly offset: number;
  readonly timestampFirst: number;
  readonly timestampLast: number;
  readonly link: Buffer;
}

/** Turns `bytes[start, end)`, whose payload is in place, into a batch. */
export function sealBatch(bytes: Buffer, start: number, end: number, fields: BatchFields): void {
  bytes.writeUInt32LE(magicWord, start);
  bytes.writeUInt32LE(end - start - 8, start + 4);
  bytes[start + 12] = version;
  const { rich, producer, sparse = false } = fields;
  bytes[start + 13] = (rich ? attributeRich : 0) | (producer ? attributeProducer : 0) | (sparse ? attributeSparse : 0);
  bytes.writeUInt16LE(fields.partition, start + 14);
  bytes.writeUInt32LE(fields.epoch, start + 16);
  bytes.writeUInt32LE(fields.count, start + 20);
  writeU64(bytes, start + 24, fields.offset);
  writeU64(bytes, start + 32, fields.timestampFirst);
  writeU64(bytes, start + 40, fields.timestampLast);
  relinkBatch(bytes, start, end, fields.link);
}

/** Gives the batch in `bytes[start, end)` this link, and a CRC that fits whatever else was changed. */
export function relinkBatch(bytes: Buffer, start: number, end: number, link: Buffer): void {
  bytes.writeUInt32LE(end - start - 8, start + 4);
  link.copy(bytes, start + linkAt);
  bytes.writeUInt32LE(crc32(bytes.subarray(start + crcFrom, end)), start + 8);
}

/** Makes the header at `start` one of a sparse batch that covers `count` offsets; `relinkBatch` must follow. */
export function markSparse(bytes: Buffer, start: number, count: number): void {
  bytes[start + 13]! |= attributeSparse;
  bytes.writeUInt32LE(count, start + 20);
}

/** Checks the batch at `start`, of which bytes up to `end` are there. Undefined when it is whole and intact. */
export function batchFault(bytes: Buffer, start: number, end: number): BatchFault | undefined {
  const fault = batchHeadFault(bytes, start, end);
  if (fault !== undefined) return fault;
  const batchEnd = start + batchSize(bytes, start);
  if (batchEnd > end) return "incomplete";
  if (crc32(bytes.subarray(start + crcFrom, batchEnd)) !== bytes.readUInt32LE(start + 8)) return "crc";
  if (bytes[start + 12] !== version) return "version";
  if ((bytes[start + 13]! & ~attributesKnown) !== 0) return "attributes";
  return fieldsFault(bytes, start);
}

/** Checks only what tells how long the batch at `start` is; needs `batchHeaderSize` bytes there. */
export function batchHeadFault(bytes: Buffer, start: number, end: number): BatchFault | undefined {
  if (end - start < batchHeaderSize) return "incomplete";
  if (bytes.readUInt32LE(start) !== magicWord) return "magic";
  const size = batchSize(bytes, start);
  return size <= batchHeaderSize || size > batchFileSizeMax ? "length" : undefined;
}

function fieldsFault(bytes: Buffer, start: number): BatchFault | undefined {
  const count = batchCount(bytes, start);
  const end = start + batchSize(bytes, start);
  if (hasProducer(bytes, start) && !isProducerBlock(bytes, start + batchHeaderSize, end)) return "fields";
  const recordsSize = end - batchRecordsStart(bytes, start);
  const countMax = batchIsSparse(bytes, start) ? sparseOffsetsMax : batchRecordsMax;
  const sane =
    count > 0 &&
    count <= countMax &&
    recordsSize >= 0 &&
    batchRecordCount(bytes, start) <= count &&
    batchRecordCount(bytes, start) * (batchIsSparse(bytes, start) ? 5 : 4) <= recordsSize &&
    Number.isSafeInteger(batchOffset(bytes, start) + count) &&
    Number.isSafeInteger(batchTimestampLast(bytes, start)) &&
    batchTimestampFirst(bytes, start) <= batchTimestampLast(bytes, start);
  return sane ? undefined : "fields";
}

/** Bytes from magic to the end of the payload. */
export function batchSize(bytes: Buffer, start: number): number {
  return bytes.readUInt32LE(start + 4) + 8;
}

export function batchIsRich(bytes: Buffer, start: number): boolean {
  return (bytes[start + 13]! & attributeRich) !== 0;
}

function hasProducer(bytes: Buffer, start: number): boolean {
  return (bytes[start + 13]! & attributeProducer) !== 0;
}

export function batchIsSparse(bytes: Buffer, start: number): boolean {
  return (bytes[start + 13]! & attributeSparse) !== 0;
}

/** Who wrote the batch, and as what; undefined when it was not a producer with an id. The batch must be whole. */
export function batchProducer(bytes: Buffer, start: number): ProducerStamp | undefined {
  return hasProducer(bytes, start) ? readProducerBlock(bytes, start + batchHeaderSize) : undefined;
}

/** Where the producer block, if there is one, ends: there the records of a batch that is not sparse begin. */
export function batchPayloadStart(bytes: Buffer, start: number): number {
  const payload = start + batchHeaderSize;
  return hasProducer(bytes, start) ? payload + producerBlockSizeAt(bytes, payload) : payload;
}

/** Where the first record begins. */
export function batchRecordsStart(bytes: Buffer, start: number): number {
  return batchPayloadStart(bytes, start) + (batchIsSparse(bytes, start) ? 4 : 0);
}

/** Records that are there; as many as offsets unless it is sparse. */
export function batchRecordCount(bytes: Buffer, start: number): number {
  if (!batchIsSparse(bytes, start)) return batchCount(bytes, start);
  const at = batchPayloadStart(bytes, start);
  return at + 4 > bytes.length ? 0 : bytes.readUInt32LE(at);
}

export function batchPartition(bytes: Buffer, start: number): number {
  return bytes.readUInt16LE(start + 14);
}

export function batchEpoch(bytes: Buffer, start: number): number {
  return bytes.readUInt32LE(start + 16);
}

/** Offsets that it covers. */
export function batchCount(bytes: Buffer, start: number): number {
  return bytes.readUInt32LE(start + 20);
}

export function batchOffset(bytes: Buffer, start: number): number {
  return readU64(bytes, start + 24);
}

export function batchTimestampFirst(bytes: Buffer, start: number): number {
  return readU64(bytes, start + 32);
}

export function batchTimestampLast(bytes: Buffer, start: number): number {
  return readU64(bytes, start + 40);
}

/** The link it carries; a view. */
export function batchLink(bytes: Buffer, start: number): Buffer {
  return bytes.subarray(start + linkAt, start + linkAt + linkSize);
}

/** The link that the batch after this one carries. */
export function batchLinkNext(bytes: Buffer, start: number): Buffer {
  return linkTo(bytes, start, start + batchSize(bytes, start));
}
