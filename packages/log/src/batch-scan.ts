/**
 * Reads a segment from one end to the other, batch by batch, checking each. Used when a partition opens, when an index is
 * made anew, and to find out how far damage reaches. Not for reading records.
 */

import {
  type BatchFault,
  batchCount,
  batchEpoch,
  batchFault,
  batchHeaderSize,
  batchHeadFault,
  batchLink,
  batchLinkNext,
  batchMagic,
  batchOffset,
  batchPartition,
  batchProducer,
  batchRecordCount,
  batchSize,
  batchTimestampFirst,
  batchTimestampLast,
} from "./batch.ts";
import { scanBlockSize } from "./limits.ts";
import type { ProducerStamp } from "./producers/producer-block.ts";
import type { StorageFile } from "./storage/storage.ts";

/** An intact batch. */
export interface FoundBatch {
  readonly position: number;
  readonly size: number;
  readonly offset: number;
  readonly offsetNext: number;
  readonly recordCount: number;
  readonly epoch: number;
  readonly timestampFirst: number;
  readonly timestampLast: number;
}

/** One where it was expected. */
export interface ScannedBatch extends FoundBatch {
  /** False when it does not carry the link to the batch before, and that one was read or `ScanStart.link` told. */
  readonly isLinked: boolean;
  /** The link it carries; a view that is good only while it is visited. */
  readonly link: Buffer;
  /** Who wrote it, if that was a producer with an id. */
  readonly producer: ProducerStamp | undefined;
}

export interface ScanStart {
  readonly partition: number;
  readonly position: number;
  /** Bytes of the file to look at. */
  readonly end: number;
  /** Offset that the batch at `position` must begin with. */
  readonly offset: number;
  /** Link that it must carry; undefined: not known. */
  readonly link: Buffer | undefined;
}

export interface ScanEnd {
  /** Where the last intact batch ends; `end` when there is nothing wrong. */
  readonly position: number;
  readonly offset: number;
  readonly fault: BatchFault | undefined;
  /** To the last batch; that of the start when none was read. */
  readonly link: Buffer | undefined;
}

/** Calls `visit` for each intact batch until `end` or the first fault. */
export async function scanBatches(
  file: StorageFile,
  start: ScanStart,
  visit: (batch: ScannedBatch) => void,
): Promise<ScanEnd> {
  const window = new FileWindow(file, start.end);
  let { position, offset, link } = start;
  while (position < start.end) {
    const fault = await window.batchFaultAt(position);
    if (fault !== undefined) return { position, offset, fault, link };
    const at = position - window.position;
    const batch = readBatch(window.bytes, at, position);
    const misplaced = batch.offset !== offset || batchPartition(window.bytes, at) !== start.partition;
    if (misplaced) return { position, offset, fault: "misplaced", link };
    const carried = batchLink(window.bytes, at);
    const isLinked = link === undefined || link.equals(carried);
    visit({ ...batch, isLinked, link: carried, producer: batchProducer(window.bytes, at) });
    link = batchLinkNext(window.bytes, at);
    position += batch.size;
    offset = batch.offsetNext;
  }
  return { position, offset, fault: undefined, link };
}

/** Offsets that cannot be read, and where the bytes are that should hold them. */
export interface DamagedRange {
  readonly position: number;
  /** Where intact batches go on, with `offsetNext`. */
  readonly positionNext: number;
  readonly offsetFirst: number;
  readonly offsetNext: number;
  readonly fault: BatchFault;
}

export interface LongScanEnd extends ScanEnd {
  /** There is a fault, and only zeros from there to the end. */
  readonly zeros: boolean;
  /** What was passed over: intact batches follow each. */
  readonly damages: readonly DamagedRange[];
}

/**
 * As `scanBatches`, but goes on behind damage as long as intact batches follow. The file may be written to meanwhile, one
 * batch behind the other, also over zeros.
 */
