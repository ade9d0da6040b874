/**
 * Identifiers that never repeat, in the form of a UUID of version 4.
 *
 *     UUID    128 bits = 6 that are fixed (version 4, variant 10) + 122
 *     122     26 + 32 of the run, 8 of the thread, 24 + 32 of the row: run 58, thread 8, row 56
 *
 * A permutation of those 122 bits makes them look like chance. Two rows have the same identifier only when run, thread and
 * row are the same; the 58 bits of a run are drawn anew for each, unless the run was asked to repeat the identifiers of
 * another with the same seed.
 */

import { mix32, SeededRandom } from "./random.ts";
import { RowText } from "./row-text.ts";

/** The part of a run: 26 and 32 bits. */
export interface RunNonce {
  readonly high: number;
  readonly low: number;
}

/** `bytes`: eight of them, by chance. */
export function nonceOf(bytes: Uint8Array): RunNonce {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return { high: view.getUint32(0) & highMask, low: view.getUint32(4) | 0 };
}

/** The same for the same seed. */
export function nonceOfSeed(seed: number): RunNonce {
  const random = new SeededRandom(seed, 0x1d);
  return { high: random.next32() & highMask, low: random.next32() };
}

const highMask = 0x3ffffff;
const rounds = 4;

export class RowIds {
  readonly #nonce: RunNonce;
  readonly #thread: number;
  readonly #text = new RowText(36);
  #rowHigh = 0;
  #rowLow = 0;

  /** `thread`: 0 to 255. */
  constructor(nonce: RunNonce, thread: number) {
    this.#nonce = nonce;
    this.#thread = thread;
  }

  /** The next of this thread. */
  next(): string {
    this.putNext(this.#text);
    return this.#text.take();
  }

  /** As `next`, without a string of its own. */
  putNext(text: RowText): void {
    // Each line changes one word by what the others say, so that it can be undone: no two inputs give the same words.
    let a = this.#nonce.high;
    let b = this.#nonce.low;
    let c = (this.#thread << 24) | this.#rowHigh;
    let d = this.#rowLow;
    for (let i = 0; i < rounds; i++) {
      d = mix32(d ^ Math.imul(c, 0x9e3779b1) ^ (b + a + i));
      c = mix32(c ^ Math.imul(d, 0x85ebca6b) ^ (a + b));
      b = mix32(b ^ Math.imul(c, 0xc2b2ae35) ^ d);
      a = (a ^ mix32(b ^ d)) & highMask;
    }
    this.#rowLow = (this.#rowLow + 1) | 0;
    if (this.#rowLow === 0) this.#rowHigh = (this.#rowHigh + 1) & 0xffffff;
    text.uuid(a, b, c, d);
  }
}
