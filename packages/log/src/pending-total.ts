/**
 * Bytes appended and not yet written, over all partitions of a store, and the bound on them. What each partition may have is
 * bounded besides; this one holds when many of them wait at once.
 *
 * Hot: `Tail` adds to `bytes` for every record.
 */

import { pendingTotalMax } from "./limits.ts";

export class PendingTotal {
  bytes = 0;
  readonly sizeMax: number;
  #listeners: (() => void)[] = [];

  constructor(sizeMax: number = pendingTotalMax) {
    this.sizeMax = sizeMax;
  }

  get saturated(): boolean {
    return this.bytes >= this.sizeMax;
  }

  /** Calls `listener` once when less than half of the bound waits, at once if it does. */
  whenDrained(listener: () => void): void {
    if (this.#isDrained()) listener();
    else this.#listeners.push(listener);
  }

  /** Bytes were written, or given up. Listeners hear when `tell` is called. */
  remove(bytes: number): void {
    this.bytes -= bytes;
  }

  /** Tells those who waited, if it is time. They may append at once. */
  tell(): void {
    if (this.#listeners.length > 0 && this.#isDrained()) this.tellAll();
  }

  /** Tells those who waited although it is not time: they must look again. */
  tellAll(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  #isDrained(): boolean {
    return this.bytes < this.sizeMax / 2;
  }
}
