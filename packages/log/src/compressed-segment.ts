/**
 * A sealed segment, compressed: `<first offset>.log.lz4`. Read through `CompressedSegment` it is the very bytes of the
 * segment, header, batches and footer, at the same positions, so readers, index, chain and recovery know nothing of it.
 * Little endian, u64 as two u32, low half first:
 *
 *     at    size
 *      0     8   magic "PLLZ4-01"
 *      8     4   block size B: bytes of the segment in every block but the last; a power of two, 64 KiB .. 4 MiB
 *     12     4   block count n: size of the segment / B, rounded up
 *     16     8   size of the segment, 224 (header and footer) .. compressedSizeMax
 *     24     4   0
 *     28     4   CRC-32 of bytes 0 .. 27
 *     32         n blocks, one behind another
 *              4   size s of what follows the CRC: 5 .. B + B / 255 + 20
 *              4   CRC-32 of the block's number (u32), s (u32) and what follows
 *              4   bytes of the segment in it
 *            s-4   those, as an LZ4 block (github.com/lz4/lz4, doc/lz4_Block_format.md)
 *               table: n times s, u32
 *          4   CRC-32 of the table
 *         32   bytes 0 .. 31 once more
 *
 * LZ4 and not zstd, because Node.js has zstd from 22.15 on only and a directory must open on every version we run on.
 *
 * Every bit counts: none can change without being noticed. A damaged block reads as zeros, which are no batch, so
 * whatever reads the segment reports the offsets that are missing and goes on behind them, as with a damaged `.log`. A
 * damaged header is replaced by its copy, a damaged table by the sizes in front of the blocks; `faults` tells. Sizes
 * are checked against the limits above, and what a block claims against what it must hold, before memory is taken.
 *
 * Why a crash is safe: the file gets its name after it was written, synced, read back and found to be the same as the
 * `.log`, which is removed after that (`segment-compression.ts`).
 */

import { crc32 } from "node:zlib";
import { uncompress } from "lz4-napi";
import type { BlockCache } from "./block-cache.ts";
import { readU64, writeU64 } from "./bytes.ts";
import { compressedSizeMax } from "./limits.ts";
import type { StorageFile, SyncListener, WriteListener } from "./storage/storage.ts";

export const compressedHeaderSize = 32;
export const blockHeadSize = 8;
const magic = Buffer.from("PLLZ4-01", "latin1");
const blockSizeFloor = 64 * 1024;
const blockSizeCeiling = 4 * 1024 * 1024;
const segmentSizeFloor = 224;
/** Blocks read at once: about 2 MiB. They are decompressed in the thread pool, one after the other. */
const blocksAtOnceMax = 8;

/** What the header says; all else follows from it. */
interface Shape {
  readonly blockSize: number;
  readonly size: number;
}

/** Where the blocks lie: block i at `positions[i]`, its end at `positions[i + 1]`. Shorter when not all were found. */
type Positions = readonly number[];

