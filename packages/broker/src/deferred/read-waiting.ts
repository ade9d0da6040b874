/** Reads the records that wait in a queue of deferred messages, a piece at a time, while the queue goes on. */

import type { Clock } from "@polylog/base/clock";
import { decodeHeaders, type Partition, RecordCursor } from "@polylog/log";
import type { UnfinishedWindow } from "../channels/unfinished-window.ts";
import { deferredListReadSize } from "../limits.ts";

/** The first header of each record: when it is due, ms since 1970 as text. */
export const dueHeader = "polylog-due";

export interface WaitingRecord {
  /** Moves on with the next one. */
  readonly record: RecordCursor;
  /** NaN: the record does not say it. */
  readonly dueMs: number;
}

/** Those with offsets above `after` that are not given out yet. Rejects as `Partition.readChunk`. */
export async function* readWaiting(
  partition: Partition,
  window: UnfinishedWindow,
  clock: Clock,
  after: number,
): AsyncGenerator<WaitingRecord, void> {
  const record = new RecordCursor();
  for (let next = after + 1; ; ) {
    next = Math.max(next, partition.lowWatermark, window.floor);
    if (next >= partition.highWatermark) return;
    const chunk = await partition.readChunk(next, deferredListReadSize);
    if (chunk === undefined) return;
    record.reset(chunk, next);
    while (record.next()) {
      const { offset } = record;
      if (offset >= window.cursor || window.isWaiting(offset)) yield { record, dueMs: dueMsOf(record) };
    }
    next = chunk.offsetNext;
    await new Promise<void>((resolve) => clock.atTurnEnd(resolve)); // Others have their turn.
  }
}

function dueMsOf(record: RecordCursor): number {
  const [first] = decodeHeaders(record);
  return first?.[0] === dueHeader ? Number(first[1].toString("latin1")) : Number.NaN;
}
