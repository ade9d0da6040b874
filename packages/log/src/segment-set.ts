/**
 * The segments of one partition, oldest first, and their files. The last one takes batches and keeps its file open;
 * of the others a few stay open for readers, with their index.
 */

import { type DamagedRange, type LongScanEnd, type ScannedBatch, scanPastDamage } from "./batch-scan.ts";
import { BlockCache } from "./block-cache.ts";
import { genesisLink } from "./chain.ts";
import { CompressedSegment } from "./compressed-segment.ts";
import { segmentsOpenMax } from "./limits.ts";
import { encodeSegmentHeader, Segment, segmentHeaderSize } from "./segment.ts";
import { listSegmentFiles, type SegmentFiles, type SegmentForm, segmentFileName } from "./segment-files.ts";
import {
  decodeSegmentFooter,
  encodeSegmentFooter,
  type SegmentFooter,
  segmentFooterSizeMax,
  segmentFooterSizes,
} from "./segment-footer.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import { decodeIndexSummary, type IndexSummary, indexFileSize, indexHeaderSize, SparseIndex } from "./sparse-index.ts";
import { syncFile, writeAll } from "./storage/full-write.ts";
import { joinPath, type OpenMode, type Storage, type StorageFile } from "./storage/storage.ts";
import { TrimMark } from "./trim-mark.ts";

export class SegmentSet {
  readonly storage: Storage;
  readonly directory: string;
  readonly identity: SegmentIdentity;
  readonly list: Segment[] = [];
  /** Producers with an id have written to the partition, or may have. Never false again. */
  producers = false;
  readonly mark: TrimMark;
  /** Records below were trimmed, whether their segments are gone or not. */
  trimmedTo = 0;
  /** Files of closed segments, least recently used first. */
  readonly #open = new Map<Segment, Promise<StorageFile>>();
  /** Where a segment begins whose file this made and whose header is not synced yet. */
  #begunAt: number | undefined;
  /** Files that were replaced while they were read, closed once their segment is not. */
  readonly #replaced = new Map<Segment, Promise<StorageFile>[]>();
  readonly #blocks: BlockCache;
  /** Settles when nothing changes the files of closed segments. Never rejects. */
  #changing: Promise<unknown> = Promise.resolve();
  #users = 0;
  #whenUnused: (() => void) | undefined;

  /** `blocks`: shared by all partitions of a store. */
  constructor(storage: Storage, directory: string, identity: SegmentIdentity, blocks = new BlockCache()) {
    this.#blocks = blocks;
    this.storage = storage;
    this.directory = directory;
    this.identity = identity;
    this.mark = new TrimMark(storage, directory, identity);
  }

  /** First offset kept. */
  get lowWatermark(): number {
    return Math.max(this.trimmedTo, this.list[0]?.baseOffset ?? 0);
  }

  /** The segment that takes batches; there is one in every partition that is open. */
  get active(): Segment | undefined {
    return this.list.at(-1);
  }

