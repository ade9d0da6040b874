/**
 * Finds out what is wrong with the files of a partition that nobody uses, and what repairing it would do. Changes nothing.
 *
 * Every segment is read whole. One that is not what it should be is to be rewritten, with an empty sparse batch in place of
 * what cannot be read; a gap between two segments gets a segment of its own. Offsets that are lost stay lost, and those
 * behind them keep their place. What a newer Polylog wrote, or what is whole but of another log, is refused, not repaired.
 *
 * A first segment that begins after the mark of what was trimmed leaves a gap like any other, and it is filled: to raise the
 * mark would say that those records were removed on purpose. Segments below the mark are not looked at, they go with the
 * next start.
 */

import type { PolylogError } from "@polylog/base/errors";
import { batchHeaderSize, batchLink } from "./batch.ts";
import { type FoundBatch, type LongScanEnd, scanPastDamage } from "./batch-scan.ts";
import { genesisLink } from "./chain.ts";
import { compressionFaults, storedSizeOf } from "./compressed-segment.ts";
import { logErrors } from "./errors.ts";
import { isTornEnd } from "./recovery.ts";
import {
  Segment,
  segmentHeaderFault,
  segmentHeaderLink,
  segmentHeaderProducers,
  segmentHeaderSize,
} from "./segment.ts";
import { listSegmentFiles, type StoredSegment, segmentFileName, segmentsFrom } from "./segment-files.ts";
import type { SegmentFooter } from "./segment-footer.ts";
import type { SegmentSet } from "./segment-set.ts";
import type { StorageFile } from "./storage/storage.ts";
import { footerAgrees } from "./verify.ts";

export interface OffsetRange {
  readonly offsetFirst: number;
  readonly offsetNext: number;
}

/** What one segment's file holds. */
export interface InspectedSegment extends StoredSegment {
  /** What is damaged around its blocks, if it is compressed. */
  readonly formFaults: readonly string[];
  /** Bytes of the segment, and of its file. */
  readonly fileSize: number;
  readonly storedSize: number;
  /** Undefined when it is not intact; `headerFault` says why. */
  readonly header: Buffer | undefined;
  readonly headerFault: string | undefined;
  /** The link that the first batch carries, when it lies where it should. */
  readonly firstLink: Buffer | undefined;
  readonly footer: SegmentFooter | undefined;
  readonly footerAgrees: boolean;
  readonly end: LongScanEnd;
  readonly batches: readonly FoundBatch[];
  readonly isLinked: boolean;
  /** Bytes behind its last whole batch, if there are any, can be a write that a crash interrupted. */
  readonly isTorn: boolean;
  /** The offset after the last one that its index speaks of, if it speaks of bytes that are not there. */
  readonly vouchedOffset: number | undefined;
  readonly hasIndex: boolean;
}

/** `rewrite`: a file takes the segment's place. `fill`: a segment is made where one is missing. `index`: a cache is made. */
export interface PlannedRepair extends StoredSegment {
  readonly kind: "rewrite" | "fill" | "index";
  readonly reasons: readonly string[];
  /** Offsets whose records are given up. */
  readonly lost: readonly OffsetRange[];
  /** Offset after the last one that the file covers then. */
  readonly offsetNext: number;
  /** Link that its header has. */
  readonly linkFirst: Buffer;
  /** Link that the next segment's header has; undefined: there is none. */
  readonly linkNext: Buffer | undefined;
  readonly timestampMs: number;
}

/** What to do, oldest segment first. Throws REPAIR_REFUSED. */
export async function planRepair(set: SegmentSet): Promise<PlannedRepair[]> {
  const names = (await set.storage.list(set.directory)) ?? [];
  await set.mark.read(names);
  const segments: InspectedSegment[] = [];
  for (const stored of segmentsFrom(listSegmentFiles(names).segments, set.mark.offset))
    segments.push(withoutBatches(await inspectSegment(set, stored)));
  const plans = segments.flatMap((segment, at) => planSegment(set, segment, segments[at - 1], segments[at + 1]));
  const first = segments[0];
  return first === undefined ? plans : [...planFront(set.mark.offset, first), ...plans];
}

/** What lies between the mark and the first segment. */
function planFront(trimmedTo: number, first: InspectedSegment): PlannedRepair[] {
  if (first.baseOffset <= trimmedTo) return [];
  const linkNext = headerLink(first, undefined);
  const timestampMs = first.batches[0]?.timestampFirst ?? 0;
  return [planFill(trimmedTo, first.baseOffset, { linkFirst: genesisLink, linkNext, timestampMs })];
}

