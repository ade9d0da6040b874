/**
 * A partition in files of its own. What it promises stands in `partition.ts` and `durability.ts`; how bytes get to the file in
 * `appender.ts`; what is done when it opens in `recovery.ts`; whether it takes records in `partition-state.ts`.
 *
 * Producers with an id (`appendProduced`) may send a call again; what is known of them is in `producers/`. While the disk is
 * full it stays open and refuses records; see `disk/disk-space.ts`.
 *
 * Hot: `appendValue`, `appendTopicValue`, `appendFramed` and `whenDurable`; `embedded-partition.bench.ts` measures them.
 */

import type { PolylogError } from "@polylog/base/errors";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import { Appender, type AppenderOwner } from "./appender.ts";
import { genesisLink } from "./chain.ts";
import type { Chunk } from "./chunk.ts";
import type { DiskSpaceWatcher } from "./disk/disk-space.ts";
import type { Durability, DurabilityWaiter } from "./durability.ts";
import type { PartitionOptions } from "./embedded-partition-options.ts";
import { logErrors } from "./errors.ts";
import { pendingBytesMax, segmentSizeMax, slabSizeMax, syncIntervalMs } from "./limits.ts";
import { type LogConfig, segmentBounds } from "./log-config.ts";
import { isEphemeral } from "./log-name.ts";
import { Compactor } from "./maintenance/compaction.ts";
import type { Partition, PartitionStatus, PartitionWatcher, Produced } from "./partition.ts";
import { messageOf, PartitionState } from "./partition-state.ts";
import { PartitionWatchers } from "./partition-watchers.ts";
import { PendingTotal } from "./pending-total.ts";
import { PartitionProducers } from "./producers/partition-producers.ts";
import { encodeProducedBatch } from "./producers/produced-batch.ts";
import type { ProducerStamp } from "./producers/producer-block.ts";
import { logRecovery, type RecoveryReport, recover } from "./recovery.ts";
import type { RecordFields } from "./rich-record.ts";
import type { SegmentSummary } from "./segment.ts";
import { type CompressionReport, compressSegment, nextToCompress } from "./segment-compression.ts";
import { SegmentReader } from "./segment-reader.ts";
import { SegmentSet } from "./segment-set.ts";
import { Tail } from "./tail.ts";
import { Trimmer } from "./trimmer.ts";

export class EmbeddedPartition implements Partition, DiskSpaceWatcher {
  readonly number: number;
  /** Removes records that a later one with the same key has replaced. */
  readonly compactor: Compactor;
  /** What opening found; undefined before. */
  recovery: RecoveryReport | undefined;
  neededFrom: (() => number) | undefined;
  retentionHeldBytes = 0;

