/**
 * The end of a partition in memory: the open batch, closed batches that wait to be written, and written ones that are
 * still cached. It gives records their offsets and times, and knows no file.
 *
 *     slab                        slab (the last one)
 *     [ b1 | b2 | b3 | b4 . . ]   [ b5 | b6 | open batch -> . . . . ]
 *       written ────────┘ waiting ───────┘
 *
 * Batches lie one behind another, as in the file, so that all closed ones of a slab are one buffer of a write and one
 * chunk of a read. A slab starts small and each next one is twice as large. When a slab is full, a small open batch
 * moves to the next one, which costs a copy of 16 KiB at most, and a large one is closed.
 *
 * Hot: `appendValue`, `appendTopicValue` and `appendFramed` allocate nothing per record but the view that copying takes;
 * `embedded-partition.bench.ts` measures them, the bar is 1.5 million records per second.
 */

import { batchHeaderSize, batchLink, sealBatch } from "./batch.ts";
import { copyBytes, varintSize, writeVarint } from "./bytes.ts";
import { genesisLink, linkTo } from "./chain.ts";
import type { Chunk } from "./chunk.ts";
import { logErrors } from "./errors.ts";
import {
  batchRecordsMax,
  batchSizeMax,
  recordSizeMax,
  slabMoveSizeMax,
  slabSizeMax,
  slabSizeMin,
  timestampSpanMax,
} from "./limits.ts";
import { PendingTotal } from "./pending-total.ts";
import type { ProducedBatch } from "./producers/produced-batch.ts";
import {
  type RecordFields,
  richAttributes,
  richFieldsSize,
  richTopic,
  sizedSize,
  writeRichFields,
  writeSized,
} from "./rich-record.ts";
import { type Slab, type SlabOwner, TailRun } from "./slab.ts";
import type { TailCache } from "./tail-cache.ts";

const noBytes = Buffer.alloc(0);

/** Attributes and the widest timestamp of a rich body, and the size in front of it. */
const richOverhead = 4 + 1 + 5;

export class Tail implements SlabOwner {
  readonly #cache: TailCache;
  readonly #partition: number;
  /** Has what waits here, too. */
  readonly #total: PendingTotal;
  #epoch: number;
  #nextOffset = 0;
  #timestampMs = 0;
  /** To the last closed batch. */
  #link: Buffer = genesisLink;
  /** Bytes of closed batches that are not written. */
  #waitingSize = 0;
  #slabs: Slab[] = [];
  /** Slabs before this one have nothing that waits. */
  #waitingFrom = 0;
  #slabSize = slabSizeMin;

  /** The open batch: `#count` records in `#bytes[#batchStart, #position)`; 0 records: there is none. */
  #slab: Slab | undefined;
  #bytes: Buffer = noBytes;
  #batchStart = 0;
  #position = 0;
  /** The batch takes no byte from here on. */
  #limit = 0;
  #count = 0;
  #rich = false;
  #produced = false;
  #timestampFirst = 0;
  #timestampLast = 0;

  constructor(cache: TailCache, partition: number, epoch: number, total: PendingTotal = new PendingTotal()) {
    this.#cache = cache;
    this.#total = total;
    this.#partition = partition;
    this.#epoch = epoch;
  }

  /**
   * Sets where the partition stands; before anything is appended. `timestampMs`: the last record's, 0 for none; `link`: to
   * the last batch. A tail that is not started is that of an empty partition.
   */
  start(epoch: number, nextOffset: number, timestampMs: number, link: Buffer): void {
    this.#epoch = epoch;
    this.#nextOffset = nextOffset;
    this.#timestampMs = timestampMs;
    this.#link = link;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get pendingBytes(): number {
    return this.#count === 0 ? this.#waitingSize : this.#waitingSize + this.#position - this.#batchStart;
  }

