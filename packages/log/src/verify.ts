/**
 * Reads all segments of a partition and checks everything they say of themselves and of each other: every CRC, the link
 * of every batch, footers, and that each segment begins where the one before ended. Changes nothing. The partition may be
 * in use: an incomplete batch at the end of the newest segment is no fault.
 */

import type { PolylogError } from "@polylog/base/errors";
import { scanPastDamage } from "./batch-scan.ts";
import { logErrors } from "./errors.ts";
import {
  parseSegmentFileName,
  segmentFileName,
  segmentHeaderFault,
  segmentHeaderLink,
  segmentHeaderSize,
} from "./segment.ts";
import { type SegmentFooter, segmentFooterSize } from "./segment-footer.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import { SegmentSet } from "./segment-set.ts";
import type { Storage, StorageFile } from "./storage/storage.ts";

export interface VerifyReport {
  readonly segmentCount: number;
  readonly batchCount: number;
  /** First offset found, and the one after the last. */
  readonly offsetFirst: number;
  readonly offsetNext: number;
  /** To the last batch, in hex: noted elsewhere, it proves later that nothing before `offsetNext` was changed. */
  readonly link: string | undefined;
  /** CORRUPT_SEGMENT, CORRUPT_BATCH, OFFSETS_MISSING, CHAIN_BROKEN; empty when nothing is wrong. */
  readonly faults: readonly PolylogError[];
}

/** `directory` is that of the partition in `storage`. Rejects with the system's error when a file cannot be read. */
export async function verifyPartition(
  storage: Storage,
  directory: string,
  identity: SegmentIdentity,
): Promise<VerifyReport> {
  const set = new SegmentSet(storage, directory, identity);
  const names = (await storage.list(directory)) ?? [];
  await set.mark.read(names);
  const verification = new Verification(set);
  const offsets = names.map(parseSegmentFileName).filter((offset) => offset !== undefined);
  // What lies below the mark is gone, or goes with the next start.
  const first = Math.max(
    0,
    offsets.findLastIndex((offset) => offset <= set.mark.offset),
  );
  for (const offset of offsets.slice(first)) await verification.addSegment(offset, offset === offsets.at(-1));
  return verification.report();
}

class Verification {
  readonly #set: SegmentSet;
  readonly #faults: PolylogError[] = [];
  #segmentCount = 0;
  #batchCount = 0;
  #offsetFirst: number | undefined;
  #offsetNext = 0;
  #link: Buffer | undefined;

  constructor(set: SegmentSet) {
    this.#set = set;
  }

  report(): VerifyReport {
    return {
      segmentCount: this.#segmentCount,
      batchCount: this.#batchCount,
      offsetFirst: this.#offsetFirst ?? 0,
      offsetNext: this.#offsetNext,
      link: this.#link?.toString("hex"),
      faults: this.#faults,
    };
  }

  async addSegment(baseOffset: number, isNewest: boolean): Promise<void> {
    const file = await this.#set.openFile(segmentFileName(baseOffset), "read");
    try {
      this.#checkStart(baseOffset, await this.#headerLink(file, baseOffset));
      this.#offsetNext = baseOffset;
      await this.#checkBatches(file, baseOffset, isNewest);
    } finally {
      await file.close();
    }
    this.#segmentCount++;
  }

  /** The link in the segment's header; undefined, and a fault noted, when it is damaged. */
  async #headerLink(file: StorageFile, baseOffset: number): Promise<Buffer | undefined> {
    const header = Buffer.alloc(segmentHeaderSize);
    const size = await file.read(header, 0);
    const fault = segmentHeaderFault(header.subarray(0, size), this.#set.identity, baseOffset);
    if (fault === undefined) return segmentHeaderLink(header);
    this.#noteSegment(baseOffset, fault);
    return undefined;
  }