  /** The last segment that begins at or before `offset`; the first one when none does. */
  find(offset: number): Segment | undefined {
    let low = 0;
    let high = this.list.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.list[middle]!.baseOffset <= offset) low = middle;
      else high = middle;
    }
    return this.list[low];
  }

  /** The segment after this one. */
  after(segment: Segment): Segment | undefined {
    return this.list.find((each) => each.baseOffset > segment.baseOffset);
  }

  path(name: string): string {
    return joinPath(this.directory, name);
  }

  openFile(name: string, mode: OpenMode): Promise<StorageFile> {
    return this.storage.open(this.path(name), mode);
  }

  /** What of a segment and of its making is in the directory. */
  async listFiles(): Promise<SegmentFiles> {
    return listSegmentFiles((await this.storage.list(this.directory)) ?? []);
  }

  /** Opens a segment for reading; whatever its form, what is read are its bytes as they were written. */
  async openSegment(baseOffset: number, form: SegmentForm): Promise<StorageFile> {
    const name = segmentFileName(baseOffset, form);
    return form === "plain" ? this.openFile(name, "read") : this.openCompressed(name);
  }

  async openCompressed(name: string): Promise<CompressedSegment> {
    return CompressedSegment.open(await this.openFile(name, "read"), this.#blocks);
  }

  /**
   * Begins a segment, which survives the machine when this resolves. The one before must be sealed already; `link` is to
   * its last batch. May be called again after it rejected.
   */
  async create(baseOffset: number, nowMs: number, link: Buffer = genesisLink): Promise<Segment> {
    const file = await this.openFile(segmentFileName(baseOffset), this.#begunAt === baseOffset ? "replace" : "create");
    this.#begunAt = baseOffset;
    const producersBefore = this.producers;
    try {
      await this.writeHeader(file, baseOffset, nowMs, link);
      await this.storage.syncDirectory(this.directory);
    } catch (error) {
      await file.close().catch(() => undefined); // The first failure is the one to report.
      throw error;
    }
    this.#begunAt = undefined;
    const previous = this.active;
    if (previous !== undefined) this.#keepForReaders(previous);
    const segment = new Segment(baseOffset, segmentHeaderSize, baseOffset, previous?.timestampLast ?? 0);
    segment.file = file;
    segment.linkFirst = link;
    segment.linkNext = link;
    segment.producersBefore = producersBefore;
    segment.index = new SparseIndex();
    this.list.push(segment);
    return segment;
  }

  async writeHeader(file: StorageFile, baseOffset: number, nowMs: number, link: Buffer): Promise<void> {
    await writeAll(file, encodeSegmentHeader(this.identity, baseOffset, nowMs, link, this.producers), 0);
    await syncFile(file);
  }

  /** Cuts off the zeros behind the last batch of the segment that takes batches. A crash may bring them back. */
  async cutZeros(): Promise<void> {
    const segment = this.active!;
    if (segment.zeroEnd === 0) return;
    await segment.file!.truncate(segment.size);
    segment.zeroEnd = 0;
  }

  /** Writes and syncs the footer of the segment that takes batches, whose batches are synced. */
  async seal(epoch: number, link: Buffer): Promise<void> {
    const segment = this.active!;
    const { baseOffset, offsetNext, timestampLast, size, batchCount } = segment;
    const timestampFirst = segment.index!.timestampFirst;
    const recordCount = offsetNext - baseOffset;
    const times = { timestampFirst, timestampLast };
    const links = { link, linkNext: link, rewrittenMs: undefined };
    const footer = { baseOffset, offsetNext, ...times, size, batchCount, recordCount, epoch, ...links };
    await this.cutZeros();
    await writeAll(segment.file!, encodeSegmentFooter(this.identity, footer), size);
    await syncFile(segment.file!);
    segment.seal(footer);
  }

  /** The segment's footer, if its file has an intact one behind `size` bytes and ends with it. */
  async readFooter(file: StorageFile, baseOffset: number, size: number): Promise<SegmentFooter | undefined> {
    const bytes = Buffer.alloc(segmentFooterSizeMax + 1);
    const read = size < segmentHeaderSize ? 0 : await file.read(bytes, size);
    return decodeSegmentFooter(bytes.subarray(0, read), this.identity, baseOffset, size);
  }

  /** The footer with which the segment's file, of `fileSize` bytes, ends. */
  async readLastFooter(file: StorageFile, baseOffset: number, fileSize: number): Promise<SegmentFooter | undefined> {
    for (const footerSize of segmentFooterSizes) {
      const footer = await this.readFooter(file, baseOffset, fileSize - footerSize);
      if (footer !== undefined) return footer;
    }
    return undefined;
  }

  #keepForReaders(segment: Segment): void {
    if (segment.file === undefined) return;
    this.#open.set(segment, Promise.resolve(segment.file));
    segment.file = undefined;
    this.#closeUnused();
  }

  /** The segment's file for reading; call `release` afterwards, also when this rejects. */
  async acquire(segment: Segment): Promise<StorageFile> {
    segment.users++;
    this.#users++;
    if (segment.file !== undefined) return segment.file;
    const file = this.#open.get(segment) ?? this.openSegment(segment.baseOffset, segment.form);
    this.#open.delete(segment);
    this.#open.set(segment, file);
    try {
      return await file;
    } catch (error) {
      if (this.#open.get(segment) === file) this.#open.delete(segment);
      throw error;
    }
  }

  /**
   * Puts `replacement` where `segment` is, whose file `rename` replaces. Whoever reads `segment` goes on with the old file,
   * which is open before it loses its name and is closed when the last of them is done. Call it inside `changeFiles`.
   */
  async replace(segment: Segment, replacement: Segment, rename: () => Promise<void>): Promise<void> {
    try {
      await this.acquire(segment);
      await rename();
      segment.replaced = true;
      const at = this.list.indexOf(segment);
      if (at >= 0) this.list[at] = replacement;
      else replacement.removed = true; // Trimmed meanwhile: whoever did that removes the file after this.
    } finally {
      this.release(segment);
    }
  }

  release(segment: Segment): void {
    segment.users--;
    this.#users--;
    if (segment.users === 0) this.#closeReplaced(segment);
    if (segment.isGone && segment.users === 0) this.#close(segment);
    if (this.#open.size > segmentsOpenMax) this.#closeUnused();
    if (this.#users === 0) this.#whenUnused?.();
  }

  /**
   * The segment has another file from now on, in place already: reads that are under way end on the old one. Resolves
   * when nobody is about to open the old one any more, so that its name can be removed.
   */
  async replaceFile(segment: Segment, form: SegmentForm): Promise<void> {
    const file = this.#open.get(segment);
    this.#open.delete(segment);
    segment.form = form;
    if (file === undefined) return;
    this.#replaced.set(segment, [...(this.#replaced.get(segment) ?? []), file]);
    await file.catch(() => undefined);
    if (segment.users === 0) this.#closeReplaced(segment);
  }

  #closeReplaced(segment: Segment): void {
    const files = this.#replaced.get(segment) ?? [];
    this.#replaced.delete(segment);
    for (const file of files) void closeFile(file);
  }

  /** Runs `work`, which gives closed segments other files or removes them, when no other such work is under way. */
  changeFiles<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#changing.then(work);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  #closeUnused(): void {
    for (const segment of this.#open.keys()) {
      if (this.#open.size <= segmentsOpenMax) return;
      if (segment.users === 0) this.#close(segment);
    }
  }

  #close(segment: Segment): void {
    const file = this.#open.get(segment);
    this.#open.delete(segment);
    segment.index = undefined;
    if (file !== undefined) void closeFile(file);
  }

  /** Takes out all segments but the newest one that end at or before `offset`; true when there was one. */
  removeBelow(offset: number): boolean {
    let count = 0;
    while (count + 1 < this.list.length && this.list[count + 1]!.baseOffset <= offset) count++;
    for (const segment of this.list.splice(0, count)) {
      segment.removed = true;
      if (segment.users === 0) this.#close(segment);
    }
    return count > 0;
  }

  /** The segment's index, from its file or made anew. */
  async indexOf(segment: Segment, file: StorageFile): Promise<SparseIndex> {
    if (segment.index !== undefined) return segment.index;
    const summary = await this.readIndexSummary(segment);
    const fits = summary?.segmentSize === segment.size && summary.offsetNext === segment.offsetNext;
    const stored = fits ? await this.readIndex(segment) : undefined;
    segment.index = stored ?? (await this.rebuildIndex(segment, file));
    return segment.index;
  }

  /** What the segment's index file says of it; undefined when it is missing, damaged or of another segment. */
  async readIndexSummary(segment: Segment): Promise<IndexSummary | undefined> {
    const bytes = await this.#readIndexFile(segment, () => indexHeaderSize);
    const summary = bytes && decodeIndexSummary(bytes);
    return summary?.baseOffset === segment.baseOffset ? summary : undefined;
  }

  /** The entries of the segment's index file; undefined when they are damaged. */
  async readIndex(segment: Segment): Promise<SparseIndex | undefined> {
    const bytes = await this.#readIndexFile(segment, indexFileSize);
    return bytes && SparseIndex.decode(bytes);
  }

  async #readIndexFile(segment: Segment, sizeOf: (header: Buffer) => number): Promise<Buffer | undefined> {
    let file: StorageFile;
    try {
      file = await this.openFile(segment.indexName, "read");
    } catch {
      return undefined; // A cache that cannot be read is as good as none.
    }
    try {
      const header = Buffer.alloc(indexHeaderSize);
      await file.read(header, 0);
      if (decodeIndexSummary(header) === undefined) return undefined;
      const bytes = Buffer.alloc(sizeOf(header));
      return (await file.read(bytes, 0)) === bytes.length ? bytes : undefined;
    } finally {
      await file.close();
    }
  }

  /** Makes the index of a closed segment from its batches and stores it; without a footer they also tell where it ends. */
  async rebuildIndex(segment: Segment, file: StorageFile): Promise<SparseIndex> {
    const index = new SparseIndex();
    let batchCount = 0;
    let { timestampLast } = segment;
    const end = await this.scan(segment, file, (batch) => {
      index.add(batch.offset, batch.position, batch.timestampFirst);
      timestampLast = batch.timestampLast;
      batchCount++;
      this.producers ||= batch.producer !== undefined;
    });
    if (!segment.sealed) {
      const { position: size, offset: offsetNext, link: linkNext } = end;
      Object.assign(segment, { size, offsetNext, linkNext, timestampLast, batchCount });
    }
    segment.damages = damagesOf(segment, end);
    segment.index = index;
    await this.writeIndex(segment);
    return index;
  }

  /** Reads the whole segment, past damage. */
  scan(segment: Segment, file: StorageFile, visit: (batch: ScannedBatch) => void): Promise<LongScanEnd> {
    const { partition } = this.identity;
    const start = {
      partition,
      position: segmentHeaderSize,
      end: segment.size,
      offset: segment.baseOffset,
      link: segment.linkFirst,
    };
    return scanPastDamage(file, start, visit);
  }

  /** Stores the segment's index; one that could not be stored is made anew when it is needed. */
  async writeIndex(segment: Segment): Promise<void> {
    if (segment.isGone) return;
    const bytes = segment.index!.encode({
      baseOffset: segment.baseOffset,
      segmentSize: segment.size,
      offsetNext: segment.offsetNext,
      timestampLast: segment.timestampLast,
      batchCount: segment.batchCount,
      producers: this.producers,
    });
    try {
      const file = await this.openFile(segment.indexName, "replace");
      await writeAll(file, bytes, 0).finally(() => file.close());
    } catch {
      // Nothing depends on it, and a disk that fails shows it with the next batch.
    }
  }

  /** Closes all files once no read is under way. */
  async close(): Promise<void> {
    if (this.#users > 0)
      await new Promise<void>((resolve) => {
        this.#whenUnused = resolve;
      });
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const segment of this.list) {
      if (segment.file !== undefined) files.push(Promise.resolve(segment.file));
      segment.file = undefined;
      segment.index = undefined;
    }
    for (const file of files) await closeFile(file);
  }
}

/** What of the segment cannot be read, given how a scan of all of it ended. */
export function damagesOf(segment: Segment, end: LongScanEnd): readonly DamagedRange[] {
  const { position, fault, offset: offsetFirst, damages } = end;
  if (fault === undefined || position >= segment.size) return damages;
  return [...damages, { position, positionNext: segment.size, offsetFirst, offsetNext: segment.offsetNext, fault }];
}

async function closeFile(file: Promise<StorageFile>): Promise<void> {
  try {
    await (await file).close();
  } catch {
    // It was only read, or synced before: there is nothing left to lose.
  }
}