  /** Appends a record that is only a value; returns its offset. Throws RECORD_TOO_LARGE. */
  appendValue(value: Uint8Array, start: number, end: number, nowMs: number): number {
    const size = end - start;
    const timestampMs = this.#stamp(nowMs);
    if (this.#count > 0 && this.#rich) return this.#appendBare(value, start, size, timestampMs);
    if (!this.#fitsPlain(4 + size, timestampMs)) this.#makeRoom(4 + size, false, timestampMs);
    copyBytes(value, start, end, this.#bytes, this.#beginRecord(size));
    return this.#endRecord(size);
  }

  /** A value without anything else, where a rich batch is open. */
  #appendBare(value: Uint8Array, start: number, valueSize: number, timestampMs: number): number {
    const size = 1 + this.#richRoom(valueSize, timestampMs) + valueSize;
    const at = this.#beginRichBody(size, 0, timestampMs);
    copyBytes(value, start, start + valueSize, this.#bytes, at);
    return this.#endRecord(size);
  }

  /** Appends a value with the MQTT topic it was published under. Throws RECORD_TOO_LARGE. */
  appendTopicValue(topic: Uint8Array, value: Uint8Array, start: number, end: number, nowMs: number): number {
    const timestampMs = this.#stamp(nowMs);
    const fieldsSize = sizedSize(topic.length) + end - start;
    const size = 1 + this.#richRoom(fieldsSize, timestampMs) + fieldsSize;
    let at = this.#beginRichBody(size, richTopic, timestampMs);
    at = writeSized(this.#bytes, at, topic);
    copyBytes(value, start, end, this.#bytes, at);
    return this.#endRecord(size);
  }

  /** Appends any record. Throws RECORD_TOO_LARGE, RECORD_INVALID, and nothing is appended then. */
  append(fields: RecordFields, nowMs: number): number {
    const start = fields.valueStart ?? 0;
    const end = fields.valueEnd ?? fields.value.length;
    if (!(start >= 0 && start <= end && end <= fields.value.length))
      throw logErrors.RECORD_INVALID({ reason: "its value does not lie inside the bytes given" });
    if (Number.isNaN(fields.timestampMs)) throw logErrors.RECORD_INVALID({ reason: "its timestamp is no number" });
    const attributes = richAttributes(fields);
    const wantedMs = fields.timestampMs === undefined ? nowMs : Math.floor(Math.min(fields.timestampMs, nowMs));
    if (attributes === 0 && wantedMs === nowMs) return this.appendValue(fields.value, start, end, nowMs);
    const fieldsSize = richFieldsSize(fields, attributes, end - start);
    const timestampMs = this.#stamp(wantedMs);
    const size = 1 + this.#richRoom(fieldsSize, timestampMs) + fieldsSize;
    let at = this.#beginRichBody(size, attributes, timestampMs);
    at = writeRichFields(this.#bytes, at, fields, attributes);
    copyBytes(fields.value, start, end, this.#bytes, at);
    return this.#endRecord(size);
  }

  /**
   * Appends `count` records framed as `[u32 BE size][value]`, `gap` other bytes between two of them; returns the first
   * one's offset. All or nothing: throws FRAMES_INVALID or RECORD_TOO_LARGE before anything is appended.
   */
  appendFramed(bytes: Uint8Array, start: number, end: number, count: number, gap: number, nowMs: number): number {
    checkFrames(bytes, start, end, count, gap);
    const timestampMs = this.#stamp(nowMs);
    const first = this.#nextOffset;
    let from = start;
    for (let left = count; left > 0; ) {
      const wanted = Math.max(4 + frameSize(bytes, from), Math.min(end - from, batchSizeMax - batchHeaderSize));
      if (this.#count > 0 && this.#rich) this.seal();
      if (!this.#fitsPlain(wanted, timestampMs)) this.#makeRoom(wanted, false, timestampMs);
      const taken = this.#appendFrames(bytes, from, end, left, gap);
      from = this.#framesEnd + gap;
      left -= taken;
    }
    return first;
  }

  /** Appends a batch of its own: `count` records behind their producer block. Returns the first one's offset. */
  appendProduced({ payload, rich, count }: ProducedBatch, nowMs: number): number {
    this.seal();
    this.#leaveRoom(payload.length, rich, this.#stamp(nowMs));
    copyBytes(payload, 0, payload.length, this.#bytes, this.#position);
    this.#position += payload.length;
    this.#total.bytes += payload.length + batchHeaderSize;
    this.#nextOffset += count;
    this.#count = count;
    this.#produced = true;
    this.seal();
    return this.#nextOffset - count;
  }

  #framesEnd = 0;

  /** Copies as many of the `left` frames in `[from, end)` as the open batch takes; leaves their end in `#framesEnd`. */
  #appendFrames(bytes: Uint8Array, from: number, end: number, left: number, gap: number): number {
    const room = this.#limit - this.#position;
    const countMax = Math.min(left, batchRecordsMax - this.#count);
    let to = end;
    let taken = left;
    if (end - from > room || countMax < left) {
      let next = from;
      to = from;
      for (taken = 0; taken < countMax; taken++, next = to + gap) {
        next += 4 + frameSize(bytes, next);
        if (next - from > room) break;
        to = next;
      }
    }
    copyBytes(bytes, from, to, this.#bytes, this.#position);
    const start = this.#position;
    if (gap === 0) this.#position += to - from;
    else this.#closeGaps(taken, gap);
    this.#total.bytes += this.#position - start + (this.#count === 0 ? batchHeaderSize : 0);
    this.#nextOffset += taken;
    this.#count += taken;
    if (this.#count >= batchRecordsMax) this.#limit = 0;
    this.#framesEnd = to;
    return taken;
  }

  /**
   * `count` frames were copied to the position with what lies between them: moves them together, and the position behind
   * them. One large copy and a small move for each make no views: 38 ns for 260 bytes against 85 for a copy of each (Node 20).
   */
  #closeGaps(count: number, gap: number): void {
    const bytes = this.#bytes;
    let to = this.#position + 4 + frameSize(bytes, this.#position);
    for (let from = to, left = count - 1; left > 0; left--) {
      from += gap;
      const next = from + 4 + frameSize(bytes, from);
      bytes.copyWithin(to, from, next);
      to += next - from;
      from = next;
    }
    this.#position = to;
  }

  /** The time of the next record, given the clock's: never before the previous one's. */
  #stamp(nowMs: number): number {
    if (nowMs > this.#timestampMs) this.#timestampMs = nowMs;
    return this.#timestampMs;
  }

  /** True when a plain batch is open that takes `size` more bytes at this time; there is no rich one open. */
  #fitsPlain(size: number, timestampMs: number): boolean {
    return this.#count > 0 && timestampMs === this.#timestampFirst && this.#position + size <= this.#limit;
  }

  /** Makes room for a rich record whose fields and value take `fieldsSize`; returns the size of its timestamp. */
  #richRoom(fieldsSize: number, timestampMs: number): number {
    const size = richOverhead + fieldsSize;
    const wide = timestampMs - this.#timestampFirst > timestampSpanMax;
    if (this.#count === 0 || !this.#rich || wide || this.#position + size > this.#limit)
      this.#makeRoom(size, true, timestampMs);
    this.#timestampLast = timestampMs;
    return varintSize(timestampMs - this.#timestampFirst);
  }

  /** Leaves a batch of this kind open, perhaps an empty one, with room for `size` more bytes. */
  #makeRoom(size: number, rich: boolean, timestampMs: number): void {
    const bodySize = size - (rich ? richOverhead : 4);
    if (bodySize > recordSizeMax) throw logErrors.RECORD_TOO_LARGE({ size: bodySize, sizeMax: recordSizeMax });
    if (this.#count > 0 && !this.#goesOn(size, rich, timestampMs)) this.seal();
    this.#leaveRoom(size, rich, timestampMs);
  }

  #leaveRoom(size: number, rich: boolean, timestampMs: number): void {
    if (this.#count === 0) {
      this.#rich = rich;
      this.#timestampFirst = timestampMs;
      this.#timestampLast = timestampMs;
      this.#batchStart = this.#slab === undefined ? 0 : this.#slab.end;
      this.#position = this.#batchStart + batchHeaderSize;
    }
    if (this.#position + size > this.#bytes.length) this.#nextSlab(size);
    this.#limit = Math.min(this.#bytes.length, Math.max(this.#batchStart + batchSizeMax, this.#position + size));
  }

  /** True when the open batch can take such a record, perhaps after it moved to another slab. */
  #goesOn(size: number, rich: boolean, timestampMs: number): boolean {
    const batchSize = this.#position - this.#batchStart;
    if (rich !== this.#rich || this.#count >= batchRecordsMax || batchSize + size > batchSizeMax) return false;
    if (timestampMs - this.#timestampFirst > (rich ? timestampSpanMax : 0)) return false;
    return this.#position + size <= this.#bytes.length || batchSize <= slabMoveSizeMax;
  }

  /** Takes a slab with room for the open batch and `size` more bytes, and moves the batch there. */
  #nextSlab(size: number): void {
    const batchSize = this.#position - this.#batchStart;
    const previous = this.#slab;
    const slab = this.#cache.allocate(this, Math.max(this.#slabSize, batchSize + size));
    this.#slabSize = Math.min(slabSizeMax, this.#slabSize * 2);
    if (previous !== undefined && this.#count > 0) previous.bytes.copy(slab.bytes, 0, this.#batchStart, this.#position);
    if (previous?.isEmpty === true) this.#drop(previous);
    this.#slabs.push(slab);
    this.#slab = slab;
    this.#bytes = slab.bytes;
    this.#batchStart = 0;
    this.#position = batchSize;
  }

  /** Writes the size of a record for which there is room; returns where its body goes. */
  #beginRecord(size: number): number {
    const bytes = this.#bytes;
    const at = this.#position;
    bytes[at] = size >>> 24;
    bytes[at + 1] = size >>> 16;
    bytes[at + 2] = size >>> 8;
    bytes[at + 3] = size;
    return at + 4;
  }

  #beginRichBody(size: number, attributes: number, timestampMs: number): number {
    const at = this.#beginRecord(size);
    this.#bytes[at] = attributes;
    return writeVarint(this.#bytes, at + 1, timestampMs - this.#timestampFirst);
  }

  #endRecord(size: number): number {
    this.#total.bytes += 4 + size + (this.#count === 0 ? batchHeaderSize : 0);
    this.#position += 4 + size;
    if (++this.#count >= batchRecordsMax) this.#limit = 0;
    return this.#nextOffset++;
  }

  /** Closes the open batch, if there is one. */
  seal(): void {
    if (this.#count === 0) return;
    const offset = this.#nextOffset - this.#count;
    sealBatch(this.#bytes, this.#batchStart, this.#position, {
      rich: this.#rich,
      producer: this.#produced,
      partition: this.#partition,
      epoch: this.#epoch,
      count: this.#count,
      offset,
      timestampFirst: this.#timestampFirst,
      timestampLast: this.#timestampLast,
      link: this.#link,
    });
    this.#link = linkTo(this.#bytes, this.#batchStart, this.#position);
    this.#slab!.close(this.#batchStart, this.#position, offset, this.#nextOffset);
    this.#waitingSize += this.#position - this.#batchStart;
    this.#count = 0;
    this.#produced = false;
  }

  /** Where the closed batches end, and the link to the last one. */
  get closedEnd(): { readonly offset: number; readonly link: Buffer } {
    return { offset: this.#nextOffset - this.#count, link: this.#link };
  }

  /** Size of the first closed batch that waits to be written; 0 when none does. */
  firstWaitingSize(): number {
    while (this.#waitingFrom < this.#slabs.length) {
      const size = this.#slabs[this.#waitingFrom]!.firstWaitingSize();
      if (size > 0) return size;
      if (this.#waitingFrom === this.#slabs.length - 1) break; // The last one takes more batches.
      this.#waitingFrom++;
    }
    return 0;
  }

  /** To the last batch that is written: the link that the first one that waits carries. */
  linkToWritten(): Buffer {
    if (this.firstWaitingSize() === 0) return this.#link;
    const slab = this.#slabs[this.#waitingFrom]!;
    return Buffer.from(batchLink(slab.bytes, slab.firstWaitingStart));
  }

  /** What to write next: closed batches of up to `sizeMax` bytes, which must take the first one. See `TailRun`. */
  takeRun(sizeMax: number, markAt: number): TailRun {
    const run = new TailRun(sizeMax, markAt);
    for (let i = this.#waitingFrom; i < this.#slabs.length; i++) if (!this.#slabs[i]!.addTo(run)) break;
    return run;
  }

  /** The last run taken is written: its batches can be read, and their memory may be taken back. */
  markWritten(run: TailRun): void {
    let batches = run.batches;
    for (let i = this.#waitingFrom; batches > 0; i++) batches = this.#slabs[i]!.markWritten(batches);
    this.#waitingSize -= run.size;
    this.#total.remove(run.size);
  }

  /** Written batches from the one with `offset` on, about `sizeMax` bytes, at least one; undefined when not cached. */
  chunkAt(offset: number, sizeMax: number): Chunk | undefined {
    for (let i = this.#slabs.length - 1; i >= 0; i--)
      if (!this.#slabs[i]!.beginsAfter(offset)) return this.#slabs[i]!.chunkFrom(offset, sizeMax);
    return undefined;
  }

  /** Gives up what is not written: it never will be. */
  dropWaiting(): void {
    this.#total.remove(this.pendingBytes);
    this.#count = 0;
    this.#waitingSize = 0;
    for (const slab of this.#slabs) slab.dropWaiting();
  }

  /** Gives all memory back. */
  close(): void {
    this.dropWaiting();
    for (const slab of [...this.#slabs]) this.#drop(slab);
  }

  isBuildingIn(slab: Slab): boolean {
    return slab === this.#slab && this.#count > 0;
  }

  forget(slab: Slab): void {
    // A partition whose last slab is taken back was quiet for long; it starts small again.
    if (slab === this.#slab) this.#slabSize = slabSizeMin;
    this.#drop(slab);
  }

  #drop(slab: Slab): void {
    this.#cache.release(slab);
    const at = this.#slabs.indexOf(slab);
    if (at >= 0) this.#slabs.splice(at, 1);
    if (at >= 0 && at < this.#waitingFrom) this.#waitingFrom--;
    if (slab !== this.#slab) return;
    this.#slab = undefined;
    this.#bytes = noBytes;
    this.#limit = 0;
  }
}

/** Size of the record framed at `at`. */
function frameSize(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function checkFrames(bytes: Uint8Array, start: number, end: number, count: number, gap: number): void {
  let at = start - gap;
  let seen = 0;
  for (; at + gap + 4 <= end && seen < count; seen++) {
    const size = frameSize(bytes, at + gap);
    if (size > recordSizeMax) throw logErrors.RECORD_TOO_LARGE({ size, sizeMax: recordSizeMax });
    at += gap + 4 + size;
  }
  if (at !== end || seen !== count || count === 0 || end > bytes.length)
    throw logErrors.FRAMES_INVALID({ size: end - start, count });
}