export function encodeCompressedHeader({ blockSize, size }: Shape): Buffer {
  const bytes = Buffer.alloc(compressedHeaderSize);
  magic.copy(bytes);
  bytes.writeUInt32LE(blockSize, 8);
  bytes.writeUInt32LE(Math.ceil(size / blockSize), 12);
  writeU64(bytes, 16, size);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** The head of block `index`, whose `content` is the segment's bytes in it as `lz4-napi` compresses them: size, LZ4 block. */
export function encodeBlockHead(index: number, content: Buffer): Buffer {
  const head = Buffer.alloc(blockHeadSize);
  head.writeUInt32LE(content.length, 0);
  head.writeUInt32LE(blockCrc(index, content), 4);
  return head;
}

/** What follows the blocks; `sizes[i]` is that of the content of block i. */
export function encodeCompressedEnd(header: Buffer, sizes: readonly number[]): Buffer {
  const table = Buffer.alloc(sizes.length * 4 + 4);
  for (let i = 0; i < sizes.length; i++) table.writeUInt32LE(sizes[i]!, i * 4);
  table.writeUInt32LE(crc32(table.subarray(0, -4)), sizes.length * 4);
  return Buffer.concat([table, header]);
}

function blockCrc(index: number, content: Buffer): number {
  const place = Buffer.allocUnsafe(8);
  place.writeUInt32LE(index, 0);
  place.writeUInt32LE(content.length, 4);
  return crc32(content, crc32(place));
}

/** What a block of `size` bytes can be compressed to at most, its size in front included. */
function contentSizeMax(size: number): number {
  return size + Math.floor(size / 255) + 20;
}

/** The shape in a header or its copy; undefined when it is damaged or of a newer format. */
function decodeShape(bytes: Buffer): Shape | undefined {
  if (bytes.length < compressedHeaderSize || bytes.compare(magic, 0, 8, 0, 8) !== 0) return undefined;
  if (crc32(bytes.subarray(0, 28)) !== bytes.readUInt32LE(28)) return undefined;
  const [blockSize, size] = [bytes.readUInt32LE(8), readU64(bytes, 16)];
  const isPower = blockSize > 0 && (blockSize & (blockSize - 1)) === 0;
  const isSane =
    isPower &&
    blockSize >= blockSizeFloor &&
    blockSize <= blockSizeCeiling &&
    size >= segmentSizeFloor &&
    size <= compressedSizeMax &&
    bytes.readUInt32LE(12) === Math.ceil(size / blockSize);
  return isSane ? { blockSize, size } : undefined;
}

/** The segment in a compressed file. It can only be read. */
export class CompressedSegment implements StorageFile {
  /** What is damaged of what lies around the blocks, for people; empty when nothing is. */
  readonly faults: readonly string[];
  readonly #file: StorageFile;
  readonly #cache: BlockCache;
  readonly #id: number;
  readonly #shape: Shape;
  readonly #positions: Positions;

  private constructor(file: StorageFile, cache: BlockCache, shape: Shape, positions: Positions, faults: string[]) {
    this.#file = file;
    this.#cache = cache;
    this.#id = cache.register();
    this.#shape = shape;
    this.#positions = positions;
    this.faults = faults;
  }

  /**
   * Takes over `file`, which it closes. When it is damaged so far that nothing can be read, it has the size 0. Rejects with
   * the system's error, and `file` is closed then.
   */
  static async open(file: StorageFile, cache: BlockCache): Promise<CompressedSegment> {
    try {
      const faults: string[] = [];
      const fileSize = await file.size();
      const header = decodeShape(await readAt(file, 0, compressedHeaderSize));
      const copy = decodeShape(await readAt(file, fileSize - compressedHeaderSize, compressedHeaderSize));
      if (header === undefined) faults.push("the header of its compressed file is damaged");
      if (copy === undefined || (header !== undefined && !isSameShape(header, copy)))
        faults.push("the end of its compressed file is damaged");
      const shape = header ?? copy ?? { blockSize: blockSizeFloor, size: 0 };
      const listed = await readTable(file, fileSize, shape);
      if (listed === undefined && shape.size > 0) faults.push("the block table of its compressed file is damaged");
      const positions = listed ?? (await walkBlocks(file, fileSize, shape));
      return new CompressedSegment(file, cache, shape, positions, faults);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
  }

  async size(): Promise<number> {
    return this.#shape.size;
  }

  /** Bytes of the file itself. */
  storedSize(): Promise<number> {
    return this.#file.size();
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const end = Math.min(this.#shape.size, position + target.length);
    if (end <= position) return 0;
    const { blockSize } = this.#shape;
    const last = Math.floor((end - 1) / blockSize);
    for (let index = Math.floor(position / blockSize); index <= last; ) {
      const cached = this.#cache.get(this.#id, index);
      if (cached !== undefined) this.#copy(cached, index++, target, position);
      else {
        const next = Math.min(last + 1, index + blocksAtOnceMax);
        await this.#readBlocks(index, next, target, position, end);
        index = next;
      }
    }
    return end - position;
  }

  /** Reads blocks `index` to before `next` into their place in `target`, whose first byte is `position` of the segment. */
  async #readBlocks(index: number, next: number, target: Uint8Array, position: number, end: number): Promise<void> {
    const positions = this.#positions;
    const known = Math.max(index, Math.min(next, positions.length - 1));
    const start = positions[index] ?? 0;
    const stored = known === index ? noBytes : await readAt(this.#file, start, positions[known]! - start);
    for (let i = index; i < next; i++) {
      const bytes = i < known ? stored.subarray(positions[i]! - start, positions[i + 1]! - start) : noBytes;
      const block = await this.#decode(i, bytes);
      if (block === undefined) this.#clear(i, target, position);
      else {
        this.#copy(block, i, target, position);
        const isWhole = i * this.#shape.blockSize >= position && this.#blockEnd(i) <= end;
        if (!isWhole) this.#cache.add(this.#id, i, block);
      }
    }
  }

  #blockEnd(index: number): number {
    return Math.min(this.#shape.size, (index + 1) * this.#shape.blockSize);
  }

  /** The segment's bytes in the block; undefined when it is damaged. */
  async #decode(index: number, bytes: Buffer): Promise<Buffer | undefined> {
    const size = this.#blockEnd(index) - index * this.#shape.blockSize;
    const content = bytes.subarray(blockHeadSize);
    if (content.length < 5 || bytes.readUInt32LE(0) !== content.length || content.readUInt32LE(0) !== size)
      return undefined;
    if (bytes.readUInt32LE(4) !== blockCrc(index, content)) return undefined;
    try {
      const block = await uncompress(content);
      return block.length === size ? block : undefined;
    } catch {
      return undefined; // With a CRC that fits: whoever compressed it was broken.
    }
  }

  #copy(block: Buffer, index: number, target: Uint8Array, position: number): void {
    const start = index * this.#shape.blockSize;
    const from = Math.max(0, position - start);
    const to = Math.min(block.length, position + target.length - start);
    target.set(block.subarray(from, to), start + from - position);
  }

  #clear(index: number, target: Uint8Array, position: number): void {
    const start = Math.max(0, index * this.#shape.blockSize - position);
    target.fill(0, start, Math.min(target.length, this.#blockEnd(index) - position));
  }

  write(_buffers: readonly Uint8Array[], _position: number, listener: WriteListener): void {
    listener.onWritten(readOnlyError(), 0);
  }

  sync(listener: SyncListener): void {
    listener.onSynced(readOnlyError());
  }

  truncate(): Promise<void> {
    return Promise.reject(readOnlyError());
  }

  close(): Promise<void> {
    this.#cache.drop(this.#id);
    return this.#file.close();
  }
}

/** What is damaged around the blocks of a segment's file, if it is compressed. */
export function compressionFaults(file: StorageFile): readonly string[] {
  return file instanceof CompressedSegment ? file.faults : [];
}

/** Bytes that a segment's file takes on disk. */
export function storedSizeOf(file: StorageFile): Promise<number> {
  return file instanceof CompressedSegment ? file.storedSize() : file.size();
}

const noBytes = Buffer.alloc(0);

function readOnlyError(): Error {
  return new Error("a compressed segment can only be read");
}

function isSameShape(one: Shape, other: Shape): boolean {
  return one.blockSize === other.blockSize && one.size === other.size;
}

async function readAt(file: StorageFile, position: number, size: number): Promise<Buffer> {
  if (position < 0) return noBytes;
  const bytes = Buffer.allocUnsafeSlow(size);
  return bytes.subarray(0, await file.read(bytes, position));
}

/** Undefined when the table is damaged or does not agree with the file's size. */
async function readTable(
  file: StorageFile,
  fileSize: number,
  { blockSize, size }: Shape,
): Promise<Positions | undefined> {
  const count = Math.ceil(size / blockSize);
  const tableStart = fileSize - compressedHeaderSize - count * 4 - 4;
  const table = await readAt(file, tableStart, count * 4 + 4);
  if (table.length < count * 4 + 4 || crc32(table.subarray(0, -4)) !== table.readUInt32LE(count * 4)) return undefined;
  const positions = [compressedHeaderSize];
  for (let i = 0; i < count; i++) {
    const contentSize = table.readUInt32LE(i * 4);
    if (contentSize > contentSizeMax(blockSize)) return undefined;
    positions.push(positions[i]! + blockHeadSize + contentSize);
  }
  return positions.at(-1) === tableStart ? positions : undefined;
}

/** Finds the blocks by the sizes in front of them, as far as those can be. */
async function walkBlocks(file: StorageFile, fileSize: number, { blockSize, size }: Shape): Promise<Positions> {
  const positions = [compressedHeaderSize];
  for (let i = 0; i * blockSize < size; i++) {
    const head = await readAt(file, positions[i]!, blockHeadSize);
    const end = positions[i]! + blockHeadSize + (head.length < blockHeadSize ? 0 : head.readUInt32LE(0));
    if (
      head.length < blockHeadSize ||
      end - positions[i]! > contentSizeMax(blockSize) + blockHeadSize ||
      end > fileSize
    )
      break;
    positions.push(end);
  }
  return positions;
}