export async function scanPastDamage(
  file: StorageFile,
  start: ScanStart,
  visit: (batch: ScannedBatch) => void,
): Promise<LongScanEnd> {
  const damages: DamagedRange[] = [];
  let { position, offset, link } = start;
  for (;;) {
    const end = await scanBatches(file, { ...start, position, offset, link }, visit);
    if (end.fault === undefined) return { ...end, damages, zeros: false };
    const searchFrom = isNewerFormat(end.fault) ? end.position + 1 : end.position;
    const next = await findBatch(file, { ...start, position: searchFrom, offset: end.offset });
    if (next === undefined) return { ...end, damages, zeros: await isZero(file, end.position, start.end) };
    // What lies in front of it may not have been written yet when it was read.
    const again = await scanBatches(
      file,
      { ...start, position: end.position, offset: end.offset, link: end.link },
      visit,
    );
    if (again.position > end.position) {
      ({ position, offset, link } = again);
      continue;
    }
    damages.push({
      position: end.position,
      positionNext: next.position,
      offsetFirst: end.offset,
      offsetNext: next.offset,
      fault: end.fault,
    });
    position = next.position;
    offset = next.offset;
    link = undefined;
  }
}

/**
 * The first intact batch of the partition that begins at or behind `start.position` with an offset not below
 * `start.offset`, also one of a newer format; undefined when there is none. What looks like one inside a record's value
 * would be taken for one if it had this partition's number and an offset that is still to come.
 */
export async function findBatch(file: StorageFile, start: Omit<ScanStart, "link">): Promise<FoundBatch | undefined> {
  const window = new FileWindow(file, start.end);
  let position = start.position;
  while (position + batchHeaderSize < start.end) {
    await window.moveTo(position, batchHeaderSize);
    const at = window.bytes.indexOf(batchMagic, position - window.position);
    if (at < 0) {
      position = Math.max(position + 1, window.position + window.bytes.length - batchMagic.length + 1);
      continue;
    }
    position = window.position + at;
    const fault = await window.batchFaultAt(position);
    if (fault === undefined || isNewerFormat(fault)) {
      const inWindow = position - window.position;
      const batch = readBatch(window.bytes, inWindow, position);
      if (batch.offset >= start.offset && batchPartition(window.bytes, inWindow) === start.partition) return batch;
    }
    position++;
  }
  return undefined;
}

async function isZero(file: StorageFile, start: number, end: number): Promise<boolean> {
  const zeros = Buffer.alloc(Math.min(scanBlockSize, end - start));
  const block = Buffer.allocUnsafeSlow(zeros.length);
  for (let position = start; position < end; position += block.length) {
    const read = await file.read(block.subarray(0, Math.min(block.length, end - position)), position);
    if (block.compare(zeros, 0, read, 0, read) !== 0) return false;
  }
  return true;
}

function isNewerFormat(fault: BatchFault): boolean {
  return fault === "version" || fault === "attributes";
}

function readBatch(bytes: Buffer, at: number, position: number): FoundBatch {
  const offset = batchOffset(bytes, at);
  return {
    position,
    size: batchSize(bytes, at),
    offset,
    offsetNext: offset + batchCount(bytes, at),
    recordCount: batchRecordCount(bytes, at),
    epoch: batchEpoch(bytes, at),
    timestampFirst: batchTimestampFirst(bytes, at),
    timestampLast: batchTimestampLast(bytes, at),
  };
}

/** A block of a file that moves forward over it. */
export class FileWindow {
  readonly #file: StorageFile;
  readonly #end: number;
  position = 0;
  bytes: Buffer = Buffer.alloc(0);

  constructor(file: StorageFile, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** Checks the batch at `position` of the file, which is then in the window. */
  async batchFaultAt(position: number): Promise<BatchFault | undefined> {
    await this.moveTo(position, batchHeaderSize);
    const fault = batchHeadFault(this.bytes, position - this.position, this.bytes.length);
    if (fault !== undefined) return fault;
    const size = batchSize(this.bytes, position - this.position);
    if (position + size > this.#end) return "incomplete";
    await this.moveTo(position, size);
    return batchFault(this.bytes, position - this.position, this.bytes.length);
  }

  /** Gets at least `size` bytes from `position` on into the window, fewer only at the end. */
  async moveTo(position: number, size: number): Promise<void> {
    const wantedEnd = Math.min(this.#end, position + size);
    if (position >= this.position && wantedEnd <= this.position + this.bytes.length) return;
    const block = Buffer.allocUnsafeSlow(Math.min(this.#end - position, Math.max(size, scanBlockSize)));
    const read = await this.#file.read(block, position);
    this.position = position;
    this.bytes = block.subarray(0, read);
  }
}
