/**
 * Key compaction of one partition: of the records with the same key only the last one stays. Offsets never change, and
 * whoever reads gets the survivors in order.
 *
 * - Only sealed segments count, for what is removed and for what removes: what the newest segment holds may not be synced.
 * - Records without a key stay. A record with a key and an EMPTY value is a tombstone: it removes the records of its key
 *   before it, and goes itself `tombstoneRetentionMs` after it was written.
 * - Nothing from `neededFrom` on is removed.
 * - Memory: a table of `compactionKeysMax` keys. A partition with more is gone through once per subset of keys.
 * - The event loop: after `compactionSliceMs` of work it pauses for as long.
 *
 *     for each subset of keys:  read all segments, note the last offset of each key
 *                               for each segment, oldest first: rewrite it without what may go (`segment-rewrite.ts`)
 *
 * Why a crash is safe: a segment is replaced in one step, and synced, before the next one is looked at. A record goes only
 * when a later one of its key lies in a sealed segment, so the last one of each key is always there. A tombstone goes only
 * when, in the same pass, every older segment was read whole and freed of its key, durably, and records in its own segment go with
 * it in the same step: so no record of the key is left that could come back. If an older segment had to be left as it was
 * (damage, a channel that needs it, no room), or was trimmed and might come back, tombstones behind it stay.
 */

import type { Clock } from "@polylog/base/clock";
import {
  batchIsRich,
  batchLink,
  batchLinkNext,
  batchOffset,
  batchPartition,
  batchRecordCount,
  batchSize,
} from "../batch.ts";
import { FileWindow } from "../batch-scan.ts";
import {
  compactionKeysMax,
  compactionNewShare,
  compactionReserveSize,
  compactionSliceMs,
  compactionSliceRecords,
} from "../limits.ts";
import { RecordCursor } from "../record-cursor.ts";
import { type Segment, segmentHeaderFault, segmentHeaderSize } from "../segment.ts";
import { SegmentRewrite } from "../segment-rewrite.ts";
import type { SegmentSet } from "../segment-set.ts";
import { chunkOfBatch, thinnedBatch } from "../sparse-batch.ts";
import { type KeySubset, KeyTable } from "./key-table.ts";

export interface CompactionOptions {
  readonly clock: Clock;
  readonly tombstoneRetentionMs: number;
  /** Records from this offset on stay, because a channel needs them. It may sink while compaction runs. */
  readonly neededFrom: () => number;
  /** From here on a channel has records that it has not finished, whether they stay or not. Default: there are none. */
  readonly unfinishedFrom?: () => number;
  /** True when it should end soon. */
  readonly isEnding: () => boolean;
  /** Default `compactionKeysMax`. */
  readonly keysMax?: number;
}

export interface CompactionReport {
  readonly passCount: number;
  readonly segmentsRewritten: number;
  readonly recordsRemoved: number;
  /** Of these, at or behind `unfinishedFrom`. */
  readonly unfinishedRemoved: number;
  /** By which sealed segments became smaller. */
  readonly bytesFreed: number;
}

/** Remembers, for one partition, what was compacted since it was opened. */
export class Compactor {
  readonly #set: SegmentSet;
  /** Records removed so far that a channel may not have finished. */
  unfinishedRemoved = 0;
  /** Sealed segments below were looked at. */
  #compactedTo = 0;
  #lastMs = 0;
  /** When the first tombstone that stayed may go. */
  #tombstoneDueMs = Number.POSITIVE_INFINITY;
  #failed = false;

  constructor(set: SegmentSet) {
    this.#set = set;
  }

