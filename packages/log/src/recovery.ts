/**
 * What is done to the files of a partition before it takes records again. It can be interrupted at any point and done
 * again: everything it changes, it changes towards the state in which it finds nothing to do.
 *
 * - Older segments were synced before the next one was begun, so they are whole. Their footers tell where they end. One
 *   without an intact footer is read whole and reported, as are offsets missing between two segments, and a header whose
 *   link is not that of the footer before.
 * - Segments below the mark (`trim-mark.ts`) are what an interrupted trim left, and are removed. A first one that begins
 *   after the mark is reported: what lies in front of it was not trimmed.
 * - The newest one is read from its last index entry on. Bytes behind its last whole batch, with no intact batch behind
 *   them, are a write that was never acknowledged as synced: they are kept in a `.torn` file, synced, and cut off.
 *   Only zeros there are room for batches that were to come (`zero-ahead.ts`), and are cut off and kept nowhere.
 * - A newest one that is sealed is followed by a new one: a crash came between the two. A torn footer is cut like a batch.
 * - If an intact batch follows, a batch does not link to the one before, or what is there is whole but cannot be (a newer format, wrong offsets), or the index says
 *   it was synced, it is damage: nothing is cut, the partition takes no records, and what is intact can be read.
 * - A newest segment without a good header and with nothing behind it was being made: it is made again.
 * - Files that were being written under a temporary name, or replaced, are removed (`segment-files.ts`).
 */

