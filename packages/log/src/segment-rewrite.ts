/**
 * Makes the file that takes a segment's place: the same offsets in the same place of the chain, with fewer records.
 *
 *     header as it was, and with it the link that the segment before has
 *     batches, those that changed sparse, linked anew among themselves; neighbours without records become one
 *     footer, second form: the link to the last batch, and the link that the next segment's header repeats
 *
 * It has the producer blocks of all batches, also of those without a record left, and what the old header said.
 *
 * Why a crash is safe: the file is made and synced under another name (`.tmp`, removed when a partition opens). It takes
 * the name of a `.log` in one step, which is synced before anything else is done; a compressed form of the segment goes
 * after that (`segment-files.ts`: where both are there, the `.log` counts). So there is always one whole file, the old one
 * or the new one. The index, which describes the old file, is removed before: one that speaks of more bytes than there are
 * would be taken for the witness of a loss.
 */

import {
  batchCount,
  batchEpoch,
  batchHeaderSize,
  batchLink,
  batchOffset,
  batchPartition,
  batchPayloadStart,
  batchRecordCount,
  batchTimestampFirst,
  batchTimestampLast,
  relinkBatch,
} from "./batch.ts";
import { linkTo } from "./chain.ts";
import { rewriteBlockSize, sparseOffsetsMax } from "./limits.ts";
import { Segment, segmentHeaderLink, segmentHeaderSize } from "./segment.ts";
import { segmentFileName, temporaryFileName } from "./segment-files.ts";
import { encodeSegmentFooter, type SegmentFooter } from "./segment-footer.ts";
import type { SegmentSet } from "./segment-set.ts";
import { type EmptyBatchFields, emptyBatch } from "./sparse-batch.ts";
import { SparseIndex } from "./sparse-index.ts";
import { syncFile, writeAll } from "./storage/full-write.ts";
import { removeIfThere, type StorageFile } from "./storage/storage.ts";

export interface RewriteEnd {
  /** Epoch for the footer. */
  readonly epoch: number;
  /** That the next segment's header repeats; undefined: there is none, the link to the last batch then. */
  readonly linkNext: Buffer | undefined;
  readonly nowMs: number;
}

export class SegmentRewrite {
  /** The file is being put in its place: until that has ended well, which one a power cut leaves is not known. */
  isUnsure = false;
  readonly #set: SegmentSet;
  readonly #baseOffset: number;
  readonly #file: StorageFile;
  readonly #index = new SparseIndex();
  readonly #linkFirst: Buffer;
  #link: Buffer;
  /** Bytes on their way: `#block[0, #filled)` goes to `#position`. */
  #block: Buffer;
  #filled = 0;
  #position = 0;
  /** Neighbouring batches without records, not written yet. */
  #empty: EmptyBatchFields | undefined;
  #isClosed = false;
  #offsetNext: number;
  #batchCount = 0;
  #recordCount = 0;
  #timestampFirst = 0;
  #timestampLast = 0;

