/**
 * Appends dead letters to the log they came from once more, so that every channel of it gets them as new records; each
 * goes to the partition it came from, without its reason headers. Live MQTT subscribers are not sent them again.
 *
 * What is replayed is waited for, a chunk at a time, and then `onReplayed` hears how far it got: a crash in between
 * replays that chunk once more. Consumers tell a repetition by the header `polylog-replayed-from`.
 */

import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { logErrors, type Partition, RecordCursor } from "@polylog/log";
import { originPartition, replayFields } from "../channels/dead-letter.ts";
import { readAheadSize } from "../limits.ts";
import type { BrokerLog } from "./broker-log.ts";

/** Offsets of one partition of the log of dead letters: from `offset` to before `endOffset`. */
export interface ReplayRange {
  readonly partition: number;
  readonly offset: number;
  readonly endOffset: number;
}

/** Returns how many it appended. Rejects with OFFSET_OUT_OF_RANGE, or what the log refuses with. */
export async function replayRange(
  source: BrokerLog,
  from: Partition,
  { offset, endOffset }: ReplayRange,
  deadLog: string,
  onReplayed: (offset: number) => Promise<void>,
): Promise<number> {
  const { lowWatermark: low, highWatermark: high } = from;
  if (offset < low || offset > endOffset || endOffset > high)
    throw logErrors.OFFSET_OUT_OF_RANGE({ offset: offset < low ? offset : endOffset, low, high });
  const record = new RecordCursor();
  let replayed = 0;
  for (let next = offset; next < endOffset; ) {
    const chunk = await from.readChunk(next, readAheadSize);
    if (chunk === undefined) break;
    const ends = new Map<Partition, number>();
    for (record.reset(chunk, next); record.next() && record.offset < endOffset; replayed++) {
      const partition = source.partitions[originPartition(record) ?? -1] ?? source.nextPartition();
      const fields = replayFields(record, deadLog, from.number);
      ends.set(partition, (await whenTaken(partition, () => source.appendRecord(partition, fields))) + 1);
    }
    for (const [partition, end] of ends) await whenDurable(source, partition, end);
    next = Math.min(chunk.offsetNext, endOffset);
    await onReplayed(next);
  }
  return replayed;
}

/** Appends as soon as the partition takes more. */
async function whenTaken(partition: Partition, append: () => number): Promise<number> {
  for (;;) {
    try {
      return append();
    } catch (error) {
      if (!isCodedError(error, "log.APPEND_QUEUE_FULL")) throw error;
      await new Promise<void>((resolve) => partition.whenDrained(resolve));
    }
  }
}

function whenDurable(source: BrokerLog, partition: Partition, endOffset: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDurable = (_token: number, error: PolylogError | undefined) =>
      error === undefined ? resolve() : reject(error);
    partition.whenDurable(endOffset, source.log.config.durability, { onDurable }, 0);
  });
}
