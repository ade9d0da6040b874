/**
 * Compresses a sealed segment (`compressed-segment.ts` has the format), while it is read by others:
 *
 *     .log ──▶ .log.lz4.tmp, synced, read back and compared ──▶ .log.lz4, directory synced ──▶ .log removed
 *
 * A crash leaves the `.log` whole up to the last step: before the renaming with a temporary file, after it with a second
 * form, which recovery removes; `segment-files.ts` says so. After the last step only the compressed form is there, synced.
 *
 * Leaves the event loop free: compressing and file calls are made in the thread pool, block by block. It gives up a
 * segment that saves too little, and, so that it takes no other's space, one whose second form might not fit on the disk.
 */

import { crc32 } from "node:zlib";
import { compress } from "lz4-napi";
import {
  blockHeadSize,
  compressedHeaderSize,
  encodeBlockHead,
  encodeCompressedEnd,
  encodeCompressedHeader,
} from "./compressed-segment.ts";
import { compressedBlockSize, compressedPartMax, compressedSamplesMax, scanBlockSize } from "./limits.ts";
import type { Segment } from "./segment.ts";
import { segmentFileName, temporaryFileName } from "./segment-files.ts";
import type { SegmentSet } from "./segment-set.ts";
import { syncFile, writeAll } from "./storage/full-write.ts";
import type { StorageFile } from "./storage/storage.ts";

/** `saves too little`: it is not tried again until the partition is opened anew. */
export type CompressionResult = "compressed" | "saves too little" | "no space" | "ended";

export interface CompressionReport {
  readonly result: CompressionResult;
  /** Of the `.log`. */
  readonly size: number;
  /** Of the `.log.lz4`; 0 when it is not kept. */
  readonly storedSize: number;
}

/** The next segment worth trying: sealed, not damaged as far as known, and not the last two, which are read most. */
export function nextToCompress(set: SegmentSet): Segment | undefined {
  const isCandidate = (segment: Segment): boolean =>
    segment.sealed && segment.form === "plain" && !segment.incompressible && (segment.damages ?? []).length === 0;
  return set.list.slice(0, -2).find(isCandidate);
}

/** Rejects with the system's error, and what it wrote is removed then. `isEnding` is asked between two blocks. */
export async function compressSegment(
  set: SegmentSet,
  segment: Segment,
  isEnding: () => boolean,
): Promise<CompressionReport> {
  try {
    const file = await set.acquire(segment);
    const size = await file.size();
    if (!(await isWorthIt(file, size))) return giveUp(segment, size);
    if ((await set.storage.freeBytes()) < size) return { result: "no space", size, storedSize: 0 };
    const name = segmentFileName(segment.baseOffset, "lz4");
    const temporary = temporaryFileName(name);
    try {
      const storedSize = await writeCompressed(set, temporary, { file, size, isEnding });
      if (storedSize === undefined) return { result: "ended", size, storedSize: 0 };
      if (storedSize > size * compressedPartMax) return giveUp(segment, size);
      const isInPlace = await set.changeFiles(() => putInPlace(set, segment, temporary, name));
      return isInPlace ? { result: "compressed", size, storedSize } : { result: "ended", size, storedSize: 0 };
    } finally {
      if (segment.form === "plain") await set.storage.removeFile(set.path(temporary)).catch(() => undefined);
    }
  } finally {
    set.release(segment);
  }
}

function giveUp(segment: Segment, size: number): CompressionReport {
  segment.incompressible = true;
  return { result: "saves too little", size, storedSize: 0 };
}

/** Compresses a few blocks from all over the segment. */
async function isWorthIt(file: StorageFile, size: number): Promise<boolean> {
  const blockCount = Math.ceil(size / compressedBlockSize);
  const step = Math.ceil(blockCount / compressedSamplesMax);
  let [taken, stored] = [0, 0];
  for (let index = 0; index < blockCount; index += step) {
    const block = await readBlock(file, index, size);
    taken += block.length;
    stored += (await compress(block)).length;
  }
  return stored <= taken * compressedPartMax;
}

interface Source {
  readonly file: StorageFile;
  readonly size: number;
  readonly isEnding: () => boolean;
}

/** Writes and syncs the compressed form and proves it; returns its size, or undefined when it was told to end. */
async function writeCompressed(set: SegmentSet, name: string, source: Source): Promise<number | undefined> {
  const { file, size, isEnding } = source;
  const target = await set.openFile(name, "replace");
  const header = encodeCompressedHeader({ blockSize: compressedBlockSize, size });
  const sizes: number[] = [];
  let position = compressedHeaderSize;
  let crc = 0;
  try {
    await writeAll(target, header, 0);
    for (let index = 0; index * compressedBlockSize < size; index++) {
      if (isEnding()) return undefined;
      const block = await readBlock(file, index, size);
      crc = crc32(block, crc);
      const content = await compress(block);
      await writeAll(target, Buffer.concat([encodeBlockHead(index, content), content]), position);
      position += blockHeadSize + content.length;
      sizes.push(content.length);
    }
    const end = encodeCompressedEnd(header, sizes);
    await writeAll(target, end, position);
    position += end.length;
    await syncFile(target);
  } finally {
    await target.close();
  }
  return (await holdsSame(set, name, { size, crc, isEnding })) ? position : undefined;
}

async function readBlock(file: StorageFile, index: number, size: number): Promise<Buffer> {
  const start = index * compressedBlockSize;
  const block = Buffer.allocUnsafeSlow(Math.min(compressedBlockSize, size - start));
  if ((await file.read(block, start)) !== block.length) throw new Error("a sealed segment has become shorter");
  return block;
}

interface Original {
  readonly size: number;
  readonly crc: number;
  readonly isEnding: () => boolean;
}

/** Reads the compressed form back. False when told to end; throws when it is not what was compressed. */
async function holdsSame(set: SegmentSet, name: string, { size, crc, isEnding }: Original): Promise<boolean> {
  const copy = await set.openCompressed(name);
  try {
    const block = Buffer.allocUnsafeSlow(scanBlockSize);
    let copyCrc = 0;
    for (let position = 0; position < size; position += block.length) {
      if (isEnding()) return false;
      const read = await copy.read(block, position);
      copyCrc = crc32(block.subarray(0, read), copyCrc);
    }
    const isSame = copyCrc === crc && copy.faults.length === 0 && (await copy.size()) === size;
    if (!isSame) throw new Error("what was compressed reads back as something else");
    return true;
  } finally {
    await copy.close();
  }
}

/** False when the segment is gone meanwhile, or has another form already. */
async function putInPlace(set: SegmentSet, segment: Segment, temporary: string, name: string): Promise<boolean> {
  if (!set.list.includes(segment) || segment.form !== "plain") return false;
  await set.storage.rename(set.path(temporary), set.path(name));
  await set.storage.syncDirectory(set.directory);
  await set.replaceFile(segment, "lz4");
  await set.storage.removeFile(set.path(segmentFileName(segment.baseOffset)));
  await set.storage.syncDirectory(set.directory);
  return true;
}