  private constructor(set: SegmentSet, baseOffset: number, file: StorageFile, header: Buffer, sizeMax: number) {
    this.#set = set;
    this.#baseOffset = baseOffset;
    this.#offsetNext = baseOffset;
    this.#file = file;
    this.#linkFirst = segmentHeaderLink(header);
    this.#link = this.#linkFirst;
    this.#block = Buffer.allocUnsafeSlow(Math.max(segmentHeaderSize, Math.min(rewriteBlockSize, sizeMax)));
    header.copy(this.#block, 0, 0, segmentHeaderSize);
    this.#filled = segmentHeaderSize;
  }

  /**
   * `header`: an intact one of that segment, which the file begins with; `sizeMax`: about as large as the file will be.
   * `install` or `abandon` must follow.
   */
  static async begin(set: SegmentSet, baseOffset: number, header: Buffer, sizeMax: number): Promise<SegmentRewrite> {
    const file = await set.openFile(temporaryFileName(segmentFileName(baseOffset)), "replace");
    return new SegmentRewrite(set, baseOffset, file, header, sizeMax);
  }

  /** Adds the batch in `bytes[start, end)`, which is copied; it covers the offsets behind those of the one before. */
  async add(bytes: Buffer, start: number, end: number): Promise<void> {
    if (batchOffset(bytes, start) !== this.#offsetNext) throw new Error("batches must be added in order");
    this.#offsetNext += batchCount(bytes, start);
    const hasNothing =
      batchRecordCount(bytes, start) === 0 && batchPayloadStart(bytes, start) === start + batchHeaderSize;
    if (hasNothing) return this.#addEmpty(bytes, start);
    await this.#writeEmpty();
    await this.#write(bytes, start, end);
  }

  async #addEmpty(bytes: Buffer, start: number): Promise<void> {
    const fields: EmptyBatchFields = {
      partition: batchPartition(bytes, start),
      epoch: batchEpoch(bytes, start),
      offset: batchOffset(bytes, start),
      count: batchCount(bytes, start),
      timestampFirst: batchTimestampFirst(bytes, start),
      timestampLast: batchTimestampLast(bytes, start),
    };
    const before = this.#empty;
    if (before !== undefined && before.count + fields.count <= sparseOffsetsMax) {
      const { epoch, timestampLast } = fields;
      const count = before.count + fields.count;
      this.#empty = { ...before, count, epoch: Math.max(before.epoch, epoch), timestampLast };
      return;
    }
    await this.#writeEmpty();
    this.#empty = fields;
  }

  async #writeEmpty(): Promise<void> {
    if (this.#empty === undefined) return;
    const batch = emptyBatch(this.#empty);
    this.#empty = undefined;
    await this.#write(batch, 0, batch.length);
  }

  async #write(bytes: Buffer, start: number, end: number): Promise<void> {
    const size = end - start;
    if (this.#filled + size > this.#block.length) await this.#flush(size);
    const block = this.#block;
    const at = this.#filled;
    bytes.copy(block, at, start, end);
    this.#filled += size;
    if (!batchLink(block, at).equals(this.#link)) relinkBatch(block, at, at + size, this.#link);
    this.#link = linkTo(block, at, at + size);
    this.#index.add(batchOffset(block, at), this.#position + at, batchTimestampFirst(block, at));
    if (this.#batchCount++ === 0) this.#timestampFirst = batchTimestampFirst(block, at);
    this.#timestampLast = batchTimestampLast(block, at);
    this.#recordCount += batchRecordCount(block, at);
  }

  /** Writes what is there, and makes room for `size` bytes. */
  async #flush(size: number): Promise<void> {
    if (this.#filled > 0) await writeAll(this.#file, this.#block.subarray(0, this.#filled), this.#position);
    this.#position += this.#filled;
    this.#filled = 0;
    if (size > this.#block.length) this.#block = Buffer.allocUnsafeSlow(size);
  }

  /**
   * Ends the file, gives it the segment's name, and resolves with the segment that is then in the list in place of
   * `replaced`, when one was given; with undefined when that was trimmed meanwhile. A failure leaves either file, whole.
   */
  async install(end: RewriteEnd, replaced?: Segment): Promise<Segment | undefined> {
    const segment = await this.#finish(end);
    return this.#set.changeFiles(() => this.#putInPlace(segment, replaced));
  }

  async #putInPlace(segment: Segment, replaced: Segment | undefined): Promise<Segment | undefined> {
    const set = this.#set;
    if (replaced !== undefined && !set.list.includes(replaced)) return undefined;
    const { storage, directory } = set;
    const path = set.path(segment.fileName);
    this.isUnsure = true;
    await removeIfThere(storage, set.path(segment.indexName));
    await storage.syncDirectory(directory);
    const rename = (): Promise<void> => storage.rename(temporaryFileName(path), path);
    if (replaced === undefined) await rename();
    else await set.replace(replaced, segment, rename);
    await storage.syncDirectory(directory);
    this.isUnsure = false;
    await this.#removeCompressed();
    await set.writeIndex(segment);
    segment.index = undefined; // Loaded when somebody reads it.
    return segment;
  }

  async #removeCompressed(): Promise<void> {
    const { storage, directory } = this.#set;
    const name = segmentFileName(this.#baseOffset, "lz4");
    if (!((await storage.list(directory)) ?? []).includes(name)) return;
    await storage.removeFile(this.#set.path(name));
    await storage.syncDirectory(directory);
  }

  /** Writes the rest and the footer, synced, and closes the file. */
  async #finish({ epoch, linkNext, nowMs }: RewriteEnd): Promise<Segment> {
    await this.#writeEmpty();
    await this.#flush(0);
    const footer: SegmentFooter = {
      baseOffset: this.#baseOffset,
      offsetNext: this.#offsetNext,
      timestampFirst: this.#timestampFirst,
      timestampLast: this.#timestampLast,
      size: this.#position,
      batchCount: this.#batchCount,
      recordCount: this.#recordCount,
      epoch,
      link: this.#link,
      linkNext: linkNext ?? this.#link,
      rewrittenMs: nowMs,
    };
    await writeAll(this.#file, encodeSegmentFooter(this.#set.identity, footer), this.#position);
    await syncFile(this.#file);
    await this.#close();
    const segment = new Segment(this.#baseOffset, this.#position, this.#offsetNext, this.#timestampLast);
    segment.seal(footer);
    segment.linkFirst = this.#linkFirst;
    segment.index = this.#index;
    return segment;
  }

  /** Removes the file; the segment stays as it was. */
  async abandon(): Promise<void> {
    await this.#close().catch(() => undefined);
    const path = this.#set.path(temporaryFileName(segmentFileName(this.#baseOffset)));
    await removeIfThere(this.#set.storage, path);
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#file.close();
  }
}
