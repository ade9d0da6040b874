/** When a record is of no use any more: at its own time, or `ttlMs` (0: never) after it might have been delivered first. */

import type { RecordCursor } from "@polylog/log";

/** `nowMs`: the wall clock's. Hot: called for each delivery. */
export function isExpired(
  { expiresMs, timestampMs, notBeforeMs }: RecordCursor,
  ttlMs: number,
  nowMs: number,
): boolean {
  if (expiresMs > 0 && expiresMs <= nowMs) return true;
  return ttlMs > 0 && Math.max(timestampMs, notBeforeMs) + ttlMs <= nowMs;
}
