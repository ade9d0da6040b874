/**
 * What the payload of a batch begins with when a producer with an id wrote it (attribute bit 1). Little endian, u64 as two
 * u32, low half first:
 *
 *     at  size
 *      0   1   size n of the id, 1 .. 64
 *      1   n   id: of the characters . a-z A-Z 0-9 _ -
 *    n+1   8   the producer's epoch, below 2^53
 *    n+9   8   sequence of the batch's first record, likewise; the next record has the next one
 *
 * It is under the batch's CRC and so in the chain: what a crash leaves of it is what it leaves of the batch.
 */

import { readU64, writeU64 } from "../bytes.ts";
import { producerIdLengthMax } from "../limits.ts";

/** A call of a producer with an id. */
export interface ProducerStamp {
  readonly id: string;
  /** Handed out when the producer was opened; a higher one is a later life of it. */
  readonly epoch: number;
  /** Number of the call's first record within id, epoch and partition; counts records from 0. */
  readonly sequence: number;
}

const fixedSize = 17;
const idPattern = /^[.a-zA-Z0-9_-]+$/;

export function isProducerId(id: string): boolean {
  return id.length <= producerIdLengthMax && idPattern.test(id);
}

export function producerBlockSize(stamp: ProducerStamp): number {
  return fixedSize + stamp.id.length;
}

/** Returns the position after it. */
export function writeProducerBlock(bytes: Buffer, at: number, stamp: ProducerStamp): number {
  const idSize = stamp.id.length;
  bytes[at] = idSize;
  bytes.write(stamp.id, at + 1, "latin1");
  writeU64(bytes, at + 1 + idSize, stamp.epoch);
  writeU64(bytes, at + 9 + idSize, stamp.sequence);
  return at + fixedSize + idSize;
}

/** True when `bytes[at, end)` begins with a block that a writer of ours may have made. */
export function isProducerBlock(bytes: Buffer, at: number, end: number): boolean {
  if (at + fixedSize > end || at + producerBlockSizeAt(bytes, at) > end) return false;
  const { id, epoch, sequence } = readProducerBlock(bytes, at);
  return isProducerId(id) && Number.isSafeInteger(epoch) && Number.isSafeInteger(sequence);
}

export function producerBlockSizeAt(bytes: Buffer, at: number): number {
  return fixedSize + bytes[at]!;
}

export function readProducerBlock(bytes: Buffer, at: number): ProducerStamp {
  const idEnd = at + 1 + bytes[at]!;
  const id = bytes.toString("latin1", at + 1, idEnd);
  return { id, epoch: readU64(bytes, idEnd), sequence: readU64(bytes, idEnd + 8) };
}
