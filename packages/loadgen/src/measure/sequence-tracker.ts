/**
 * Which messages of one sender have arrived at one place, so that every further one is known to be new, late behind a
 * newer one, or there already.
 *
 *     0 … base-1     settled: arrived, or given up
 *     base … newest  one bit each in a ring, set when it has arrived; the bit of `base` is not set
 *
 * As long as nothing is missing, base is newest + 1 and there is no ring. A missing message keeps the ring; when
 * `windowMax` newer ones have come, it is given up, and should it come after all it is taken for a duplicate.
 *
 * Hot: called for every message that arrives; `receive-path.bench.ts` shows the cost.
 */

import { sequenceWindowMax } from "../limits.ts";

export const arrivals = { inOrder: 0, outOfOrder: 1, duplicate: 2 } as const;
export type Arrival = (typeof arrivals)[keyof typeof arrivals];

export class SequenceTracker {
  readonly #windowMax: number;
  #base = 0;
  #newest = -1;
  #ring: Uint32Array | undefined;
  #mask = 0;

  /** `windowMax`: a power of two, at least 32. */
  constructor(windowMax: number = sequenceWindowMax) {
    this.#windowMax = windowMax;
  }

  /** Notes that message `sequence`, counted from 0, has arrived. */
  note(sequence: number): Arrival {
    if (this.#ring === undefined && sequence === this.#newest + 1) {
      this.#newest = sequence;
      this.#base = sequence + 1;
      return arrivals.inOrder;
    }
    return this.#noteInRing(sequence);
  }

  #noteInRing(sequence: number): Arrival {
    if (sequence < this.#base) return arrivals.duplicate;
    const isNewest = sequence > this.#newest;
    if (isNewest) {
      this.#makeRoom(sequence);
      this.#newest = sequence;
    }
    const ring = this.#ring!;
    const at = (sequence & this.#mask) >>> 5;
    const bit = 1 << (sequence & 31);
    if ((ring[at] & bit) !== 0) return arrivals.duplicate;
    ring[at] |= bit;
    if (sequence === this.#base) this.#advance();
    return isNewest ? arrivals.inOrder : arrivals.outOfOrder;
  }

  /** Moves `base` over what has arrived; lets the ring go when nothing is missing. */
  #advance(): void {
    const ring = this.#ring!;
    let base = this.#base;
    while (base <= this.#newest) {
      const at = (base & this.#mask) >>> 5;
      const bit = 1 << (base & 31);
      if ((ring[at] & bit) === 0) break;
      ring[at] &= ~bit;
      base++;
    }
    this.#base = base;
    if (base > this.#newest) this.#ring = undefined;
  }

  #makeRoom(sequence: number): void {
    const needed = sequence - this.#base + 1;
    if (needed > this.#windowMax) this.#giveUp(sequence - this.#windowMax + 1);
    const size = this.#ring === undefined ? 0 : this.#mask + 1;
    const wanted = Math.min(this.#windowMax, Math.max(1024, 2 ** Math.ceil(Math.log2(needed))));
    if (size >= wanted) return;
    const grown = new Uint32Array(Math.max(1, wanted >>> 5));
    const mask = wanted - 1;
    for (let each = this.#base; this.#ring !== undefined && each <= this.#newest; each++) {
      if ((this.#ring[(each & this.#mask) >>> 5] & (1 << (each & 31))) !== 0) {
        grown[(each & mask) >>> 5] |= 1 << (each & 31);
      }
    }
    this.#ring = grown;
    this.#mask = mask;
  }

  /** Everything below `base` is settled from now on. */
  #giveUp(base: number): void {
    const ring = this.#ring;
    if (ring === undefined || base > this.#newest) {
      ring?.fill(0);
      this.#base = base;
      return;
    }
    for (let each = this.#base; each < base; each++) ring[(each & this.#mask) >>> 5] &= ~(1 << (each & 31));
    this.#base = base;
    if ((ring[(base & this.#mask) >>> 5] & (1 << (base & 31))) !== 0) this.#advance();
  }
}