  /**
   * Compacts if there is enough to do; undefined when there is not. Rejects with the system's error when a file fails: every
   * segment is whole then. After a failure to put a file in its place nothing is compacted until the partition is opened again.
   */
  async run(options: CompactionOptions): Promise<CompactionReport | undefined> {
    if (this.#failed || !this.#isWorthwhile(options)) return undefined;
    const sealedTo = this.#set.active!.baseOffset;
    const compaction = new Compaction(this.#set, options);
    try {
      await compaction.run();
    } catch (error) {
      this.#failed = compaction.isUnsure;
      if (options.isEnding()) return undefined; // The files of a log that is deleted are gone.
      throw error;
    } finally {
      this.unfinishedRemoved += compaction.report.unfinishedRemoved;
    }
    if (options.isEnding()) return compaction.report;
    this.#compactedTo = sealedTo;
    this.#lastMs = options.clock.nowMs();
    this.#tombstoneDueMs = compaction.tombstoneDueMs;
    return compaction.report;
  }

  #isWorthwhile({ clock, tombstoneRetentionMs }: CompactionOptions): boolean {
    let sealedBytes = 0;
    let newBytes = 0;
    for (const segment of this.#set.list) {
      if (segment === this.#set.active) break;
      sealedBytes += segment.size;
      if (segment.offsetNext > this.#compactedTo) newBytes += segment.size;
    }
    if (newBytes > 0 && newBytes >= sealedBytes * compactionNewShare) return true;
    const nowMs = clock.nowMs();
    return nowMs >= this.#tombstoneDueMs && nowMs >= this.#lastMs + tombstoneRetentionMs / 8;
  }
}

class Compaction {
  readonly #set: SegmentSet;
  readonly #options: CompactionOptions;
  readonly #segments: Segment[];
  readonly #cursor = new RecordCursor();
  readonly report = { passCount: 0, segmentsRewritten: 0, recordsRemoved: 0, unfinishedRemoved: 0, bytesFreed: 0 };
  tombstoneDueMs = Number.POSITIVE_INFINITY;
  /** A file may or may not have its segment's name after a power cut: nothing may be built upon that. */
  isUnsure = false;
  /** Of the pass under way: no record from here on goes. It only sinks. */
  #floor = Number.POSITIVE_INFINITY;
  /** Of the segment at hand: from here on records are not finished, and how many of those go. */
  #unfinishedFrom = Number.POSITIVE_INFINITY;
  #unfinished = 0;
  /** Of the pass under way: an older segment may still have records that should be gone. */
  #leftOlder = false;
  #sliceStartMs: number;

  constructor(set: SegmentSet, options: CompactionOptions) {
    this.#set = set;
    this.#options = options;
    this.#segments = set.list.slice(0, -1);
    this.#sliceStartMs = options.clock.monotonicMs();
  }

  async run(): Promise<void> {
    const subsets: KeySubset[] = [{ bits: 0, value: 0 }];
    for (let subset = subsets.pop(); subset !== undefined; subset = subsets.pop()) {
      const table = new KeyTable(this.#keysMax(), subset);
      for (const segment of this.#segments) await this.#noteKeys(segment, table, subsets);
      if (this.#options.isEnding()) return;
      this.report.passCount++;
      this.#floor = Number.POSITIVE_INFINITY;
      this.#leftOlder = !this.#isTrimmed(this.#set.lowWatermark);
      if (table.size === 0) continue;
      for (let i = 0; i < this.#segments.length && !this.#options.isEnding(); i++)
        this.#segments[i] = await this.#clean(this.#segments[i]!, table);
    }
  }

  /** A small partition needs no large table. */
  #keysMax(): number {
    const first = this.#segments[0]?.baseOffset ?? 0;
    const offsets = (this.#segments.at(-1)?.offsetNext ?? 0) - first;
    return Math.max(1, Math.min(this.#options.keysMax ?? compactionKeysMax, offsets));
  }

  async #noteKeys(segment: Segment, table: KeyTable, subsets: KeySubset[]): Promise<void> {
    const cursor = this.#cursor;
    await this.#eachBatch(segment, segment.size, async (bytes, start) => {
      if (!mayHaveKeys(bytes, start)) return;
      cursor.reset(chunkOfBatch(bytes, start), 0);
      for (let i = 1; cursor.next(); i++) {
        if (cursor.keyStart >= 0)
          while (!table.note(bytes, cursor.keyStart, cursor.keyEnd, cursor.offset))
            subsets.push(await table.halve(() => this.#pace()));
        if (i % compactionSliceRecords === 0) await this.#pace();
      }
    });
  }

  /** Resolves with the segment that has its place then: itself, or one with fewer records. */
  async #clean(segment: Segment, table: KeyTable): Promise<Segment> {
    if (!this.#set.list.includes(segment)) {
      this.#leftOlder ||= !this.#isTrimmed(segment.offsetNext);
      return segment;
    }
    this.#floor = Math.min(this.#floor, this.#options.neededFrom());
    this.#unfinishedFrom = this.#options.unfinishedFrom?.() ?? Number.POSITIVE_INFINITY;
    this.#unfinished = 0;
    const work: { rewrite: SegmentRewrite | undefined; removed: number } = { rewrite: undefined, removed: 0 };
    try {
      const isWhole = await this.#eachBatch(segment, segment.size, async (bytes, start, position) => {
        const removed = await this.#markRemovable(bytes, start, table);
        if (removed > 0) work.rewrite ??= await this.#begin(segment, position);
        work.removed += removed;
        if (work.rewrite === undefined) return;
        if (removed === 0) await work.rewrite.add(bytes, start, start + batchSize(bytes, start));
        else {
          const batch = thinnedBatch(bytes, start, this.#keeps);
          await work.rewrite.add(batch, 0, batch.length);
        }
      });
      if (isWhole && work.rewrite === undefined) return segment;
      if (isWhole && this.#options.neededFrom() >= this.#floor)
        return await this.#install(segment, work.rewrite!, work.removed);
    } catch (error) {
      this.isUnsure = work.rewrite?.isUnsure === true;
      await work.rewrite?.abandon();
      if (error !== leaveIt) throw error;
    }
    await work.rewrite?.abandon();
    this.#leftOlder = true;
    return segment;
  }

  /** Whether what was trimmed up to `offset` stays so after a crash. */
  #isTrimmed(offset: number): boolean {
    return this.#set.mark.offset >= offset;
  }

  /** Of the batch that was looked at last: 0 for each record that goes. */
  #keeps = new Uint8Array(0);

  /** Fills `#keeps`; returns how many records go. */
  async #markRemovable(bytes: Buffer, start: number, table: KeyTable): Promise<number> {
    if (!mayHaveKeys(bytes, start)) return 0;
    this.#keeps = new Uint8Array(batchRecordCount(bytes, start)).fill(1);
    let removed = 0;
    this.#cursor.reset(chunkOfBatch(bytes, start), 0);
    for (let i = 0; this.#cursor.next(); i++) {
      if (this.#cursor.keyStart >= 0 && this.#isRemovable(table)) {
        this.#keeps[i] = 0;
        removed++;
        if (this.#cursor.offset >= this.#unfinishedFrom) this.#unfinished++;
      }
      if (i % compactionSliceRecords === compactionSliceRecords - 1) await this.#pace();
    }
    return removed;
  }

  /** Whether the record under the cursor may go. */
  #isRemovable(table: KeyTable): boolean {
    const { bytes, keyStart, keyEnd, offset, valueStart, valueEnd, timestampMs } = this.#cursor;
    const last = table.find(bytes, keyStart, keyEnd);
    if (last > offset) return offset < this.#floor;
    if (last < offset || valueEnd > valueStart) return false;
    const dueMs = timestampMs + this.#options.tombstoneRetentionMs;
    if (dueMs <= this.#options.clock.nowMs() && offset < this.#floor && !this.#leftOlder) return true;
    this.tombstoneDueMs = Math.min(this.tombstoneDueMs, dueMs);
    return false;
  }

  /** Begins the segment's replacement with its batches before `position` as they are. */
  async #begin(segment: Segment, position: number): Promise<SegmentRewrite> {
    if ((await this.#set.storage.freeBytes()) < segment.size + compactionReserveSize) throw leaveIt;
    const header = Buffer.alloc(segmentHeaderSize);
    try {
      await (await this.#set.acquire(segment)).read(header, 0);
    } finally {
      this.#set.release(segment);
    }
    if (segmentHeaderFault(header, this.#set.identity, segment.baseOffset) !== undefined) throw leaveIt;
    const rewrite = await SegmentRewrite.begin(this.#set, segment.baseOffset, header, segment.size);
    try {
      const copied = await this.#eachBatch(segment, position, (bytes, start) =>
        rewrite.add(bytes, start, start + batchSize(bytes, start)),
      );
      if (copied) return rewrite;
      throw leaveIt;
    } catch (error) {
      await rewrite.abandon();
      throw error;
    }
  }

  async #install(segment: Segment, rewrite: SegmentRewrite, removed: number): Promise<Segment> {
    const { clock } = this.#options;
    const end = { epoch: segment.epoch, linkNext: segment.linkNext, nowMs: clock.nowMs() };
    const replacement = await rewrite.install(end, segment);
    if (replacement === undefined) throw leaveIt;
    this.report.segmentsRewritten++;
    this.report.recordsRemoved += removed;
    this.report.unfinishedRemoved += this.#unfinished;
    this.report.bytesFreed += segment.size - replacement.size;
    return replacement;
  }

  /**
   * Calls `visit` for each batch of a sealed segment that begins before `end`. False when not all of them were visited:
   * something is damaged, or it is time to end.
   */
  async #eachBatch(
    segment: Segment,
    end: number,
    visit: (bytes: Buffer, start: number, position: number) => Promise<void>,
  ): Promise<boolean> {
    if (!segment.sealed || segment.linkFirst === undefined) return false;
    try {
      const file = await this.#set.acquire(segment);
      const window = new FileWindow(file, segment.size);
      let offset = segment.baseOffset;
      let link = segment.linkFirst;
      for (let position = segmentHeaderSize; position < end; ) {
        if (this.#options.isEnding() || (await window.batchFaultAt(position)) !== undefined) return false;
        const { bytes } = window;
        const start = position - window.position;
        const isExpected =
          batchOffset(bytes, start) === offset &&
          batchPartition(bytes, start) === this.#set.identity.partition &&
          batchLink(bytes, start).equals(link); // Else rewriting would cover up what the chain shows.
        if (!isExpected) return false;
        link = batchLinkNext(bytes, start);
        const chunk = chunkOfBatch(bytes, start);
        await visit(bytes, start, position);
        await this.#pace();
        position += chunk.end - chunk.start;
        offset = chunk.offsetNext;
      }
      return end < segment.size || offset === segment.offsetNext;
    } catch (error) {
      if (segment.removed) return false; // It was trimmed, and its file is gone.
      throw error;
    } finally {
      this.#set.release(segment);
    }
  }

  /** Leaves the event loop to others when it was busy here for long enough. */
  async #pace(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonicMs() - this.#sliceStartMs < compactionSliceMs) return;
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, compactionSliceMs);
    });
    this.#sliceStartMs = clock.monotonicMs();
  }
}

/** Thrown inside to leave a segment as it is: there is no room, it is damaged, or it was trimmed meanwhile. */
const leaveIt = new Error("the segment is left as it is");

/** Only rich batches have keys. */
function mayHaveKeys(bytes: Buffer, start: number): boolean {
  return batchIsRich(bytes, start) && batchRecordCount(bytes, start) > 0;
}
