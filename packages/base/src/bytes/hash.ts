/** Hashing and comparing ranges of bytes without slicing them. Hot: no allocation. */

import { randomInt } from "node:crypto";

/** Drawn at start, so that nobody can prepare keys that all fall into one slot of a table. */
const seed = randomInt(2 ** 32);

/** FNV-1a over `bytes[start, end)` from a seed of the process's own, as an unsigned 32-bit integer. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}

/** True when `a[aStart, aEnd)` and `b[bStart, …)` hold the same bytes; `b` must be long enough. */
export function bytesEqual(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number): boolean {
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) if (a[i] !== b[j]) return false;
  return true;
}
