/**
 * Makes sparse batches (`batch.ts`): a batch without some of its records, and one without any. Both
 * are intact; whoever writes them gives them their link.
 */

import {
  batchCount,
  batchHeaderSize,
  batchLink,
  batchOffset,
  batchPayloadStart,
  batchSize,
  markSparse,
  relinkBatch,
  sealBatch,
} from "./batch.ts";
import { varintSize, writeVarint } from "./bytes.ts";
import { genesisLink } from "./chain.ts";
import type { Chunk } from "./chunk.ts";
import { RecordCursor } from "./record-cursor.ts";

/** The whole batch at `start` of `bytes` as a chunk. */
export function chunkOfBatch(bytes: Buffer, start: number): Chunk {
  const offsetFirst = batchOffset(bytes, start);
  const offsetNext = offsetFirst + batchCount(bytes, start);
  return { bytes, start, end: start + batchSize(bytes, start), offsetFirst, offsetNext };
}

/**
 * A copy of the intact batch at `start` with only those of its records for which `keeps`, in their order, is not 0; all
 * else stays as it was.
 */
export function thinnedBatch(bytes: Buffer, start: number, keeps: Uint8Array): Buffer {
  const chunk = chunkOfBatch(bytes, start);
  const prefixSize = batchPayloadStart(bytes, start) - start;
  const cursor = new RecordCursor();
  let size = prefixSize + 4;
  let count = 0;
  cursor.reset(chunk, chunk.offsetFirst);
  for (let i = 0; cursor.next(); i++) {
    if (keeps[i] === 0) continue;
    size += varintSize(cursor.offset - chunk.offsetFirst) + cursor.valueEnd - cursor.frameStart;
    count++;
  }
  const batch = Buffer.allocUnsafeSlow(size);
  bytes.copy(batch, 0, start, start + prefixSize);
  batch.writeUInt32LE(count, prefixSize);
  let at = prefixSize + 4;
  cursor.reset(chunk, chunk.offsetFirst);
  for (let i = 0; cursor.next(); i++) {
    if (keeps[i] === 0) continue;
    at = writeVarint(batch, at, cursor.offset - chunk.offsetFirst);
    at += bytes.copy(batch, at, cursor.frameStart, cursor.valueEnd);
  }
  markSparse(batch, 0, batchCount(bytes, start));
  relinkBatch(batch, 0, size, batchLink(batch, 0));
  return batch;
}

export interface EmptyBatchFields {
  readonly partition: number;
  readonly epoch: number;
  readonly offset: number;
  /** Offsets it covers, 1 .. sparseOffsetsMax. */
  readonly count: number;
  readonly timestampFirst: number;
  readonly timestampLast: number;
}

/** A batch without a record. */
export function emptyBatch(fields: EmptyBatchFields): Buffer {
  const batch = Buffer.alloc(batchHeaderSize + 4);
  sealBatch(batch, 0, batch.length, { ...fields, rich: false, producer: false, sparse: true, link: genesisLink });
  return batch;
}