  readonly #options: PartitionOptions;
  readonly #logger: Logger;
  readonly #segments: SegmentSet;
  readonly #tail: Tail;
  readonly #appender: Appender;
  readonly #reader: SegmentReader;
  readonly #producers: PartitionProducers;
  readonly #trimmer: Trimmer;
  readonly #pendingBytesMax: number;
  readonly #pendingTotal: PendingTotal;
  readonly #state: PartitionState;
  readonly #watchers = new PartitionWatchers(this);
  /** The next append was promised room. */
  #isAdmitted = false;
  #opening: Promise<RecoveryReport> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PartitionOptions) {
    const { log, number, storage, directory, clock } = options;
    this.number = number;
    this.#options = options;
    this.#logger = (options.logger ?? silentLogger).child("log");
    this.#pendingBytesMax = options.pendingBytesMax ?? pendingBytesMax;
    this.#pendingTotal = options.pendingTotal ?? new PendingTotal();
    const identity = { log, partition: number };
    this.#state = new PartitionState(identity, this.#logger, options.expect === "new", options.space?.error);
    this.#segments = new SegmentSet(storage, directory, identity, options.blockCache);
    this.compactor = new Compactor(this.#segments);
    this.#producers = new PartitionProducers(this.#segments, this.#logger, options.producersMax);
    this.#tail = new Tail(options.cache, number, options.epoch ?? 1, this.#pendingTotal);
    this.#reader = new SegmentReader(this.#segments, clock, options.readBuffers);
    this.#trimmer = new Trimmer(this.#segments, (endOffset) => this.#whenSynced(endOffset));
    const owner: AppenderOwner = {
      onAdvanced: () => this.#watchers.tellHigh(),
      onSegmentFull: () => this.#producers.save(this.#tail.closedEnd),
      onSegmentBegun: () => options.onSegmentBegun?.(),
      onFailed: (operation, cause) => this.#becomeReadOnly(`${operation} failed: ${messageOf(cause)}`, cause),
      onStalled: (cause) => this.#state.noteStall(cause),
    };
    this.#appender = new Appender(owner, {
      tail: this.#tail,
      segments: this.#segments,
      clock,
      segmentSizeMax: options.segmentSizeMax ?? segmentSizeMax,
      syncIntervalMs: options.syncIntervalMs ?? syncIntervalMs,
      pendingBytesMax: this.#pendingBytesMax,
      pendingTotal: this.#pendingTotal,
      space: options.space,
      timings: options.timings,
      zeroAhead: isEphemeral(log) ? { size: 0 } : (options.zeroAhead ?? {}),
    });
    options.space?.watch(this);
  }

  get status(): PartitionStatus {
    return this.#state.status;
  }

  get error(): PolylogError | undefined {
    return this.#state.error;
  }

  get stallCount(): number {
    return this.#state.stallCount;
  }

  get lowWatermark(): number {
    return this.#segments.lowWatermark;
  }

  get trimmedCount(): number {
    return this.#trimmer.trimmedCount;
  }

  get compactedUnfinishedCount(): number {
    return this.compactor.unfinishedRemoved;
  }

  /** Oldest first; the last one takes batches. Not to be kept. */
  get segments(): readonly SegmentSummary[] {
    return this.#segments.list;
  }

  /** When the oldest record of the newest segment was appended, ms since 1970; undefined when there is none. */
  get newestSegmentSinceMs(): number | undefined {
    const newest = this.#segments.active;
    return newest === undefined || newest.isEmpty ? undefined : newest.index?.timestampFirst;
  }

  get storedBytes(): number {
    return this.#segments.list.reduce((sum, segment) => sum + segment.size, 0);
  }

  get highWatermark(): number {
    return this.#appender.highWatermark;
  }

  get syncedWatermark(): number {
    return this.#appender.syncedWatermark;
  }

  get nextOffset(): number {
    return this.#tail.nextOffset;
  }

  /** Bytes appended and not yet written. */
  get pendingBytes(): number {
    return this.#tail.pendingBytes;
  }

  get room(): number {
    const { bytes, sizeMax } = this.#pendingTotal;
    return Math.max(0, Math.min(this.#pendingBytesMax - this.#tail.pendingBytes, sizeMax - bytes));
  }

  get saturated(): boolean {
    return this.#state.accepting && (this.#tail.pendingBytes >= this.#pendingBytesMax || this.#pendingTotal.saturated);
  }

  /** Recovers what is there; see `recovery.ts`. Rejects, and the partition is then read-only, when a file fails. */
  open(): Promise<RecoveryReport> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<RecoveryReport> {
    const { clock, expect } = this.#options;
    if (this.#state.status !== "opening") throw this.#state.refusal ?? this.#state.closedError();
    try {
      const recovered = await recover(this.#segments, { nowMs: clock.nowMs(), mustExist: expect === "existing" });
      if (expect !== "new" && recovered.report.refusal === undefined) await this.#producers.recover();
      this.#start(recovered.report, recovered.epoch);
      return recovered.report;
    } catch (error) {
      this.refuse("opening", error);
      throw error;
    }
  }

  #start(report: RecoveryReport, epochSeen: number): void {
    this.recovery = report;
    const newest = this.#segments.active;
    const nextOffset = newest?.offsetNext ?? 0;
    if (this.#options.expect === "new" && nextOffset > 0) throw new Error("its directory holds records already");
    const epoch = Math.max(this.#options.epoch ?? 1, epochSeen + 1);
    if (this.#options.expect !== "new")
      this.#tail.start(epoch, nextOffset, newest?.timestampLast ?? 0, newest?.linkNext ?? genesisLink);
    logRecovery(this.#logger, this.#segments.identity, report);
    this.#appender.start(nextOffset);
    if (this.#state.status !== "opening") return;
    if (report.refusal !== undefined) {
      this.#endReadOnly(report.refusal.message, report.refusal);
      return;
    }
    this.#state.setOpen();
    this.#watchers.tellHigh();
    this.#appender.flush();
  }

  append(fields: RecordFields): number {
    this.#enter();
    return this.#tail.append(fields, this.#appender.turnMs());
  }

  appendValue(bytes: Uint8Array, start: number, end: number): number {
    this.#enter();
    return this.#tail.appendValue(bytes, start, end, this.#appender.turnMs());
  }

  appendTopicValue(topic: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    this.#enter();
    return this.#tail.appendTopicValue(topic, bytes, start, end, this.#appender.turnMs());
  }

  appendFramed(bytes: Uint8Array, start: number, end: number, count: number, gap = 0): number {
    this.#enter();
    return this.#tail.appendFramed(bytes, start, end, count, gap, this.#appender.turnMs());
  }

  appendProduced(stamp: ProducerStamp, records: readonly RecordFields[]): Produced {
    const known = this.findProduced(stamp, records.length);
    if (known !== undefined) return known;
    this.#enter();
    const baseOffset = this.#tail.appendProduced(encodeProducedBatch(stamp, records), this.#appender.turnMs());
    this.#producers.add(stamp, baseOffset, records.length);
    return { baseOffset, duplicate: false };
  }

  findProduced(stamp: ProducerStamp, count: number): Produced | undefined {
    const { accepting, status } = this.#state;
    // While the disk is full what was taken is known all the same; in a partition that fails it may never have been written.
    if (!accepting && status !== "open") throw this.#whyRefused();
    const baseOffset = this.#producers.find(stamp, count);
    return baseOffset === undefined ? undefined : { baseOffset, duplicate: true };
  }

  admit(): void {
    if (!this.#state.accepting || this.saturated) throw this.#whyRefused();
    this.#isAdmitted = true;
  }

  /** Every append begins so. */
  #enter(): void {
    if (!this.#state.accepting || (this.saturated && !this.#isAdmitted)) throw this.#whyRefused();
    this.#isAdmitted = false;
  }

  get producerEpochMax(): number {
    return this.#producers.epochMax;
  }

  #whyRefused(): PolylogError {
    const pendingBytes = this.#pendingTotal.saturated ? this.#pendingTotal.bytes : this.pendingBytes;
    return this.#state.whyRefused ?? logErrors.APPEND_QUEUE_FULL({ ...this.#segments.identity, pendingBytes });
  }

  whenDurable(endOffset: number, level: Durability, waiter: DurabilityWaiter, token: number): void {
    this.#appender.whenDurable(endOffset, level, waiter, token);
  }

  flush(): void {
    this.#appender.flush();
  }

  whenDrained(listener: () => void): void {
    if (!this.#state.accepting) listener();
    else if (this.#pendingTotal.saturated) this.#pendingTotal.whenDrained(listener);
    else this.#appender.whenDrained(listener);
  }

  cachedChunk(offset: number): Chunk | undefined {
    if (offset < this.#segments.lowWatermark) return undefined;
    return this.#tail.chunkAt(offset, slabSizeMax);
  }

  readChunk(offset: number, bytesMax: number): Promise<Chunk | undefined> {
    return this.#read(offset, bytesMax, false);
  }

  borrowChunk(offset: number, bytesMax: number): Promise<Chunk | undefined> {
    return this.#read(offset, bytesMax, true);
  }

  giveBack(chunk: Chunk): void {
    if (chunk.borrowed) this.#reader.giveBack(chunk);
  }

  async #read(offset: number, bytesMax: number, borrow: boolean): Promise<Chunk | undefined> {
    if (this.#state.status === "closed") throw this.#state.closedError();
    const low = this.lowWatermark;
    if (!(offset >= low && offset <= this.nextOffset))
      throw logErrors.OFFSET_OUT_OF_RANGE({ offset, low, high: this.highWatermark });
    if (offset >= this.highWatermark) return undefined;
    return this.#tail.chunkAt(offset, bytesMax) ?? (await this.#reader.read(offset, bytesMax, borrow));
  }

  async offsetAt(timestampMs: number): Promise<number> {
    if (this.#state.status === "closed") throw this.#state.closedError();
    const offset = await this.#reader.offsetAt(timestampMs, (from) => this.readChunk(from, slabSizeMax));
    return offset ?? this.highWatermark;
  }

  /** The disk gets back the segments that lie below `offset` as a whole. */
  async trimTo(offset: number): Promise<void> {
    if (this.#state.status !== "open") throw this.#state.refusal ?? this.#state.closedError();
    const { lowWatermark: low, highWatermark: high } = this;
    if (!(Number.isInteger(offset) && offset >= 0 && offset <= high))
      throw logErrors.OFFSET_OUT_OF_RANGE({ offset, low, high });
    if (this.#trimmer.raise(offset)) this.#watchers.tellLow();
    await this.#trimmer.carryOut();
  }

  /** Seals the newest segment, unless it is empty, and begins another. Rejects when the partition takes no records. */
  roll(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#state.status !== "open") reject(this.#state.refusal ?? this.#state.closedError());
      else this.#appender.roll((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  async empty(): Promise<void> {
    const end = this.nextOffset;
    await this.roll();
    await this.#whenSynced(end);
    await this.trimTo(end);
  }

  watch(watcher: PartitionWatcher): void {
    this.#watchers.add(watcher);
  }

  unwatch(watcher: PartitionWatcher): void {
    this.#watchers.remove(watcher);
  }

  sync(): Promise<void> {
    return this.#whenSynced(this.nextOffset);
  }

  #whenSynced(endOffset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const onDurable = (_token: number, error: PolylogError | undefined): void =>
        error === undefined ? resolve() : reject(error);
      this.whenDurable(endOffset, "synced", { onDurable }, 0);
      this.#appender.flush();
    });
  }

  /** Makes it read-only, as a failing disk would, because something that its records need did not become durable. */
  refuse(operation: string, cause: unknown): void {
    if (this.#state.status === "opening" || this.#state.status === "open")
      this.#endReadOnly(`${operation} failed: ${messageOf(cause)}`, cause);
  }

  #endReadOnly(reason: string, cause: unknown): void {
    this.#appender.end(this.#becomeReadOnly(reason, cause));
  }

  /** For `DiskSpace`. */
  onDiskFull(error: PolylogError): void {
    this.#state.setDiskFull(error);
    this.#appender.tellDrained();
    this.#pendingTotal.tellAll();
  }

  /** For `DiskSpace`. */
  onDiskRoom(): void {
    this.#state.setDiskFull(undefined);
    this.#appender.resume();
  }

  #becomeReadOnly(reason: string, cause: unknown): PolylogError {
    const error = this.#state.setReadOnly(reason, cause);
    if (this.status !== "closed") this.#watchers.tellHigh();
    return error;
  }

  /**
   * Compresses the oldest segment that can be and is not; undefined when there is none. Reading goes on meanwhile. Call it
   * again only when it has ended. Rejects with the system's error, and the segment stays as it was.
   */
  async compressNext(isEnding: () => boolean): Promise<CompressionReport | undefined> {
    const segment = this.#state.status === "open" ? nextToCompress(this.#segments) : undefined;
    return segment && compressSegment(this.#segments, segment, isEnding);
  }

  /** Takes over what of its log's configuration concerns it. */
  configure(config: LogConfig): void {
    const { sizeMax, recordsMax } = segmentBounds(config, isEphemeral(this.#options.log));
    this.#appender.segmentSizeMax = sizeMax;
    this.#appender.segmentRecordsMax = recordsMax;
  }

  /** Takes no more records, writes and syncs what it has, and closes its files. Rejects when that fails. */
  close(): Promise<void> {
    this.#appender.finish();
    this.#closing ??= this.#close(true);
    return this.#closing;
  }

  /** Closes without writing what is left: for a log that is deleted. Whoever waits gets PARTITION_CLOSED. */
  discard(): Promise<void> {
    this.#closing ??= this.#close(false);
    return this.#closing;
  }

  async #close(finish: boolean): Promise<void> {
    this.#state.stopAccepting();
    if (this.status === "opening" && this.#opening !== undefined) await this.#opening.catch(() => undefined);
    const wasOpen = this.#state.setClosed();
    let failure: unknown;
    if (wasOpen && finish) await this.sync().catch((error: unknown) => (failure = error));
    this.#state.refusal ??= this.#state.closedError();
    this.#appender.end(this.#state.refusal);
    await this.#appender.quiet();
    this.#options.space?.unwatch(this);
    await this.#trimmer.quiet();
    if (wasOpen && finish && failure === undefined) {
      await this.#producers.save(this.#tail.closedEnd);
      await this.#segments.cutZeros().catch(() => undefined); // The next start does.
      await this.#segments.writeIndex(this.#segments.active!);
    }
    await this.#segments.close();
    this.#tail.close();
    this.#watchers.tellHigh();
    this.#watchers.clear();
    if (failure !== undefined) throw failure;
  }
}
