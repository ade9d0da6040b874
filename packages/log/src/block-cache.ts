/** Blocks of compressed segments that were used in part, so that the next reader of the rest need not decompress them. */

import { blockCacheSizeMax } from "./limits.ts";

/** Blocks of one file that have a key of their own; `compressed-segment.ts` has fewer. */
const blocksPerFile = 1 << 20;

export class BlockCache {
  readonly #sizeMax: number;
  /** Least recently used first. */
  readonly #blocks = new Map<number, Buffer>();
  #size = 0;
  #files = 0;

  /** `sizeMax`: bytes of all blocks together; default 16 MiB. */
  constructor(sizeMax: number = blockCacheSizeMax) {
    this.#sizeMax = sizeMax;
  }

  /** Bytes it holds. */
  get size(): number {
    return this.#size;
  }

  /** A number for an open file, never given twice. */
  register(): number {
    return this.#files++;
  }

  get(file: number, index: number): Buffer | undefined {
    const key = file * blocksPerFile + index;
    const block = this.#blocks.get(key);
    if (block === undefined) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, block);
    return block;
  }

  /** `block` must not change any more. */
  add(file: number, index: number, block: Buffer): void {
    const key = file * blocksPerFile + index;
    this.#remove(key);
    this.#blocks.set(key, block);
    this.#size += block.length;
    for (const oldest of this.#blocks.keys()) {
      if (this.#size <= this.#sizeMax) return;
      this.#remove(oldest);
    }
  }

  /** Forgets all blocks of a file that is closed. */
  drop(file: number): void {
    for (const key of this.#blocks.keys()) if (Math.floor(key / blocksPerFile) === file) this.#remove(key);
  }

  #remove(key: number): void {
    this.#size -= this.#blocks.get(key)?.length ?? 0;
    this.#blocks.delete(key);
  }
}
