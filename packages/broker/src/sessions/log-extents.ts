/**
 * How many bytes of records lie where in the session log: extents of about `extentSizeMax` bytes, the last one growing. They
 * are what `LogCleaner` looks through, and what the bound on the whole log counts.
 */

import type { LogExtent } from "./session-rows.ts";

export class LogExtents {
  readonly list: LogExtent[] = [];
  readonly #sizeMax: number;
  /** Bytes of all extents. */
  size = 0;
  /** Bytes added in this life. */
  appendedBytes = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** `end`: of the log. Extents that began behind it are lost with their records. */
  restore(extents: readonly LogExtent[], end: number): void {
    for (const { offset, bytes } of extents) {
      if (offset >= end) return;
      this.list.push({ offset, bytes });
      this.size += bytes;
    }
  }

  add(offset: number, size: number): void {
    let last = this.list[this.list.length - 1];
    if (last === undefined || last.bytes >= this.#sizeMax) {
      last = { offset, bytes: 0 };
      this.list.push(last);
    }
    last.bytes += size;
    this.size += size;
    this.appendedBytes += size;
  }

  /** Removes the extents that lie before `offset` as a whole. */
  trimTo(offset: number): void {
    while (this.list.length > 1 && this.list[1]!.offset <= offset) this.size -= this.list.shift()!.bytes;
  }
}
