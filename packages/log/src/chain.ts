/**
 * The chain that ties batches together: each batch carries the BLAKE3 digest, 32 bytes, of the whole batch before it, its
 * CRC and its own link included. A CRC says that a batch is what was written; the chain says that the batches are those
 * that were written, in that order. So a batch that was taken out, moved, repeated or replaced, CRC made to fit, is seen.
 *
 *     genesis ◀─ batch 0 ◀─ batch 1 ◀─ … ◀─ footer, and the header of the next segment ◀─ batch n ◀─ …
 *
 * The chain has no key: who may write all files can make all of it anew from the change on. Against that, note a link
 * outside (`verifyPartition` tells the last one) and compare later.
 *
 * One call per batch into a native library: 6 µs for 100 records of 200 B, 230 µs for 1 MiB (4.5 GB/s) on Node 20;
 * docs/adr/0006-a-chain-of-batches.md has the alternatives. `embedded-partition.bench.ts` shows what it costs in all.
 */

import { blake3 } from "@napi-rs/blake-hash";

export const linkSize = 32;

/** What the first batch of a partition links to. Not to be changed. */
export const genesisLink: Buffer = Buffer.alloc(linkSize);

/** The link that the batch behind the one in `bytes[start, end)` carries. */
export function linkTo(bytes: Buffer, start: number, end: number): Buffer {
  return blake3(bytes.subarray(start, end));
}