function planFill(
  offsetFirst: number,
  offsetNext: number,
  links: Pick<PlannedRepair, "linkFirst" | "linkNext" | "timestampMs">,
): PlannedRepair {
  const lost = [{ offsetFirst, offsetNext }];
  const reasons = ["a segment is missing"];
  return { kind: "fill", baseOffset: offsetFirst, form: "plain", reasons, lost, offsetNext, ...links };
}

/** What planning needs does not grow with the number of batches. */
function withoutBatches(segment: InspectedSegment): InspectedSegment {
  return { ...segment, batches: segment.batches.slice(-1) };
}

export async function inspectSegment(set: SegmentSet, stored: StoredSegment): Promise<InspectedSegment> {
  const file = await set.openSegment(stored.baseOffset, stored.form);
  try {
    return await inspectFile(set, stored, file);
  } finally {
    await file.close();
  }
}

async function inspectFile(
  set: SegmentSet,
  { baseOffset, form }: StoredSegment,
  file: StorageFile,
): Promise<InspectedSegment> {
  const fileSize = await file.size();
  const bytes = Buffer.alloc(segmentHeaderSize);
  const headerFault = segmentHeaderFault(bytes.subarray(0, await file.read(bytes, 0)), set.identity, baseOffset);
  const header = headerFault === undefined ? bytes : undefined;
  const footer = await set.readLastFooter(file, baseOffset, fileSize);
  const batches: FoundBatch[] = [];
  let isLinked = true;
  let recordCount = 0;
  const start = { partition: set.identity.partition, position: segmentHeaderSize, offset: baseOffset };
  const link = header && segmentHeaderLink(header);
  const end = await scanPastDamage(file, { ...start, link, end: footer?.size ?? fileSize }, (batch) => {
    batches.push(batch);
    recordCount += batch.recordCount;
    isLinked &&= batch.isLinked;
    set.producers ||= batch.producer !== undefined;
  });
  set.producers ||= header === undefined || segmentHeaderProducers(header);
  const timestampLast = batches.at(-1)?.timestampLast ?? 0;
  const times = { timestampFirst: batches[0]?.timestampFirst, timestampLast };
  const agrees =
    footer !== undefined && footerAgrees(footer, { ...end, batchCount: batches.length, recordCount, ...times });
  const segment = new Segment(baseOffset, end.position, end.offset, 0);
  const summary = await set.readIndexSummary(segment);
  const isAbove = summary !== undefined && footer === undefined && summary.segmentSize > end.position;
  return {
    ...{ baseOffset, form, fileSize, header, headerFault, footer, end, batches, isLinked },
    formFaults: compressionFaults(file),
    storedSize: await storedSizeOf(file),
    isTorn: form === "plain" && footer === undefined && isTornEnd(end, summary?.segmentSize ?? 0),
    firstLink: await firstLink(file, batches[0]),
    footerAgrees: agrees,
    vouchedOffset: isAbove ? Math.max(end.offset, summary.offsetNext) : undefined,
    hasIndex:
      summary?.segmentSize === end.position &&
      summary.offsetNext === end.offset &&
      (await set.readIndex(segment)) !== undefined,
  };
}

async function firstLink(file: StorageFile, first: FoundBatch | undefined): Promise<Buffer | undefined> {
  if (first?.position !== segmentHeaderSize) return undefined;
  const bytes = Buffer.alloc(batchHeaderSize);
  await file.read(bytes, first.position);
  return Buffer.from(batchLink(bytes, 0));
}

function planSegment(
  set: SegmentSet,
  segment: InspectedSegment,
  previous: InspectedSegment | undefined,
  next: InspectedSegment | undefined,
): PlannedRepair[] {
  refuseForeign(set, segment);
  const offsetNext = offsetEnd(set, segment, next);
  const isNext = next?.baseOffset === offsetNext;
  const linkNext = isNext ? headerLink(next, segment) : segment.footer?.linkNext;
  const reasons = [...faultsOf(segment, next), ...placeFaults(set, segment, next, offsetNext, linkNext)];
  const timestampMs = segment.batches.at(-1)?.timestampLast ?? previous?.batches.at(-1)?.timestampLast ?? 0;
  const linkFirst = headerLink(segment, previous);
  const { baseOffset, form } = segment;
  const plans: PlannedRepair[] = [];
  const plan = { baseOffset, form, offsetNext, linkFirst, linkNext, timestampMs };
  const lost = lostOf(segment, set.mark.offset, offsetNext);
  if (reasons.length > 0) plans.push({ kind: "rewrite", reasons, lost, ...plan });
  else if (next !== undefined && !segment.hasIndex)
    plans.push({ kind: "index", reasons: ["it has no intact index"], lost: [], ...plan });
  if (next === undefined || next.baseOffset <= offsetNext) return plans;
  const links = { linkFirst: linkNext ?? genesisLink, linkNext: headerLink(next, segment), timestampMs };
  return [...plans, planFill(offsetNext, next.baseOffset, links)];
}

