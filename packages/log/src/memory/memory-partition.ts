/**
 * A partition that is an array of batches: what the contract of partitions says, in as few words as possible, to show that it
 * says nothing of files. Each call is a batch; all are "written" and "synced" at the end of the turn.
 */

import type { Clock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import { batchHeaderSize, sealBatch } from "../batch.ts";
import { genesisLink } from "../chain.ts";
import type { Chunk } from "../chunk.ts";
import type { Durability, DurabilityWaiter } from "../durability.ts";
import { logErrors } from "../errors.ts";
import type { Partition, PartitionStatus, PartitionWatcher, Produced } from "../partition.ts";
import { PartitionWatchers } from "../partition-watchers.ts";
import { encodeProducedBatch } from "../producers/produced-batch.ts";
import { type ProducerStamp, producerBlockSize } from "../producers/producer-block.ts";
import { ProducerTable } from "../producers/producer-table.ts";
import type { RecordFields } from "../rich-record.ts";
import type { SegmentIdentity } from "../segment-identity.ts";

interface Batch extends Chunk {
  readonly timestampMs: number;
}

interface Waiter {
  readonly endOffset: number;
  tell(error: PolylogError | undefined): void;
}

/** What outlives a partition's closing. */
export class KeptPartition {
  batches: Batch[] = [];
  lowWatermark = 0;
  nextOffset = 0;
  timestampMs = 0;
  readonly producers: ProducerTable;

  constructor(identity: SegmentIdentity) {
    this.producers = new ProducerTable(identity);
  }
}

/** Its block is cut off: records of nobody are encoded as those of a producer are. */
const nobody: ProducerStamp = { id: "-", epoch: 0, sequence: 0 };

export class MemoryPartition implements Partition {
  readonly number: number;
  status: PartitionStatus = "open";
  neededFrom: (() => number) | undefined;
  readonly error = undefined;
  readonly stallCount = 0;
  readonly retentionHeldBytes = 0;
  trimmedCount = 0;
  readonly compactedUnfinishedCount = 0;
  highWatermark: number;
  readonly #identity: SegmentIdentity;
  readonly #clock: Clock;
  readonly #kept: KeptPartition;
  readonly #pendingBytesMax: number;
  readonly #watchers = new PartitionWatchers(this);
  #pendingBytes = 0;
  #waiters: Waiter[] = [];
  #drainListeners: (() => void)[] = [];
  #isScheduled = false;
  /** The next append was promised room. */
  #isAdmitted = false;

  constructor(identity: SegmentIdentity, kept: KeptPartition, clock: Clock, pendingBytesMax: number) {
    this.number = identity.partition;
    this.#identity = identity;
    this.#kept = kept;
    this.#clock = clock;
    this.#pendingBytesMax = pendingBytesMax;
    this.highWatermark = kept.nextOffset;
  }

  get lowWatermark(): number {
    return this.#kept.lowWatermark;
  }

  get syncedWatermark(): number {
    return this.highWatermark;
  }

  get nextOffset(): number {
    return this.#kept.nextOffset;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get room(): number {
    return Math.max(0, this.#pendingBytesMax - this.#pendingBytes);
  }

  get saturated(): boolean {
    return this.status === "open" && this.room === 0;
  }

  get storedBytes(): number {
    return this.#kept.batches.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  get producerEpochMax(): number {
    return this.#kept.producers.epochMax;
  }

  append(fields: RecordFields): number {
    this.#requireRoom();
    if (Number.isNaN(fields.timestampMs)) throw logErrors.RECORD_INVALID({ reason: "its timestamp is no number" });
    return this.#appendAll([fields], fields.timestampMs);
  }

  appendValue(bytes: Uint8Array, start: number, end: number): number {
    return this.append({ value: bytes, valueStart: start, valueEnd: end });
  }

  appendTopicValue(topic: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    return this.append({ topic, value: bytes, valueStart: start, valueEnd: end });
  }

  appendFramed(bytes: Uint8Array, start: number, end: number, count: number, gap = 0): number {
    this.#requireRoom();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const records: RecordFields[] = [];
    let at = start;
    for (let i = 0; i < count; i++) {
      if (i > 0) at += gap;
      if (at + 4 > end) throw logErrors.FRAMES_INVALID({ size: end - start, count });
      const valueStart = at + 4;
      at = valueStart + view.getUint32(at);
      if (at > end) throw logErrors.FRAMES_INVALID({ size: end - start, count });
      records.push({ value: bytes, valueStart, valueEnd: at });
    }
    if (count === 0 || at !== end) throw logErrors.FRAMES_INVALID({ size: end - start, count });
    return this.#appendAll(records, undefined);
  }

  /** All in one batch. */
  #appendAll(records: readonly RecordFields[], timestampMs: number | undefined): number {
    const { payload, rich } = encodeProducedBatch(nobody, records);
    return this.#add(
      payload.subarray(producerBlockSize(nobody)),
      records.length,
      { rich, producer: false },
      timestampMs,
    );
  }

  appendProduced(stamp: ProducerStamp, records: readonly RecordFields[]): Produced {
    const known = this.findProduced(stamp, records.length);
    if (known !== undefined) return known;
    this.#requireRoom();
    const { payload, rich } = encodeProducedBatch(stamp, records);
    const baseOffset = this.#add(payload, records.length, { rich, producer: true }, undefined);
    this.#kept.producers.add(stamp, baseOffset, records.length);
    return { baseOffset, duplicate: false };
  }

  findProduced(stamp: ProducerStamp, count: number): Produced | undefined {
    this.#requireOpen();
    const baseOffset = this.#kept.producers.find(stamp, count);
    return baseOffset === undefined ? undefined : { baseOffset, duplicate: true };
  }

  admit(): void {
    this.#requireRoom();
    this.#isAdmitted = true;
  }

  #add(
    payload: Buffer,
    count: number,
    form: { rich: boolean; producer: boolean },
    wantedMs: number | undefined,
  ): number {
    const kept = this.#kept;
    const nowMs = this.#clock.nowMs();
    const timestampMs = Math.max(kept.timestampMs, Math.min(nowMs, Math.floor(wantedMs ?? nowMs)));
    const bytes = Buffer.concat([Buffer.alloc(batchHeaderSize), payload]);
    const offset = kept.nextOffset;
    const place = { partition: this.number, epoch: 1, count, offset, link: genesisLink };
    sealBatch(bytes, 0, bytes.length, { ...form, ...place, timestampFirst: timestampMs, timestampLast: timestampMs });
    const range = { start: 0, end: bytes.length, offsetFirst: offset, offsetNext: offset + count };
    kept.batches.push({ bytes, ...range, timestampMs });
    kept.nextOffset += count;
    kept.timestampMs = timestampMs;
    this.#pendingBytes += bytes.length;
    this.#schedule();
    return offset;
  }

  #requireOpen(): void {
    if (this.status !== "open") throw this.#closedError();
  }

  #requireRoom(): void {
    this.#requireOpen();
    if (this.saturated && !this.#isAdmitted)
      throw logErrors.APPEND_QUEUE_FULL({ ...this.#identity, pendingBytes: this.#pendingBytes });
    this.#isAdmitted = false;
  }

  #closedError(): PolylogError {
    return logErrors.PARTITION_CLOSED({ ...this.#identity, status: this.status });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.atTurnEnd(() => {
      this.#isScheduled = false;
      if (this.status === "open") this.flush();
    });
  }

  whenDurable(endOffset: number, level: Durability, waiter: DurabilityWaiter, token: number): void {
    if (level === "memory" || endOffset <= this.highWatermark) waiter.onDurable(token, undefined);
    else if (this.status !== "open") waiter.onDurable(token, this.#closedError());
    else this.#waiters.push({ endOffset, tell: (error) => waiter.onDurable(token, error) });
  }

  flush(): void {
    if (this.status !== "open" || this.highWatermark === this.nextOffset) return;
    this.highWatermark = this.nextOffset;
    this.#pendingBytes = 0;
    this.#tellWaiters(undefined);
    this.#watchers.tellHigh();
    this.#tellDrained();
  }

  #tellWaiters(error: PolylogError | undefined): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.tell(error);
  }

  #tellDrained(): void {
    const listeners = this.#drainListeners;
    this.#drainListeners = [];
    for (const listener of listeners) listener();
  }

  async sync(): Promise<void> {
    this.flush();
  }

  whenDrained(listener: () => void): void {
    if (this.saturated) this.#drainListeners.push(listener);
    else listener();
  }

  cachedChunk(offset: number): Chunk | undefined {
    if (offset < this.lowWatermark || offset >= this.highWatermark) return undefined;
    return this.#kept.batches.find(({ offsetNext }) => offsetNext > offset);
  }

  async readChunk(offset: number, bytesMax: number): Promise<Chunk | undefined> {
    if (this.status === "closed") throw this.#closedError();
    if (!(offset >= this.lowWatermark && offset <= this.nextOffset)) throw this.#outOfRange(offset);
    const [first, ...others] = this.#kept.batches.filter(
      ({ offsetNext }) => offsetNext > offset && offset < this.highWatermark,
    );
    if (first === undefined) return undefined;
    const taken = [first];
    let size = first.bytes.length;
    for (const batch of others) {
      size += batch.bytes.length;
      if (size > bytesMax || batch.offsetNext > this.highWatermark) break;
      taken.push(batch);
    }
    const bytes = Buffer.concat(taken.map((batch) => batch.bytes));
    const offsetNext = taken.at(-1)!.offsetNext;
    return { bytes, start: 0, end: bytes.length, offsetFirst: first.offsetFirst, offsetNext };
  }

  borrowChunk(offset: number, bytesMax: number): Promise<Chunk | undefined> {
    return this.readChunk(offset, bytesMax);
  }

  giveBack(): void {}

  #outOfRange(offset: number): PolylogError {
    return logErrors.OFFSET_OUT_OF_RANGE({ offset, low: this.lowWatermark, high: this.highWatermark });
  }

  async offsetAt(timestampMs: number): Promise<number> {
    if (this.status === "closed") throw this.#closedError();
    const found = this.#kept.batches.find((batch) => batch.timestampMs >= timestampMs);
    const offset = Math.max(this.lowWatermark, found?.offsetFirst ?? this.highWatermark);
    return Math.min(offset, this.highWatermark);
  }

  async trimTo(offset: number): Promise<void> {
    this.#requireOpen();
    if (!(Number.isInteger(offset) && offset >= 0 && offset <= this.highWatermark)) throw this.#outOfRange(offset);
    if (offset <= this.lowWatermark) return;
    this.trimmedCount += offset - this.lowWatermark;
    this.#kept.lowWatermark = offset;
    this.#kept.batches = this.#kept.batches.filter(({ offsetNext }) => offsetNext > offset);
    this.#watchers.tellLow();
  }

  async empty(): Promise<void> {
    this.#requireOpen();
    this.flush();
    await this.trimTo(this.highWatermark);
  }

  watch(watcher: PartitionWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: PartitionWatcher): void {
    this.#watchers.remove(watcher);
  }

  /** `finish`: what was appended is kept, and who waits hears so. */
  close(finish: boolean): void {
    if (finish) this.flush();
    this.status = "closed";
    this.#tellWaiters(this.#closedError());
    this.#tellDrained();
    this.#watchers.tellHigh();
    this.#watchers.clear();
  }
}
