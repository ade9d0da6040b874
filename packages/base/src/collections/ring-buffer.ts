/**
 * A first-in first-out queue over a power-of-two array: no shifting, no allocation once it has grown.
 *
 *        head           tail
 *         v              v
 *     [ . a b c d . . . . ]      items = (tail - head) & mask
 */
export class RingBuffer<Item> {
  #slots: (Item | undefined)[];
  #mask: number;
  #head = 0;
  #tail = 0;

  /** `capacity`: initial room, rounded up to a power of two; the ring doubles when full. */
  constructor(capacity = 16) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
    this.#slots = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
  }

  get size(): number {
    return (this.#tail - this.#head) & this.#mask;
  }

  push(item: Item): void {
    this.#slots[this.#tail] = item;
    this.#tail = (this.#tail + 1) & this.#mask;
    if (this.#tail === this.#head) this.#grow();
  }

  /** The oldest item, or undefined when empty. */
  peek(): Item | undefined {
    return this.#slots[this.#head];
  }

  /** Removes and returns the oldest item, or undefined when empty. */
  shift(): Item | undefined {
    if (this.#head === this.#tail) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    return item;
  }

  /** The item `index` places behind the oldest; `index` must be below `size`. */
  at(index: number): Item | undefined {
    return this.#slots[(this.#head + index) & this.#mask];
  }

  clear(): void {
    this.#slots.fill(undefined);
    this.#head = 0;
    this.#tail = 0;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = old.slice(this.#head).concat(old.slice(0, this.#head));
    this.#head = 0;
    this.#tail = old.length;
    this.#slots.length = old.length * 2;
    this.#slots.fill(undefined, old.length);
    this.#mask = old.length * 2 - 1;
  }
}
