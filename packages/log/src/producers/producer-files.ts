/**
 * Keeps what a partition knows of its producers over a restart.
 *
 * A snapshot is written when a segment is full and when the partition is closed, synced, and the older ones are removed
 * but for one. It stands for a place between two batches, named by its offset and proved by the link there: a snapshot
 * of batches that a crash then took away fits no place of the log any more. Opening takes the newest one that fits and
 * reads the log from there on; in most cases that is nothing (after a clean stop) or the newest segment (after a crash).
 *
 * Without a snapshot that fits, all is read from the last segment before which no producer had written, as its header
 * says. If older segments were removed by then, what they held is forgotten: a producer of such an epoch that is not found
 * has to be opened again.
 *
 * A partition to which no producer with an id has written costs none of this: `SegmentSet.producers` is false.
 */

import type { ScannedBatch } from "../batch-scan.ts";
import { producerSnapshotsKept } from "../limits.ts";
import type { Segment } from "../segment.ts";
import type { SegmentSet } from "../segment-set.ts";
import { syncFile, writeAll } from "../storage/full-write.ts";
import type { StorageFile } from "../storage/storage.ts";
import {
  decodeProducerSnapshot,
  encodeProducerSnapshot,
  type LogPlace,
  type ProducerSnapshot,
  parseProducerSnapshotName,
  producerSnapshotName,
  producerSnapshotSizeMax,
} from "./producer-snapshot.ts";
import { ProducerTable } from "./producer-table.ts";

export interface RecoveredProducers {
  readonly table: ProducerTable;
  /** No snapshot could be used; all of it comes from the log. */
  readonly rebuilt: boolean;
}

/** What the log in `set`, which is recovered, says of its producers. Rejects when a segment cannot be read. */
export async function recoverProducers(set: SegmentSet, producersMax?: number): Promise<RecoveredProducers> {
  const empty = (): ProducerTable => new ProducerTable(set.identity, producersMax);
  if (!set.producers) return { table: empty(), rebuilt: false };
  for (const offset of await snapshotOffsets(set)) {
    if (offset > set.active!.offsetNext) continue;
    const snapshot = await readSnapshot(set, offset, producersMax);
    if (snapshot !== undefined && (await replay(set, snapshot))) return { table: snapshot.table, rebuilt: false };
  }
  const table = empty();
  const first = Math.max(
    0,
    set.list.findLastIndex((segment) => !segment.producersBefore),
  );
  for (const segment of set.list.slice(first)) await scanSegment(set, segment, (batch) => addBatch(table, batch));
  if (set.list[first]!.producersBefore && set.list[first]!.baseOffset > 0) table.epochForgotten = table.epochMax;
  return { table, rebuilt: true };
}

/** Adds what lies behind the snapshot to its table. False when the snapshot is not one of this log. */
async function replay(set: SegmentSet, { offset, link, table }: ProducerSnapshot): Promise<boolean> {
  const newest = set.active!;
  if (offset === newest.offsetNext) return newest.linkNext?.equals(link) === true;
  const first = Math.max(
    0,
    set.list.findLastIndex((segment) => segment.baseOffset <= offset),
  );
  let fits = false;
  for (const segment of set.list.slice(first)) {
    await scanSegment(set, segment, (batch) => {
      if (batch.offset === offset) fits = batch.link.equals(link);
      if (fits) addBatch(table, batch);
    });
    if (!fits) return false;
  }
  return true;
}

function addBatch(table: ProducerTable, { producer, offset, offsetNext }: ScannedBatch): void {
  if (producer !== undefined) table.add(producer, offset, offsetNext - offset);
}

async function scanSegment(set: SegmentSet, segment: Segment, visit: (batch: ScannedBatch) => void): Promise<void> {
  const file = await set.openSegment(segment.baseOffset, segment.form);
  await set.scan(segment, file, visit).finally(() => file.close());
}

/** Stores `table` as it is at `place`. One that could not be stored is made from the log when it is needed. */
export async function saveProducers(set: SegmentSet, place: LogPlace, table: ProducerTable): Promise<void> {
  const bytes = encodeProducerSnapshot(set.identity, place, table);
  try {
    const file = await set.openFile(producerSnapshotName(place.offset), "replace");
    try {
      await writeAll(file, bytes, 0);
      await syncFile(file);
    } finally {
      await file.close();
    }
    const others = (await snapshotOffsets(set)).filter((offset) => offset !== place.offset);
    const ahead = others.filter((offset) => offset > place.offset);
    const behind = others.filter((offset) => offset < place.offset).slice(producerSnapshotsKept - 1);
    for (const offset of [...ahead, ...behind]) await set.storage.removeFile(set.path(producerSnapshotName(offset)));
  } catch {
    // Nothing depends on it, and a disk that fails shows it with the next batch.
  }
}

/** Newest first. */
async function snapshotOffsets(set: SegmentSet): Promise<number[]> {
  const names = (await set.storage.list(set.directory)) ?? [];
  const offsets = names.map(parseProducerSnapshotName).filter((offset) => offset !== undefined);
  return offsets.sort((one, other) => other - one);
}

async function readSnapshot(
  set: SegmentSet,
  offset: number,
  producersMax: number | undefined,
): Promise<ProducerSnapshot | undefined> {
  let file: StorageFile;
  try {
    file = await set.openFile(producerSnapshotName(offset), "read");
  } catch {
    return undefined; // A cache that cannot be read is as good as none.
  }
  try {
    const size = await file.size();
    if (size > producerSnapshotSizeMax) return undefined;
    const bytes = Buffer.alloc(size);
    const read = await file.read(bytes, 0);
    return decodeProducerSnapshot(bytes.subarray(0, read), set.identity, offset, producersMax);
  } finally {
    await file.close();
  }
}
