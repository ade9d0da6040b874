/**
 * A bounded map from byte ranges to values: the cache behind "no string is decoded for a topic seen before".
 *
 * Open addressing over a power-of-two table at most half full. It never evicts one entry: when `entriesMax` is
 * reached it is emptied, so that random keys cost their sender's time and nobody's memory. Keys are copied in.
 */

import { bytesEqual, hashBytes } from "./hash.ts";

export class ByteMap<Value> {
  readonly #entriesMax: number;
  readonly #mask: number;
  #keys: (Uint8Array | undefined)[];
  #values: (Value | undefined)[];
  #size = 0;

  /** `entriesMax`: entries held before the map empties itself; at least 1. */
  constructor(entriesMax: number) {
    this.#entriesMax = Math.max(1, entriesMax);
    const slots = 2 ** Math.ceil(Math.log2(this.#entriesMax * 2));
    this.#mask = slots - 1;
    this.#keys = new Array(slots).fill(undefined);
    this.#values = new Array(slots).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  get(bytes: Uint8Array, start: number, end: number): Value | undefined {
    let slot = hashBytes(bytes, start, end) & this.#mask;
    for (;;) {
      const key = this.#keys[slot];
      if (key === undefined) return undefined;
      if (key.length === end - start && bytesEqual(bytes, start, end, key, 0)) return this.#values[slot];
      slot = (slot + 1) & this.#mask;
    }
  }

  set(bytes: Uint8Array, start: number, end: number, value: Value): void {
    let slot = hashBytes(bytes, start, end) & this.#mask;
    for (;;) {
      const key = this.#keys[slot];
      if (key === undefined) break;
      if (key.length === end - start && bytesEqual(bytes, start, end, key, 0)) {
        this.#values[slot] = value;
        return;
      }
      slot = (slot + 1) & this.#mask;
    }
    if (this.#size >= this.#entriesMax) {
      this.clear();
      slot = hashBytes(bytes, start, end) & this.#mask;
    }
    this.#keys[slot] = Uint8Array.prototype.slice.call(bytes, start, end);
    this.#values[slot] = value;
    this.#size++;
  }

  clear(): void {
    if (this.#size === 0) return;
    this.#keys.fill(undefined);
    this.#values.fill(undefined);
    this.#size = 0;
  }
}
