/**
 * Reads all segments of a partition and checks everything they say of themselves and of each other: every CRC, the link
 * of every batch, footers, and that each segment begins where the one before ended. Changes nothing. The partition may be
 * in use: an end of the newest segment that recovery would take for an interrupted write is no fault but its `tailBytes`, and
 * one of zeros only, room for batches that are to come, is not counted at all.
 */

import type { PolylogError } from "@polylog/base/errors";
import { type LongScanEnd, scanPastDamage } from "./batch-scan.ts";
import { compressionFaults, storedSizeOf } from "./compressed-segment.ts";
import { logErrors } from "./errors.ts";
import { isTornEnd } from "./recovery.ts";
import { Segment, segmentHeaderFault, segmentHeaderLink, segmentHeaderSize } from "./segment.ts";
import {
  listSegmentFiles,
  type StoredSegment,
  segmentFileName,
  segmentsFrom,
  tornFileSuffix,
} from "./segment-files.ts";
import type { SegmentFooter } from "./segment-footer.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import { SegmentSet } from "./segment-set.ts";
import type { Storage, StorageFile } from "./storage/storage.ts";

export interface VerifiedSegment {
  readonly file: string;
  /** Of the segment, zeros at its end apart; positions in it are given in these. */
  readonly bytes: number;
  /** Of its file, fewer when it is compressed. */
  readonly storedBytes: number;
  readonly offsetFirst: number;
  readonly offsetNext: number;
  readonly batchCount: number;
  readonly sealed: boolean;
}

export interface VerifyReport {
  readonly segments: readonly VerifiedSegment[];
  readonly batchCount: number;
  /** First offset found, and the one after the last. */
  readonly offsetFirst: number;
  readonly offsetNext: number;
  /** To the last batch, in hex: noted elsewhere, it proves later that nothing before `offsetNext` was changed, rewritten segments apart. */
  readonly link: string | undefined;
  /** Behind the last whole batch of the newest segment: being written, or what the next start will cut off. */
  readonly tailBytes: number;
  /** In files with what earlier starts cut off, kept to be looked at. */
  readonly tornBytes: number;
  /** CORRUPT_SEGMENT, CORRUPT_BATCH, OFFSETS_MISSING, CHAIN_BROKEN, FILE_UNREADABLE; empty when nothing is wrong. */
  readonly faults: readonly PolylogError[];
}

export interface VerifyOptions {
  /** Called now and then with the bytes of segments read so far. */
  readonly onProgress?: (bytesRead: number) => void;
  /** A server uses it: a segment that is gone when its turn comes was removed by it. Default false. */
  readonly inUse?: boolean;
}

/** `directory` is that of the partition in `storage`. Rejects with the system's error when that cannot be listed. */
export async function verifyPartition(
  storage: Storage,
  directory: string,
  identity: SegmentIdentity,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const set = new SegmentSet(storage, directory, identity);
  const names = (await storage.list(directory)) ?? [];
  await set.mark.read(names);
  const verification = new Verification(set, options);
  // What lies below the mark is gone, or goes with the next start.
  const segments = segmentsFrom(listSegmentFiles(names).segments, set.mark.offset);
  for (const segment of segments) await verification.addSegment(segment, segment === segments.at(-1));
  verification.checkMark();
  for (const name of names) if (name.endsWith(tornFileSuffix)) await verification.addTornFile(name);
  return verification.report();
}

class Verification {
  readonly #set: SegmentSet;
  readonly #options: VerifyOptions;
  readonly #segments: VerifiedSegment[] = [];
  readonly #faults: PolylogError[] = [];
  #batchCount = 0;
  #offsetFirst: number | undefined;
  #offsetNext = 0;
  #link: Buffer | undefined;
  #bytesRead = 0;
  #tailBytes = 0;
  #tornBytes = 0;
  /** Of the segment being read. */
  #fileName = "";
  /** The one before it was removed by whoever uses the partition. */
  #isBehindGone = false;

  constructor(set: SegmentSet, options: VerifyOptions) {
    this.#set = set;
    this.#options = options;
  }

  report(): VerifyReport {
    return {
      segments: this.#segments,
      batchCount: this.#batchCount,
      offsetFirst: this.#offsetFirst ?? 0,
      offsetNext: this.#offsetNext,
      link: this.#link?.toString("hex"),
      tailBytes: this.#tailBytes,
      tornBytes: this.#tornBytes,
      faults: this.#faults,
    };
  }