/** The offset after the last one that the segment should cover. */
function offsetEnd(
  { mark }: SegmentSet,
  { footer, end, baseOffset, vouchedOffset }: InspectedSegment,
  next: InspectedSegment | undefined,
): number {
  const limit = next?.baseOffset ?? Number.MAX_SAFE_INTEGER;
  if (footer !== undefined && footer.offsetNext > baseOffset && footer.offsetNext >= end.offset)
    return Math.min(limit, footer.offsetNext);
  return next === undefined ? Math.max(vouchedOffset ?? end.offset, mark.offset) : limit;
}

/** The link that the segment's header has, or is to get: the one that its first batch carries or the one before leads to. */
function headerLink({ header, firstLink }: InspectedSegment, previous: InspectedSegment | undefined): Buffer {
  if (header !== undefined) return segmentHeaderLink(header);
  return firstLink ?? previous?.footer?.linkNext ?? previous?.end.link ?? genesisLink;
}

function faultsOf(segment: InspectedSegment, next: InspectedSegment | undefined): string[] {
  const { headerFault, end, isLinked, footer, vouchedOffset } = segment;
  const reasons: string[] = [...segment.formFaults];
  if (headerFault !== undefined) reasons.push(headerFault);
  for (const { position, fault } of end.damages) reasons.push(`byte ${position} is damaged (${fault})`);
  const isToBeCut = next === undefined && (segment.isTorn || end.zeros); // By opening.
  if (end.fault !== undefined && !isToBeCut) reasons.push(`byte ${end.position} is damaged (${end.fault})`);
  if (vouchedOffset !== undefined) reasons.push("its end is missing");
  if (!isLinked) reasons.push("its chain of batches is broken");
  if (footer === undefined && (next !== undefined || segment.form !== "plain")) reasons.push("it has no intact footer");
  if (reasons.length === 0 && footer !== undefined && !segment.footerAgrees)
    reasons.push("its footer does not describe its batches");
  return reasons;
}

/** How it fits in front of the next one, whose header has `linkNext` if it begins where this one ends. */
function placeFaults(
  { mark }: SegmentSet,
  { footer, end }: InspectedSegment,
  next: InspectedSegment | undefined,
  offsetNext: number,
  linkNext: Buffer | undefined,
): string[] {
  const reasons: string[] = [];
  if (next === undefined && Math.max(end.offset, footer?.offsetNext ?? 0) < mark.offset)
    reasons.push("it ends before the end of what was trimmed");
  if (end.offset > offsetNext) reasons.push("it reaches into the next segment");
  if (footer !== undefined && linkNext?.equals(footer.linkNext) === false)
    reasons.push("the next segment does not follow it");
  return reasons;
}

function lostOf({ end, batches }: InspectedSegment, trimmedTo: number, offsetNext: number): OffsetRange[] {
  const last = batches.at(-1);
  // A batch that covers offsets of the next segment, too, is given up.
  const cutFirst = end.offset > offsetNext && last !== undefined ? last.offset : end.offset;
  const ranges = [...end.damages, { offsetFirst: cutFirst, offsetNext }];
  return ranges
    .map((range) => ({
      offsetFirst: Math.max(range.offsetFirst, trimmedTo),
      offsetNext: Math.min(range.offsetNext, offsetNext),
    }))
    .filter((range) => range.offsetFirst < range.offsetNext);
}

function refuseForeign(set: SegmentSet, { baseOffset, form, headerFault, end }: InspectedSegment): void {
  const refuse = (reason: string): PolylogError =>
    logErrors.REPAIR_REFUSED({ ...set.identity, file: segmentFileName(baseOffset, form), reason });
  // A header that is whole and says something else was not damaged.
  if (headerFault !== undefined && !headerFault.startsWith("its header")) throw refuse(headerFault);
  for (const fault of [...end.damages.map((damage) => damage.fault), end.fault])
    if (fault === "version" || fault === "attributes") throw refuse("a newer Polylog wrote it");
}
