/**
 * Reads a segment without any of the product's code, so that a test does not believe what it tests. Plain batches only.
 */

import { crc32 } from "node:zlib";

export interface RawBatch {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly values: readonly string[];
}

/** The batches from byte 64 on; stops at the first that is not intact. */
export function readRawSegment(bytes: Buffer): RawBatch[] {
  const batches: RawBatch[] = [];
  for (let start = 64; start + 48 <= bytes.length; ) {
    const end = start + 8 + bytes.readUInt32LE(start + 4);
    if (bytes.toString("latin1", start, start + 4) !== "PLB1" || end > bytes.length) break;
    if (crc32(bytes.subarray(start + 12, end)) !== bytes.readUInt32LE(start + 8)) break;
    const values: string[] = [];
    for (let at = start + 48; at < end; ) {
      const size = bytes.readUInt32BE(at);
      values.push(bytes.toString("latin1", at + 4, at + 4 + size));
      at += 4 + size;
    }
    batches.push({ start, end, offset: Number(bytes.readBigUInt64LE(start + 24)), values });
    start = end;
  }
  return batches;
}
