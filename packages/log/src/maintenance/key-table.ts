/**
 * The last offset of every key, for keys known by 128 bits of their BLAKE3: two keys are taken for one with a probability
 * of 2^-88 in a table of 2^20. Open addressing in typed arrays, 24 bytes per slot, at most half of them taken.
 *
 * It holds a subset of all keys: those whose first word ends with certain bits. A table that is full is halved by one more
 * bit, and the caller comes back for the other half.
 */

import { blake3 } from "@napi-rs/blake-hash";

/** Keys whose digest's first word ends with the `bits` lowest bits of `value`; 0 bits: all keys. */
export interface KeySubset {
  readonly bits: number;
  readonly value: number;
}

/** Slots moved between two pauses; about 50 ns each. */
const slotsAtOnce = 8192;

export class KeyTable {
  readonly #keysMax: number;
  #subset: KeySubset;
  #words: Uint32Array;
  /** One more than the offset; 0: the slot is free. */
  #offsets: Float64Array;
  #count = 0;
  /** The digest at hand: of the key that `find` was last asked for. */
  readonly #digest = new Uint32Array(4);

  /** For at most `keysMax` keys; it never grows, so that nobody waits for that. */
  constructor(keysMax: number, subset: KeySubset) {
    this.#keysMax = keysMax;
    this.#subset = subset;
    const slots = 2 ** Math.ceil(Math.log2(keysMax * 2));
    this.#words = new Uint32Array(slots * 4);
    this.#offsets = new Float64Array(slots);
  }

  get subset(): KeySubset {
    return this.#subset;
  }

  get size(): number {
    return this.#count;
  }

  /** Notes that the key `bytes[start, end)` has a record at `offset`. False when the table is full: `halve` it, try again. */
  note(bytes: Buffer, start: number, end: number, offset: number): boolean {
    if (!this.#digestOf(bytes, start, end)) return true;
    const slot = this.#slotOf(this.#digest, 0);
    if (this.#offsets[slot] === 0) {
      if (this.#count >= this.#keysMax) return false;
      this.#put(slot, this.#digest, 0, offset + 1);
    } else this.#offsets[slot] = Math.max(this.#offsets[slot]!, offset + 1);
    return true;
  }

  /** The last offset of the key; -1 when it is not in the table, -2 when it is not of the subset. */
  find(bytes: Buffer, start: number, end: number): number {
    if (!this.#digestOf(bytes, start, end)) return -2;
    return this.#offsets[this.#slotOf(this.#digest, 0)]! - 1;
  }

  /** Keeps half of the subset, and resolves with the other half. Awaits `pause` now and then; do not use the table meanwhile. */
  async halve(pause: () => Promise<void>): Promise<KeySubset> {
    const { bits, value } = this.#subset;
    this.#subset = { bits: bits + 1, value };
    const words = this.#words;
    const offsets = this.#offsets;
    this.#words = new Uint32Array(words.length);
    this.#offsets = new Float64Array(offsets.length);
    this.#count = 0;
    for (let from = 0; from < offsets.length; from++) {
      if (offsets[from] !== 0 && this.#isOfSubset(words[from * 4]!))
        this.#put(this.#slotOf(words, from * 4), words, from * 4, offsets[from]!);
      if (from % slotsAtOnce === slotsAtOnce - 1) await pause();
    }
    return { bits: bits + 1, value: (value | (1 << bits)) >>> 0 };
  }

  /** False when the key is not of the subset. */
  #digestOf(bytes: Buffer, start: number, end: number): boolean {
    const digest = blake3(bytes.subarray(start, end));
    for (let i = 0; i < 4; i++) this.#digest[i] = digest.readUInt32LE(i * 4);
    return this.#isOfSubset(this.#digest[0]!);
  }

  #isOfSubset(word: number): boolean {
    const { bits, value } = this.#subset;
    return ((word ^ value) & ((1 << bits) - 1)) === 0;
  }

  /** Where the digest at `at` of `words` is, or would go. */
  #slotOf(words: Uint32Array, at: number): number {
    const mask = this.#offsets.length - 1;
    for (let slot = words[at + 1]! & mask; ; slot = (slot + 1) & mask) {
      if (this.#offsets[slot] === 0) return slot;
      const to = slot * 4;
      if (
        this.#words[to] === words[at] &&
        this.#words[to + 1] === words[at + 1] &&
        this.#words[to + 2] === words[at + 2] &&
        this.#words[to + 3] === words[at + 3]
      )
        return slot;
    }
  }

  #put(slot: number, words: Uint32Array, at: number, offset: number): void {
    for (let i = 0; i < 4; i++) this.#words[slot * 4 + i] = words[at + i]!;
    this.#offsets[slot] = offset;
    this.#count++;
  }
}
