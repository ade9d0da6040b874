/**
 * Reads batches from segments. A chunk is one read in most cases: of a sequential reader from the place where its last
 * chunk ended, of any other from the index entry before its offset. Every batch handed out passed its CRC.
 *
 * The file is read in the thread pool; what is done with the bytes, checking them and whatever the caller does at once, waits
 * for a spare turn of the event loop, so that a reader of old records takes nothing from writers and live consumers.
 *
 * What is damaged is refused with the offsets concerned, each time somebody asks for them; what is behind it can be read.
 */

import { type Clock, spareTurn } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import {
  batchCount,
  batchFault,
  batchHeaderSize,
  batchHeadFault,
  batchOffset,
  batchPartition,
  batchSize,
  batchTimestampLast,
} from "./batch.ts";
import type { Chunk } from "./chunk.ts";
import { logErrors } from "./errors.ts";
import { indexIntervalSize, readSizeMax, readSizeMin } from "./limits.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { ReadHints } from "./read-hints.ts";
import { RecordCursor } from "./record-cursor.ts";
import { type Segment, segmentHeaderSize } from "./segment.ts";
import { damagesOf, type SegmentSet } from "./segment-set.ts";
import { SparseIndex } from "./sparse-index.ts";
import type { StorageFile } from "./storage/storage.ts";

/** A batch that begins with `offset` should lie at `position`; a read from there takes at least `size` bytes. */
interface Place {
  readonly offset: number;
  readonly position: number;
  readonly size: number;
}

export class SegmentReader {
  readonly #set: SegmentSet;
  readonly #clock: Clock;
  readonly #buffers: ReadBuffers;
  readonly #hints = new ReadHints();

  constructor(set: SegmentSet, clock: Clock, buffers = new ReadBuffers()) {
    this.#buffers = buffers;
    this.#set = set;
    this.#clock = clock;
  }

  /**
   * Batches from the one with `offset` on, which must be written; about `sizeMax` bytes, into a buffer that is used again if `borrow`.
   * Rejects with CORRUPT_BATCH.
   */
  async read(offset: number, sizeMax: number, borrow = false): Promise<Chunk> {
    const segment = this.#set.find(offset);
    if (segment === undefined) throw this.#missing(undefined, offset);
    try {
      const file = await this.#set.acquire(segment);
      if (offset >= segment.offsetNext) throw this.#missing(segment, offset);
      const size = Math.max(readSizeMin, Math.min(readSizeMax, sizeMax));
      const place = await this.#place(segment, file, offset, size);
      const chunk = await this.#readFrom(segment, file, place, offset, size, borrow);
      return chunk ?? (await this.#readAgain(segment, file, offset, size));
    } catch (error) {
      // It was trimmed before its file was open: then the file may be gone.
      throw segment.removed ? this.#trimmed(offset) : error;
    } finally {
      this.#set.release(segment);
    }
  }

  /** The first offset at or after `timestampMs` among those that `read` yields from `segment` on; undefined: none. */
  giveBack(chunk: Chunk): void {
    this.#buffers.giveBack(chunk.bytes);
  }

  async offsetAt(
    timestampMs: number,
    read: (offset: number) => Promise<Chunk | undefined>,
  ): Promise<number | undefined> {
    for (;;) {
      const segment = this.#set.list.find((each) => !each.isEmpty && each.timestampLast >= timestampMs);
      if (segment === undefined) return undefined;
      try {
        return await this.#offsetFrom(await this.#offsetBefore(segment, timestampMs), timestampMs, read);
      } catch (error) {
        if (!isCodedError(error, "log.OFFSET_OUT_OF_RANGE") && !segment.removed) throw error;
        // It was trimmed meanwhile: once more in what is left.
      }
    }
  }

  async #offsetFrom(
    start: number,
    timestampMs: number,
    read: (offset: number) => Promise<Chunk | undefined>,
  ): Promise<number | undefined> {
    const low = this.#set.lowWatermark;
    for (let offset = Math.max(start, low); ; ) {
      const chunk = await read(offset);
      if (chunk === undefined) return undefined;
      const found = offsetInChunk(chunk, offset, timestampMs);
      if (found !== undefined) return found;
      offset = chunk.offsetNext;
    }
  }

