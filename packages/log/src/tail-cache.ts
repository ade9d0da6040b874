/**
 * Memory for the tails of all partitions of a store: slabs in which batches are built, written from, and read again by
 * consumers that keep up. Slabs are given out freely and taken back oldest first, across partitions, once they exceed
 * the bound; one with bytes that are not yet written stays (those are bounded by the partition's queue). A thousand idle
 * partitions therefore share the bound instead of each having its own.
 *
 * The memory of a slab that a reader was ever given a chunk of is not written again after the slab was taken back: the
 * reader may hold it, and the garbage collector frees it. That of one nobody read, in a log that is only written, is used
 * for the next slab: memory that is new costs 120 ns of page faults per 260 bytes, and brings the next collection nearer.
 */

import { RingBuffer } from "@polylog/base/collections";
import { slabSizeMax, sparesMax, tailCacheSizeMax } from "./limits.ts";
import { Slab, type SlabOwner } from "./slab.ts";

export class TailCache {
  readonly sizeMax: number;
  /** Bytes of all slabs given out and not taken back. */
  size = 0;
  readonly #slabs = new RingBuffer<Slab>();
  /** Memory of slabs of the largest size, which nobody holds any more. */
  readonly #spares: Buffer[] = [];

  /** `sizeMax`: bytes; 0 keeps nothing once it is written and another slab is needed. */
  constructor(sizeMax: number = tailCacheSizeMax) {
    this.sizeMax = sizeMax;
  }

  allocate(owner: SlabOwner, size: number): Slab {
    this.size += size;
    this.#trim();
    const spare = size === slabSizeMax ? this.#spares.pop() : undefined;
    const slab = new Slab(owner, spare ?? Buffer.allocUnsafeSlow(size));
    this.#slabs.push(slab);
    return slab;
  }

  /** Gives a slab back before its time. */
  release(slab: Slab): void {
    if (slab.released) return;
    slab.released = true;
    this.size -= slab.bytes.length;
    if (!slab.lent && slab.isWritten && slab.bytes.length === slabSizeMax && this.#spares.length < sparesMax)
      this.#spares.push(slab.bytes);
  }

  #trim(): void {
    // Each slab is looked at once at most: those that cannot go move to the end.
    for (let left = this.#slabs.size; left > 0 && this.size > this.sizeMax; left--) {
      const slab = this.#slabs.shift()!;
      if (slab.released) continue;
      if (slab.isWritten && !slab.owner.isBuildingIn(slab)) {
        this.release(slab);
        slab.owner.forget(slab);
      } else this.#slabs.push(slab);
    }
  }
}