import type { PolylogError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import { type DamagedRange, type LongScanEnd, scanBatches, scanPastDamage } from "./batch-scan.ts";
import { genesisLink } from "./chain.ts";
import { compressionFaults } from "./compressed-segment.ts";
import { logErrors } from "./errors.ts";
import { scanBlockSize } from "./limits.ts";
import {
  Segment,
  segmentHeaderFault,
  segmentHeaderLink,
  segmentHeaderProducers,
  segmentHeaderSize,
} from "./segment.ts";
import { listSegmentFiles, type StoredSegment, segmentsFrom, tornFileName } from "./segment-files.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import type { SegmentSet } from "./segment-set.ts";
import { SparseIndex } from "./sparse-index.ts";
import { syncFile, writeAll } from "./storage/full-write.ts";
import type { StorageFile } from "./storage/storage.ts";
import { removeFilesBelow } from "./trimmer.ts";

export interface RecoveryReport {
  readonly segmentCount: number;
  /** Bytes of the newest segment that were read and checked. */
  readonly scannedBytes: number;
  /** Bytes cut off the newest segment, zeros at its end apart, and the file in which they are kept. */
  readonly tornBytes: number;
  readonly tornFile: string | undefined;
  readonly indexesRebuilt: number;
  /** Everything that is damaged or missing, as CORRUPT_BATCH, CORRUPT_SEGMENT, OFFSETS_MISSING, PARTITION_MISSING. */
  readonly damages: readonly PolylogError[];
  /** The one of them for which the partition takes no records. */
  readonly refusal: PolylogError | undefined;
}

export interface Recovered {
  readonly report: RecoveryReport;
  /** Highest epoch seen in the newest segment; 0 when none was read. */
  readonly epoch: number;
}

/** The newest segment is read from a batch on; its first `syncedSize` bytes are known to have been synced. */
interface ScanFrom {
  readonly position: number;
  readonly offset: number;
  /** That the batch there must carry; undefined: not known. */
  readonly link: Buffer | undefined;
  readonly syncedSize: number;
}

export interface RecoveryOptions {
  readonly nowMs: number;
  /** A partition without a segment is damaged instead of new. */
  readonly mustExist: boolean;
}

/** Fills `set` with the partition's segments; the last one is ready to take batches unless there is a refusal. */
export function recover(set: SegmentSet, options: RecoveryOptions): Promise<Recovered> {
  return new Recovery(set, options).run();
}

/** Says what recovery cut off and what it found damaged. */
export function logRecovery(logger: Logger, identity: SegmentIdentity, report: RecoveryReport): void {
  const { tornBytes, tornFile, damages } = report;
  if (tornBytes > 0) logger.warn("cut a write that a crash interrupted", { ...identity, tornBytes, tornFile });
  for (const error of damages) logger.error("found damage", { ...identity, error });
}

class Recovery {
  readonly #set: SegmentSet;
  readonly #options: RecoveryOptions;
  readonly #damages: PolylogError[] = [];
  #refusal: PolylogError | undefined;
  #scannedBytes = 0;
  #tornBytes = 0;
  #tornFile: string | undefined;
  #indexesRebuilt = 0;
  #epoch = 0;

  constructor(set: SegmentSet, options: RecoveryOptions) {
    this.#set = set;
    this.#options = options;
  }

  async run(): Promise<Recovered> {
    const names = (await this.#set.storage.list(this.#set.directory)) ?? [];
    await this.#set.mark.read(names);
    this.#set.trimmedTo = this.#set.mark.offset;
    const { segments: found, leftovers } = listSegmentFiles(names);
    for (const name of leftovers) await this.#set.storage.removeFile(this.#set.path(name));
    const segments = await this.#removeTrimmed(found);
    const newest = segments.at(-1);
    if (newest === undefined) await this.#begin();
    for (const segment of segments.slice(0, -1)) await this.#recoverOlder(segment);
    if (newest?.form === "plain") await this.#recoverNewest(newest.baseOffset);
    else if (newest !== undefined) await this.#recoverWithoutNewest(newest);
    return { epoch: this.#epoch, report: this.#report() };
  }

  #report(): RecoveryReport {
    return {
      segmentCount: this.#set.list.length,
      scannedBytes: this.#scannedBytes,
      tornBytes: this.#tornBytes,
      tornFile: this.#tornFile,
      indexesRebuilt: this.#indexesRebuilt,
      damages: this.#damages,
      refusal: this.#refusal,
    };
  }

  /** Removes what lies below the mark, because a trim was interrupted, and returns the others. */
  async #removeTrimmed(segments: readonly StoredSegment[]): Promise<readonly StoredSegment[]> {
    const { trimmedTo } = this.#set;
    const oldest = segments[0];
    if (oldest === undefined) return segments;
    if (oldest.baseOffset > trimmedTo) this.#damages.push(this.#missing(trimmedTo, oldest.baseOffset));
    const kept = segmentsFrom(segments, trimmedTo);
    await removeFilesBelow(this.#set, Math.min(kept[0]!.baseOffset, trimmedTo));
    return kept;
  }

  async #begin(): Promise<void> {
    const { directory, identity } = this.#set;
    if (this.#options.mustExist || this.#set.trimmedTo > 0)
      return this.#refuse(logErrors.PARTITION_MISSING({ ...identity, directory }));
    await this.#set.storage.makeDirectory(directory);
    await this.#set.create(0, this.#options.nowMs);
  }

  async #recoverOlder({ baseOffset, form }: StoredSegment): Promise<void> {
    const segment = new Segment(baseOffset, 0, baseOffset, this.#set.active?.timestampLast ?? 0);
    segment.form = form;
    const file = await this.#set.openSegment(baseOffset, form);
    try {
      segment.size = await file.size();
      for (const fault of compressionFaults(file)) this.#damages.push(this.#corruptSegment(segment, fault));
      const fault = await this.#headerFault(file, segment);
      if (fault !== undefined) this.#damages.push(this.#corruptSegment(segment, fault));
      const footer = await this.#set.readLastFooter(file, baseOffset, segment.size);
      if (footer !== undefined) {
        segment.seal(footer);
        this.#epoch = Math.max(this.#epoch, footer.epoch);
      } else {
        this.#damages.push(this.#corruptSegment(segment, "it has no intact footer"));
        await this.#set.rebuildIndex(segment, file);
        segment.index = undefined;
        this.#indexesRebuilt++;
      }
    } finally {
      await file.close();
    }
    this.#add(segment);
  }

  /** Adds it behind the others, its header read. */
  #add(segment: Segment): void {
    const previous = this.#set.active;
    if (previous !== undefined && previous.offsetNext !== segment.baseOffset)
      this.#damages.push(this.#missing(previous.offsetNext, segment.baseOffset));
    if (previous?.offsetNext === segment.baseOffset && !isSame(previous.linkNext, segment.linkFirst))
      this.#damages.push(this.#brokenChain(segment, segment.baseOffset, 0));
    this.#set.list.push(segment);
  }

  /** Only older segments are compressed, so the newest one is missing. */
  async #recoverWithoutNewest(stored: StoredSegment): Promise<void> {
    await this.#recoverOlder(stored);
    const segment = this.#set.active!;
    if (segment.sealed) await this.#set.create(segment.offsetNext, this.#options.nowMs, segment.linkNext);
    else this.#refuse(this.#corruptSegment(segment, "it is compressed, and nothing tells where it ends"));
  }

  async #recoverNewest(baseOffset: number): Promise<void> {
    const segment = new Segment(baseOffset, 0, baseOffset, this.#set.active?.timestampLast ?? 0);
    segment.index = new SparseIndex();
    const file = await this.#set.openFile(segment.fileName, "modify");
    segment.file = file;
    const fileSize = await file.size();
    segment.size = fileSize;
    const fault = await this.#headerFault(file, segment);
    this.#add(segment);
    const isBegun = this.#set.list.length > 1 || baseOffset === 0;
    if (fault !== undefined && fileSize <= segmentHeaderSize && isBegun) return this.#beginAgain(segment, file);
    if (fault !== undefined) this.#refuse(this.#corruptSegment(segment, fault));
    const end = await this.#scan(segment, file, fileSize);
    if (end.offset < this.#set.trimmedTo) this.#refuse(this.#missing(end.offset, this.#set.trimmedTo));
    const cuts = end.fault !== undefined && !segment.sealed && this.#refusal === undefined;
    if (cuts && !end.zeros) await this.#keepAside(segment, file, end.position, fileSize);
    if (cuts) await file.truncate(end.position);
    if (this.#refusal !== undefined) return;
    // A process that died may have written, or named, more than it synced, and readers may have seen it.
    await syncFile(file);
    await this.#set.storage.syncDirectory(this.#set.directory);
    if (segment.sealed) await this.#set.create(segment.offsetNext, this.#options.nowMs, segment.linkNext);
  }

  async #beginAgain(segment: Segment, file: StorageFile): Promise<void> {
    const previous = this.#set.list.at(-2);
    const link = previous?.linkNext ?? genesisLink;
    if (previous !== undefined) {
      const summary = await this.#set.readIndexSummary(previous);
      const isKnown = summary?.segmentSize === previous.size && summary.offsetNext === previous.offsetNext;
      this.#set.producers ||= !isKnown || summary.producers;
    }
    await file.truncate(0);
    await this.#set.writeHeader(file, segment.baseOffset, this.#options.nowMs, link);
    await this.#set.storage.syncDirectory(this.#set.directory);
    segment.size = segmentHeaderSize;
    segment.linkFirst = link;
    segment.linkNext = link;
    segment.producersBefore = this.#set.producers;
  }

  /** Reads the newest segment to its end and sets what it holds; finds out whether its end is torn or damaged. */
  async #scan(segment: Segment, file: StorageFile, fileSize: number): Promise<LongScanEnd> {
    const start = await this.#scanStart(segment, file, fileSize);
    const { partition } = this.#set.identity;
    const end = await scanPastDamage(file, { partition, ...start, end: fileSize }, (batch) => {
      segment.index!.add(batch.offset, batch.position, batch.timestampFirst);
      segment.timestampLast = batch.timestampLast;
      segment.batchCount++;
      if (!batch.isLinked) this.#refuse(this.#brokenChain(segment, batch.offset, batch.position));
      this.#epoch = Math.max(this.#epoch, batch.epoch);
      this.#set.producers ||= batch.producer !== undefined;
    });
    this.#scannedBytes = fileSize - start.position;
    segment.size = end.position;
    segment.offsetNext = end.offset;
    segment.linkNext = end.link;
    const footer = await this.#set.readFooter(file, segment.baseOffset, end.position);
    if (footer !== undefined && footer.offsetNext === end.offset && isSame(footer.link, end.link)) segment.seal(footer);
    for (const damage of end.damages) this.#refuse(this.#corruptBatch(segment, damage));
    if (end.fault !== undefined && !segment.sealed && !isTornEnd(end, start.syncedSize))
      this.#refuse(
        this.#corruptBatch(segment, { ...end, offsetFirst: end.offset, offsetNext: end.offset, fault: end.fault }),
      );
    return end;
  }

  /**
   * Where to begin reading: at the last batch that the index knows, if the index can be believed, else at the start. An
   * index is written when all it describes is synced, so its word on that is taken even if its entries are not.
   */
  async #scanStart(segment: Segment, file: StorageFile, fileSize: number): Promise<ScanFrom> {
    const summary = await this.#set.readIndexSummary(segment);
    const syncedSize = summary?.segmentSize ?? 0;
    const fromStart = { position: segmentHeaderSize, offset: segment.baseOffset, link: segment.linkFirst, syncedSize };
    if (summary === undefined) return fromStart;
    if (syncedSize > fileSize) {
      const lost = `it has ${fileSize} bytes and had ${syncedSize}, up to before offset ${summary.offsetNext}`;
      this.#refuse(this.#corruptSegment(segment, lost));
      return fromStart;
    }
    const index = await this.#set.readIndex(segment);
    const last = index?.floor(Number.MAX_SAFE_INTEGER - 1);
    if (index !== undefined && last === undefined && summary.offsetNext === segment.baseOffset) return fromStart;
    if (index !== undefined && last !== undefined) {
      const { partition } = this.#set.identity;
      let batchCount = summary.batchCount;
      const end = await scanBatches(file, { partition, ...last, link: undefined, end: syncedSize }, () => {
        batchCount--;
      });
      if (end.fault === undefined && end.offset === summary.offsetNext) {
        segment.index = index;
        segment.batchCount = batchCount;
        this.#set.producers ||= summary.producers;
        return { ...last, link: undefined, syncedSize };
      }
    }
    this.#indexesRebuilt++;
    return fromStart;
  }

  async #keepAside(segment: Segment, file: StorageFile, position: number, fileSize: number): Promise<void> {
    const name = tornFileName(segment.baseOffset, position);
    const torn = await this.#set.openFile(name, "replace");
    try {
      for (let at = position; at < fileSize; at += scanBlockSize) {
        const block = Buffer.alloc(Math.min(scanBlockSize, fileSize - at));
        await file.read(block, at);
        await writeAll(torn, block, at - position);
      }
      await syncFile(torn);
    } finally {
      await torn.close();
    }
    await this.#set.storage.syncDirectory(this.#set.directory);
    this.#tornBytes = fileSize - position;
    this.#tornFile = name;
  }

  async #headerFault(file: StorageFile, segment: Segment): Promise<string | undefined> {
    const header = Buffer.alloc(segmentHeaderSize);
    const size = await file.read(header, 0);
    const fault = segmentHeaderFault(header.subarray(0, size), this.#set.identity, segment.baseOffset);
    if (fault !== undefined) return fault;
    segment.linkFirst = segmentHeaderLink(header);
    segment.producersBefore = segmentHeaderProducers(header);
    this.#set.producers ||= segment.producersBefore;
    return undefined;
  }

  #refuse(error: PolylogError): void {
    this.#damages.push(error);
    this.#refusal ??= error;
  }

  #missing(offsetFirst: number, offsetNext: number): PolylogError {
    return logErrors.OFFSETS_MISSING({ ...this.#set.identity, offsetFirst, offsetNext });
  }

  #brokenChain(segment: Segment, offset: number, position: number): PolylogError {
    return logErrors.CHAIN_BROKEN({ ...this.#set.identity, file: segment.fileName, offset, position });
  }

  #corruptSegment(segment: Segment, reason: string): PolylogError {
    return logErrors.CORRUPT_SEGMENT({ ...this.#set.identity, file: segment.fileName, reason });
  }

  #corruptBatch(segment: Segment, damage: Omit<DamagedRange, "positionNext">): PolylogError {
    const { offsetFirst, offsetNext, position, fault } = damage;
    const range = { offsetFirst, offsetNext, position, fault };
    return logErrors.CORRUPT_BATCH({ ...this.#set.identity, file: segment.fileName, ...range });
  }
}

/**
 * True when what follows the last whole batch of a newest segment can be a write that a crash interrupted; its first
 * `syncedSize` bytes are known to have been synced.
 */
export function isTornEnd(end: LongScanEnd, syncedSize: number): boolean {
  const isWhole = end.fault === "version" || end.fault === "attributes" || end.fault === "fields";
  return end.damages.length === 0 && !isWhole && end.fault !== "misplaced" && end.position >= syncedSize;
}

/** False only when both links are known and differ. */
function isSame(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined || one.equals(other);
}