  async #offsetBefore(segment: Segment, timestampMs: number): Promise<number> {
    try {
      const file = await this.#set.acquire(segment);
      const index = await this.#set.indexOf(segment, file);
      return index.floorTime(timestampMs)?.offset ?? segment.baseOffset;
    } finally {
      this.#set.release(segment);
    }
  }

  /** Where to begin reading for `offset`. Throws when it is known to be damaged. */
  async #place(segment: Segment, file: StorageFile, offset: number, size: number): Promise<Place> {
    const damages = segment.damages ?? [];
    for (const damage of damages)
      if (damage.offsetFirst <= offset && offset < damage.offsetNext) throw this.#damaged(segment, damage);
    const hint = this.#hints.find(offset);
    if (hint?.segment === segment) return { ...hint, size: Math.max(size, hint.size) };
    const index = await this.#set.indexOf(segment, file);
    let place = index.floor(offset) ?? { offset: segment.baseOffset, position: segmentHeaderSize };
    for (const damage of damages) {
      if (damage.offsetNext <= offset && damage.offsetNext > place.offset)
        place = { offset: damage.offsetNext, position: damage.positionNext };
    }
    return { ...place, size: place.offset === offset ? size : size + indexIntervalSize };
  }

  /** Undefined when the batches between `place` and the end of the one with `offset` are not what they should be. */
  async #readFrom(
    segment: Segment,
    file: StorageFile,
    place: Place,
    offset: number,
    sizeMax: number,
    borrow: boolean,
  ): Promise<Chunk | undefined> {
    let { position, size } = place;
    let batchFirst = place.offset;
    for (;;) {
      const wanted = Math.min(size, segment.size - position);
      const block = borrow ? this.#buffers.take(wanted) : Buffer.allocUnsafeSlow(wanted);
      const end = await file.read(wanted < block.length ? block.subarray(0, wanted) : block, position);
      await spareTurn(this.#clock);
      let at = 0;
      // Batches before the wanted one are stepped over by what their headers say.
      while (this.#isExpected(block, at, end, batchFirst)) {
        const next = batchFirst + batchCount(block, at);
        if (next > offset) break;
        at += batchSize(block, at);
        batchFirst = next;
      }
      const isInBlock = at + batchHeaderSize <= end;
      if (isInBlock && !this.#isExpected(block, at, end, batchFirst)) return undefined;
      const neededSize = isInBlock ? batchSize(block, at) : batchHeaderSize;
      if (at + neededSize <= end) return this.#chunk(segment, block, at, end, position, borrow);
      // The wanted batch is not whole in the block: read again from where it begins, which is progress or its full size.
      position += at;
      if (position + neededSize > segment.size || (at === 0 && size >= Math.max(neededSize, sizeMax))) return undefined;
      size = Math.max(neededSize, sizeMax);
    }
  }

  /** True when the block holds the head of a batch of this partition that begins with `offset`. */
  #isExpected(block: Buffer, at: number, end: number, offset: number): boolean {
    return (
      batchHeadFault(block, at, end) === undefined &&
      batchOffset(block, at) === offset &&
      batchPartition(block, at) === this.#set.identity.partition
    );
  }

  /** The intact batches in `block[start, end)`; undefined when the first one is not. */
  #chunk(
    segment: Segment,
    block: Buffer,
    start: number,
    end: number,
    position: number,
    borrowed: boolean,
  ): Chunk | undefined {
    const offsetFirst = batchOffset(block, start);
    let offsetNext = offsetFirst;
    let at = start;
    while (this.#isExpected(block, at, end, offsetNext) && batchFault(block, at, end) === undefined) {
      offsetNext += batchCount(block, at);
      at += batchSize(block, at);
    }
    if (at === start) return undefined;
    const size = this.#isExpected(block, at, end, offsetNext) ? batchSize(block, at) : 0;
    this.#hints.add({ segment, offset: offsetNext, position: position + at, size });
    return { bytes: block, start, end: at, offsetFirst, offsetNext, borrowed };
  }

  /** Finds out what is wrong in the segment, which takes reading all of it, and tries once more. */
  async #readAgain(segment: Segment, file: StorageFile, offset: number, size: number): Promise<Chunk> {
    const index = new SparseIndex();
    const end = await this.#set.scan(segment, file, (batch) => {
      index.add(batch.offset, batch.position, batch.timestampFirst);
    });
    const { position } = end;
    segment.damages = damagesOf(segment, end);
    // The index of the segment that takes batches is made as they are written, and so is right.
    if (segment !== this.#set.active) segment.index = index;
    const chunk = await this.#readFrom(
      segment,
      file,
      await this.#place(segment, file, offset, size),
      offset,
      size,
      false,
    );
    if (chunk !== undefined) return chunk;
    throw this.#damaged(segment, { position, offsetFirst: offset, offsetNext: offset + 1, fault: "unstable" });
  }

  #trimmed(offset: number): Error {
    const { lowWatermark: low, active } = this.#set;
    return logErrors.OFFSET_OUT_OF_RANGE({ offset, low, high: active?.offsetNext ?? low });
  }

  /** `offset` lies behind the last record of `segment` and before the next one. */
  #missing(segment: Segment | undefined, offset: number): Error {
    const next = segment === undefined ? undefined : this.#set.after(segment);
    return logErrors.CORRUPT_BATCH({
      ...this.#set.identity,
      offsetFirst: segment?.offsetNext ?? offset,
      offsetNext: next?.baseOffset ?? offset + 1,
      file: segment?.fileName ?? this.#set.directory,
      position: segment?.size ?? 0,
      fault: "missing",
    });
  }

  #damaged(
    segment: Segment,
    damage: { position: number; offsetFirst: number; offsetNext: number; fault: string },
  ): Error {
    const { position, offsetFirst, offsetNext, fault } = damage;
    const range = { position, offsetFirst, offsetNext, fault };
    return logErrors.CORRUPT_BATCH({ ...this.#set.identity, file: segment.fileName, ...range });
  }
}

function offsetInChunk(chunk: Chunk, offset: number, timestampMs: number): number | undefined {
  const cursor = new RecordCursor();
  for (let at = chunk.start; at < chunk.end; at += batchSize(chunk.bytes, at)) {
    if (batchTimestampLast(chunk.bytes, at) < timestampMs) continue;
    cursor.reset(chunk, Math.max(offset, batchOffset(chunk.bytes, at)));
    while (cursor.next()) if (cursor.timestampMs >= timestampMs) return cursor.offset;
  }
  return undefined;
}
