/**
 * Looks at what a channel would deliver next, without taking it: partition after partition, what is to be delivered again and
 * then what is fresh. What is deferred, in flight, expired or waits for its key's sake is not among it; after
 * `peekPassedMax` of those it stops.
 */

import { type Log, type Partition, RecordCursor } from "@polylog/log";
import type { Channel } from "../channels/channel.ts";
import { isExpired } from "../channels/expiry.ts";
import type { UnfinishedWindow } from "../channels/unfinished-window.ts";
import { peekPassedMax, peekReadSize } from "../limits.ts";

/** `record` moves on when this returns. False: enough. */
export type PeekVisitor = (record: RecordCursor, partition: number, attempts: number) => boolean;

/** At most `countMax` records. Rejects as `Partition.readChunk`. */
export async function peekChannel(
  log: Log,
  channel: Channel,
  countMax: number,
  nowMs: number,
  visit: PeekVisitor,
): Promise<void> {
  let left = countMax;
  let passedLeft = peekPassedMax;
  const { ttlMs } = log.config;
  const visitCounted: PeekVisitor = (record, partition, attempts) => {
    if (record.notBeforeMs > nowMs || isExpired(record, ttlMs, nowMs)) return --passedLeft > 0;
    left--;
    return visit(record, partition, attempts) && left > 0;
  };
  for (const [index, window] of channel.windows().entries()) {
    const partition = log.partitions[index]!;
    if (left <= 0 || !(await peekReady(partition, window, left, visitCounted))) return;
    if (!(await peekFresh(partition, window.cursor, visitCounted))) return;
  }
}

async function peekReady(
  partition: Partition,
  window: UnfinishedWindow,
  countMax: number,
  visit: PeekVisitor,
): Promise<boolean> {
  const record = new RecordCursor();
  for (const offset of window.readyOffsets(countMax)) {
    if (offset < partition.lowWatermark) continue;
    const chunk = partition.cachedChunk(offset) ?? (await partition.readChunk(offset, peekReadSize));
    if (chunk === undefined) continue;
    record.reset(chunk, offset);
    if (!record.next() || record.offset !== offset) continue;
    if (!visit(record, partition.number, window.attemptsOf(offset))) return false;
  }
  return true;
}

async function peekFresh(partition: Partition, cursor: number, visit: PeekVisitor): Promise<boolean> {
  const record = new RecordCursor();
  const end = partition.highWatermark;
  for (let offset = Math.max(cursor, partition.lowWatermark); offset < end; ) {
    const chunk = partition.cachedChunk(offset) ?? (await partition.readChunk(offset, peekReadSize));
    if (chunk === undefined) return true;
    record.reset(chunk, offset);
    while (record.next() && record.offset < end) if (!visit(record, partition.number, 0)) return false;
    offset = chunk.offsetNext;
  }
  return true;
}