  /** Compares where a segment begins with where the one before ended. */
  #checkStart(baseOffset: number, link: Buffer | undefined): void {
    const offsetFirst = this.#offsetNext;
    const isFirst = this.#offsetFirst === undefined;
    const { offset: trimmedTo } = this.#set.mark;
    this.#offsetFirst ??= baseOffset;
    if (isFirst && baseOffset > trimmedTo)
      this.#faults.push(
        logErrors.OFFSETS_MISSING({ ...this.#set.identity, offsetFirst: trimmedTo, offsetNext: baseOffset }),
      );
    else if (!isFirst && offsetFirst !== baseOffset)
      this.#faults.push(logErrors.OFFSETS_MISSING({ ...this.#set.identity, offsetFirst, offsetNext: baseOffset }));
    else if (!isFirst && link !== undefined && this.#link?.equals(link) === false)
      this.#noteChain(baseOffset, baseOffset, 0);
    this.#link = link;
  }

  async #checkBatches(file: StorageFile, baseOffset: number, isNewest: boolean): Promise<void> {
    const { partition } = this.#set.identity;
    const fileSize = await file.size();
    const footer = await this.#set.readFooter(file, baseOffset, fileSize - segmentFooterSize);
    const start = { partition, position: segmentHeaderSize, offset: baseOffset, link: this.#link };
    let batchCount = 0;
    let timestampFirst: number | undefined;
    let timestampLast = 0;
    const end = await scanPastDamage(file, { ...start, end: footer?.size ?? fileSize }, (batch) => {
      batchCount++;
      timestampFirst ??= batch.timestampFirst;
      timestampLast = batch.timestampLast;
      if (!batch.isLinked) this.#noteChain(baseOffset, batch.offset, batch.position);
    });
    this.#batchCount += batchCount;
    this.#offsetNext = end.offset;
    this.#link = end.link;
    for (const { position, offsetFirst, offsetNext, fault } of end.damages)
      this.#noteBatch(baseOffset, { position, offsetFirst, offsetNext, fault });
    if (end.fault !== undefined && !(isNewest && end.fault === "incomplete"))
      this.#noteBatch(baseOffset, {
        position: end.position,
        offsetFirst: end.offset,
        offsetNext: footer?.offsetNext ?? end.offset,
        fault: end.fault,
      });
    if (footer === undefined) {
      if (!isNewest) this.#noteSegment(baseOffset, "it has no intact footer");
    } else if (!agrees(footer, { offsetNext: end.offset, link: end.link, batchCount, timestampFirst, timestampLast }))
      this.#noteSegment(baseOffset, "its footer does not describe its batches");
  }

  #noteSegment(baseOffset: number, reason: string): void {
    const file = segmentFileName(baseOffset);
    this.#faults.push(logErrors.CORRUPT_SEGMENT({ ...this.#set.identity, file, reason }));
  }

  #noteBatch(
    baseOffset: number,
    range: { position: number; offsetFirst: number; offsetNext: number; fault: string },
  ): void {
    const file = segmentFileName(baseOffset);
    this.#faults.push(logErrors.CORRUPT_BATCH({ ...this.#set.identity, file, ...range }));
  }

  #noteChain(baseOffset: number, offset: number, position: number): void {
    const file = segmentFileName(baseOffset);
    this.#faults.push(logErrors.CHAIN_BROKEN({ ...this.#set.identity, file, offset, position }));
  }
}

function agrees(
  footer: SegmentFooter,
  found: {
    offsetNext: number;
    link: Buffer | undefined;
    batchCount: number;
    timestampFirst: number | undefined;
    timestampLast: number;
  },
): boolean {
  return (
    footer.offsetNext === found.offsetNext &&
    footer.batchCount === found.batchCount &&
    footer.recordCount === footer.offsetNext - footer.baseOffset &&
    footer.timestampFirst === found.timestampFirst &&
    footer.timestampLast === found.timestampLast &&
    found.link?.equals(footer.link) === true
  );
}
