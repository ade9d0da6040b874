/**
 * Who waits for an offset to reach one level, first come first served. Three parallel rings, so that waiting allocates
 * nothing once they have grown.
 *
 * Order is kept even when somebody asks for a lower offset than the one before: he then hears together with that one.
 */

import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter } from "./durability.ts";

const capacityFirst = 16;

export class WaiterRing {
  #endOffsets = new Float64Array(capacityFirst);
  #tokens = new Float64Array(capacityFirst);
  #waiters: (DurabilityWaiter | undefined)[] = new Array(capacityFirst).fill(undefined);
  #mask = capacityFirst - 1;
  #head = 0;
  #size = 0;
  #endOffsetLast = 0;

  get size(): number {
    return this.#size;
  }

  /** The offset that the first one waits for; infinite when nobody waits. */
  get firstEndOffset(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#endOffsets[this.#head]!;
  }

  push(endOffset: number, waiter: DurabilityWaiter, token: number): void {
    if (this.#size > this.#mask) this.#grow();
    if (this.#size === 0 || endOffset > this.#endOffsetLast) this.#endOffsetLast = endOffset;
    const slot = (this.#head + this.#size) & this.#mask;
    this.#endOffsets[slot] = this.#endOffsetLast;
    this.#tokens[slot] = token;
    this.#waiters[slot] = waiter;
    this.#size++;
  }

  /** Tells everyone whose offset is at or below `watermark`. They may push again while being told. */
  settle(watermark: number): void {
    while (this.#size > 0 && this.#endOffsets[this.#head]! <= watermark) this.#tellFirst(undefined);
  }

  /** Tells everyone that there is nothing to wait for any more. */
  fail(error: PolylogError): void {
    for (let left = this.#size; left > 0; left--) this.#tellFirst(error);
  }

  #tellFirst(error: PolylogError | undefined): void {
    const slot = this.#head;
    const waiter = this.#waiters[slot]!;
    const token = this.#tokens[slot]!;
    this.#waiters[slot] = undefined;
    this.#head = (slot + 1) & this.#mask;
    this.#size--;
    waiter.onDurable(token, error);
  }

  #grow(): void {
    const capacity = (this.#mask + 1) * 2;
    const endOffsets = new Float64Array(capacity);
    const tokens = new Float64Array(capacity);
    const waiters = new Array<DurabilityWaiter | undefined>(capacity).fill(undefined);
    for (let i = 0; i < this.#size; i++) {
      const slot = (this.#head + i) & this.#mask;
      endOffsets[i] = this.#endOffsets[slot]!;
      tokens[i] = this.#tokens[slot]!;
      waiters[i] = this.#waiters[slot];
    }
    this.#endOffsets = endOffsets;
    this.#tokens = tokens;
    this.#waiters = waiters;
    this.#mask = capacity - 1;
    this.#head = 0;
  }
}
