/**
 * Memory for the tails of all partitions of a store: slabs in which batches are built, written from, and read again by
 * consumers that keep up. Slabs are given out freely and taken back oldest first, across partitions, once they exceed
 * the bound; one with bytes that are not yet written stays (those are bounded by the partition's queue). A thousand idle
 * partitions therefore share the bound instead of each having its own.
 *
 * A slab is not written again after it was taken back: readers may hold it, and the garbage collector frees it.
 */

import { RingBuffer } from "@polylog/base/collections";
import { tailCacheSizeMax } from "./limits.ts";
import { Slab, type SlabOwner } from "./slab.ts";

export class TailCache {
  readonly sizeMax: number;
  /** Bytes of all slabs given out and not taken back. */
  size = 0;
  readonly #slabs = new RingBuffer<Slab>();

  /** `sizeMax`: bytes; 0 keeps nothing once it is written and another slab is needed. */
  constructor(sizeMax: number = tailCacheSizeMax) {
    this.sizeMax = sizeMax;
  }

  allocate(owner: SlabOwner, size: number): Slab {
    this.size += size;
    this.#trim();
    const slab = new Slab(owner, size);
    this.#slabs.push(slab);
    return slab;
  }

  /** Gives a slab back before its time. */
  release(slab: Slab): void {
    if (slab.released) return;
    slab.released = true;
    this.size -= slab.bytes.length;
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