  /** What the system cannot read is a fault, and the next segment is looked at all the same. */
  async addSegment(segment: StoredSegment, isNewest: boolean): Promise<void> {
    const { baseOffset, form } = segment;
    this.#fileName = segmentFileName(baseOffset, form);
    try {
      const file = await this.#openSegment(segment);
      if (file === undefined) this.#isBehindGone = true;
      else await this.#checkSegment(file, baseOffset, isNewest).finally(() => file.close().catch(() => undefined));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#faults.push(logErrors.FILE_UNREADABLE({ ...this.#set.identity, file: this.#fileName, reason }, error));
    }
  }

  /** Whoever uses the partition may have compressed it meanwhile. */
  async #openSegment({ baseOffset, form }: StoredSegment): Promise<StorageFile | undefined> {
    const file = await this.#unlessGone(this.#set.openSegment(baseOffset, form));
    if (file !== undefined || form === "lz4") return file;
    this.#fileName = segmentFileName(baseOffset, "lz4");
    return this.#unlessGone(this.#set.openSegment(baseOffset, "lz4"));
  }

  async #checkSegment(file: StorageFile, baseOffset: number, isNewest: boolean): Promise<void> {
    for (const fault of compressionFaults(file)) this.#noteSegment(fault);
    this.#checkStart(baseOffset, await this.#headerLink(file, baseOffset));
    this.#offsetNext = baseOffset;
    await this.#checkBatches(file, baseOffset, isNewest);
  }

  /** What was trimmed was synced before, so the segments reach at least to its mark. */
  checkMark(): void {
    const { offset: offsetNext } = this.#set.mark;
    const isShort = this.#offsetFirst !== undefined && !this.#isBehindGone && this.#offsetNext < offsetNext;
    if (isShort)
      this.#faults.push(
        logErrors.OFFSETS_MISSING({ ...this.#set.identity, offsetFirst: this.#offsetNext, offsetNext }),
      );
  }

  async addTornFile(name: string): Promise<void> {
    const file = await this.#unlessGone(this.#set.openFile(name, "read"));
    if (file !== undefined) this.#tornBytes += await file.size().finally(() => file.close());
  }

  /** Undefined: whoever uses the partition removed the file. */
  async #unlessGone(opening: Promise<StorageFile>): Promise<StorageFile | undefined> {
    try {
      return await opening;
    } catch (error) {
      const isGone = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (isGone && this.#options.inUse === true) return undefined;
      throw error;
    }
  }

  /** The link in the segment's header; undefined, and a fault noted, when it is damaged. */
  async #headerLink(file: StorageFile, baseOffset: number): Promise<Buffer | undefined> {
    const header = Buffer.alloc(segmentHeaderSize);
    const size = await file.read(header, 0);
    const fault = segmentHeaderFault(header.subarray(0, size), this.#set.identity, baseOffset);
    if (fault === undefined) return segmentHeaderLink(header);
    this.#noteSegment(fault);
    return undefined;
  }

  /** Compares where a segment begins with where the one before ended. */
  #checkStart(baseOffset: number, link: Buffer | undefined): void {
    const offsetFirst = this.#offsetNext;
    const isFirst = this.#offsetFirst === undefined;
    const { offset: trimmedTo } = this.#set.mark;
    if (this.#isBehindGone) this.#offsetFirst = undefined;
    this.#offsetFirst ??= baseOffset;
    if (this.#isBehindGone) this.#isBehindGone = false;
    else if (isFirst && baseOffset > trimmedTo)
      this.#faults.push(
        logErrors.OFFSETS_MISSING({ ...this.#set.identity, offsetFirst: trimmedTo, offsetNext: baseOffset }),
      );
    else if (!isFirst && offsetFirst !== baseOffset)
      this.#faults.push(logErrors.OFFSETS_MISSING({ ...this.#set.identity, offsetFirst, offsetNext: baseOffset }));
    else if (!isFirst && link !== undefined && this.#link?.equals(link) === false) this.#noteChain(baseOffset, 0);
    this.#link = link;
  }

  async #checkBatches(file: StorageFile, baseOffset: number, isNewest: boolean): Promise<void> {
    const { partition } = this.#set.identity;
    const fileSize = await file.size();
    const footer = await this.#set.readLastFooter(file, baseOffset, fileSize);
    const start = { partition, position: segmentHeaderSize, offset: baseOffset, link: this.#link };
    const found = { batchCount: 0, recordCount: 0, timestampFirst: undefined as number | undefined, timestampLast: 0 };
    const end = await scanPastDamage(file, { ...start, end: footer?.size ?? fileSize }, (batch) => {
      found.batchCount++;
      found.recordCount += batch.recordCount;
      found.timestampFirst ??= batch.timestampFirst;
      found.timestampLast = batch.timestampLast;
      if (!batch.isLinked) this.#noteChain(batch.offset, batch.position);
      this.#options.onProgress?.(this.#bytesRead + batch.position + batch.size);
    });
    this.#bytesRead += fileSize;
    this.#batchCount += found.batchCount;
    // Where the end is damaged, the footer still tells how the next segment must begin; of a rewritten one only it does.
    this.#offsetNext = footer?.offsetNext ?? end.offset;
    const syncedSize = isNewest ? await this.#syncedSize(baseOffset) : 0;
    const isOpenEnd = footer === undefined && isNewest && (end.fault === undefined || isTornEnd(end, syncedSize));
    const hasRoom = isOpenEnd && end.zeros;
    const isAsWritten = (end.fault === undefined || hasRoom) && footer?.rewrittenMs === undefined;
    this.#link = isAsWritten ? end.link : footer?.linkNext;
    this.#segments.push({
      file: this.#fileName,
      bytes: hasRoom ? end.position : fileSize,
      storedBytes: hasRoom ? end.position : await storedSizeOf(file),
      offsetFirst: baseOffset,
      offsetNext: end.offset,
      batchCount: found.batchCount,
      sealed: footer !== undefined,
    });
    for (const { position, offsetFirst, offsetNext, fault } of end.damages)
      this.#noteBatch({ position, offsetFirst, offsetNext, fault });
    if (syncedSize > fileSize) this.#noteSegment(`it has ${fileSize} bytes and had ${syncedSize}`);
    if (isOpenEnd) this.#tailBytes = hasRoom ? 0 : fileSize - end.position;
    else this.#checkEnd(end, footer);
    if (footer === undefined && !isNewest) this.#noteSegment("it has no intact footer");
    const isWhole = end.damages.length === 0 && end.fault === undefined; // Else that is said already.
    if (footer !== undefined && isWhole && !footerAgrees(footer, { ...end, ...found }))
      this.#noteSegment("its footer does not describe its batches");
  }

  /** Bytes of the newest segment that were synced at the last clean stop, as its index says. */
  async #syncedSize(baseOffset: number): Promise<number> {
    return (await this.#set.readIndexSummary(new Segment(baseOffset, 0, baseOffset, 0)))?.segmentSize ?? 0;
  }

  #checkEnd(end: LongScanEnd, footer: SegmentFooter | undefined): void {
    const { position, offset: offsetFirst, fault } = end;
    if (fault === undefined) return;
    const offsetNext = footer?.offsetNext ?? offsetFirst;
    this.#noteBatch({ position, offsetFirst, offsetNext, fault });
  }

  #noteSegment(reason: string): void {
    const file = this.#fileName;
    this.#faults.push(logErrors.CORRUPT_SEGMENT({ ...this.#set.identity, file, reason }));
  }

  #noteBatch(range: { position: number; offsetFirst: number; offsetNext: number; fault: string }): void {
    const file = this.#fileName;
    this.#faults.push(logErrors.CORRUPT_BATCH({ ...this.#set.identity, file, ...range }));
  }

  #noteChain(offset: number, position: number): void {
    const file = this.#fileName;
    this.#faults.push(logErrors.CHAIN_BROKEN({ ...this.#set.identity, file, offset, position }));
  }
}

/** What the batches of a segment add up to. */
export interface SegmentSum {
  readonly offset: number;
  readonly link: Buffer | undefined;
  readonly batchCount: number;
  readonly recordCount: number;
  readonly timestampFirst: number | undefined;
  readonly timestampLast: number;
}

export function footerAgrees(footer: SegmentFooter, sum: SegmentSum): boolean {
  return (
    footer.offsetNext === sum.offset &&
    footer.batchCount === sum.batchCount &&
    footer.recordCount === sum.recordCount &&
    footer.timestampFirst === sum.timestampFirst &&
    footer.timestampLast === sum.timestampLast &&
    sum.link?.equals(footer.link) === true
  );
}
