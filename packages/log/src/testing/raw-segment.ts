/**
 * Reads a segment without any of the product's code, so that a test does not believe what it tests. Plain batches only.
 */

import { crc32 } from "node:zlib";
import { blake3 } from "@napi-rs/blake-hash";

export interface RawBatch {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly values: readonly string[];
}

/** The batches from byte 96 on; stops at the first that is not intact. */
export function readRawSegment(bytes: Buffer): RawBatch[] {
  const batches: RawBatch[] = [];
  for (let start = 96; start + 80 <= bytes.length; ) {
    const end = start + 8 + bytes.readUInt32LE(start + 4);
    if (bytes.toString("latin1", start, start + 4) !== "PLB1" || end > bytes.length) break;
    if (crc32(bytes.subarray(start + 12, end)) !== bytes.readUInt32LE(start + 8)) break;
    const values: string[] = [];
    for (let at = start + 80; at < end; ) {
      const size = bytes.readUInt32BE(at);
      values.push(bytes.toString("latin1", at + 4, at + 4 + size));
      at += 4 + size;
    }
    batches.push({ start, end, offset: Number(bytes.readBigUInt64LE(start + 24)), values });
    start = end;
  }
  return batches;
}

/** The batches of `segment`, whole as they are, one behind another with links and CRCs made to fit. */
export function relinked(header: Buffer, batches: readonly Buffer[]): Buffer {
  let link = header.subarray(32, 64);
  const made = batches.map((batch) => {
    const copy = Buffer.from(batch);
    link.copy(copy, 48);
    link = blake3(withCrc(copy));
    return copy;
  });
  return Buffer.concat([header.subarray(0, 96), ...made]);
}

/** The batch itself, its CRC made to fit. */
export function withCrc(batch: Buffer): Buffer {
  batch.writeUInt32LE(crc32(batch.subarray(12)), 8);
  return batch;
}

/** A segment of log `orders`, partition 0, with the footer that belongs to its batches. */
export function sealed(segment: Buffer): Buffer {
  const batches = readRawSegment(segment);
  const [first, last] = [batches[0]!, batches.at(-1)!];
  const footer = Buffer.alloc(128);
  footer.write("PLSEAL01", "latin1");
  const offsetNext = last.offset + last.values.length;
  footer.writeBigUInt64LE(BigInt(first.offset), 8);
  footer.writeBigUInt64LE(BigInt(offsetNext), 16);
  segment.copy(footer, 24, first.start + 32, first.start + 40);
  segment.copy(footer, 32, last.start + 40, last.start + 48);
  footer.writeBigUInt64LE(BigInt(last.end), 40);
  footer.writeUInt32LE(batches.length, 48);
  footer.writeUInt32LE(offsetNext - first.offset, 52);
  segment.copy(footer, 56, last.start + 16, last.start + 20);
  footer.writeUInt32LE(crc32(Buffer.from("orders")), 60);
  blake3(segment.subarray(last.start, last.end)).copy(footer, 64);
  footer.writeUInt32LE(crc32(footer.subarray(0, 124)), 124);
  return Buffer.concat([segment.subarray(0, last.end), footer]);
}
