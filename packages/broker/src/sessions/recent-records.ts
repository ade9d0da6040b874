/**
 * The newest records of the session log, as they were encoded: each is found by its offset in one step, by however many
 * sessions. What is older is read through `StoredRecords`. A slab is never written again, so its bytes can be lent.
 */

const slabSizeMin = 64 * 1024;
const slabSizeMax = 1024 * 1024;

interface RecentSlab {
  readonly bytes: Buffer;
  readonly offsetFirst: number;
  /** Where each record starts, and where the last one ends. */
  starts: Uint32Array;
  count: number;
}

export class RecentRecords {
  readonly #sizeMax: number;
  readonly #slabs: RecentSlab[] = [];
  #size = 0;
  #slabSize = slabSizeMin;
  #offsetNext: number;

  /** The record that `find` found. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;

  /** `sizeMax`: bytes kept, a slab at least; 0: nothing is found. */
  constructor(sizeMax: number, offsetNext: number) {
    this.#sizeMax = sizeMax;
    this.#offsetNext = offsetNext;
  }

  /** Makes room for a record: it goes to `bytes[start, start + size)`. */
  reserve(size: number): void {
    let slab = this.#slabs[this.#slabs.length - 1];
    if (slab === undefined || slab.starts[slab.count]! + size > slab.bytes.length) slab = this.#addSlab(size);
    this.bytes = slab.bytes;
    this.start = slab.starts[slab.count]!;
    this.end = this.start + size;
  }

  /** What was written into the room has the next offset. Without this call the room is given out again. */
  commit(): void {
    const slab = this.#slabs[this.#slabs.length - 1]!;
    slab.count++;
    if (slab.count === slab.starts.length) {
      const starts = new Uint32Array(slab.count * 2);
      starts.set(slab.starts);
      slab.starts = starts;
    }
    slab.starts[slab.count] = this.end;
    this.#offsetNext++;
  }

  #addSlab(size: number): RecentSlab {
    const bytes = Buffer.allocUnsafeSlow(Math.max(size, this.#slabSize));
    this.#slabSize = Math.min(slabSizeMax, this.#slabSize * 2);
    const slab = { bytes, offsetFirst: this.#offsetNext, starts: new Uint32Array(64), count: 0 };
    this.#slabs.push(slab);
    this.#size += bytes.length;
    while (this.#slabs.length > 1 && this.#size > this.#sizeMax) this.#size -= this.#slabs.shift()!.bytes.length;
    return slab;
  }

  find(offset: number): boolean {
    for (let i = this.#sizeMax === 0 ? -1 : this.#slabs.length - 1; i >= 0; i--) {
      const slab = this.#slabs[i]!;
      if (offset < slab.offsetFirst) continue;
      const index = offset - slab.offsetFirst;
      if (index >= slab.count) return false;
      this.bytes = slab.bytes;
      this.start = slab.starts[index]!;
      this.end = slab.starts[index + 1]!;
      return true;
    }
    return false;
  }
}
