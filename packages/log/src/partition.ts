/**
 * One partition of a log: records go in at the end and are read by offset or time. What it promises at which level is in
 * `durability.ts`; how bytes get to the file in `appender.ts`; what is done when it opens in `recovery.ts`.
 *
 *     opening ──open──▶ open ──close──▶ closed
 *         └────────────┴──▶ readOnly ──▶ closed      a write or sync failed, or its newest segment is damaged
 *
 * Producers with an id (`appendProduced`) may send a call again; what is known of them is in `producers/`. While the disk is
 * full it stays open and refuses records; see `disk/disk-space.ts`.
 *
 * Hot: `appendValue`, `appendTopicValue`, `appendFramed` and `whenDurable`; `partition.bench.ts` measures them.
 */

import type { PolylogError } from "@polylog/base/errors";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import { Appender, type AppenderOwner } from "./appender.ts";
import { genesisLink } from "./chain.ts";
import type { Chunk } from "./chunk.ts";
import type { DiskSpaceWatcher } from "./disk/disk-space.ts";
import type { Durability, DurabilityWaiter } from "./durability.ts";
import { logErrors } from "./errors.ts";
import { pendingBytesMax, segmentSizeMax, slabSizeMax, syncIntervalMs } from "./limits.ts";
import { type LogConfig, segmentBounds } from "./log-config.ts";
import { isEphemeral } from "./log-name.ts";
import type { PartitionOptions } from "./partition-options.ts";
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

/** Where the records of a call are. */
export interface Produced {
  readonly baseOffset: number;
  /** They were appended by an earlier call; nothing was appended now. */
  readonly duplicate: boolean;
}

export interface PartitionWatcher {
  /** The high watermark or the status changed. Called synchronously; must not throw. */
  onHighWatermark(partition: Partition): void;
  /** Records were trimmed. Called synchronously; must not throw. */
  onLowWatermark?(partition: Partition): void;
}

export type PartitionStatus = "opening" | "open" | "readOnly" | "closed";

export class Partition implements DiskSpaceWatcher {
  readonly number: number;
  /** How often no descriptor was left for its next segment. */
  stallCount = 0;
  /** What opening found; undefined before. */
  recovery: RecoveryReport | undefined;
  /** The first offset that somebody still needs: retention keeps it if the log says so. Undefined: nobody needs anything. */
  neededFrom: (() => number) | undefined;
  /** Bytes of segments that are beyond the limits of retention and needed, as of its last round. */
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
  #status: PartitionStatus = "opening";
  #accepting = false;
  #refusal: PolylogError | undefined;
  /** Set while the disk is full. */
  #diskFull: PolylogError | undefined;
  /** Replaced, never changed, so that whoever is being called may leave. */
  #watchers: readonly PartitionWatcher[] = [];
  #opening: Promise<RecoveryReport> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: PartitionOptions) {
    const { log, number, storage, directory, clock } = options;
    this.number = number;
    this.#options = options;
    this.#logger = (options.logger ?? silentLogger).child("log");
    this.#pendingBytesMax = options.pendingBytesMax ?? pendingBytesMax;
    this.#pendingTotal = options.pendingTotal ?? new PendingTotal();
    this.#diskFull = options.space?.error;
    this.#updateAccepting();
    this.#segments = new SegmentSet(storage, directory, { log, partition: number }, options.blockCache);
    this.#producers = new PartitionProducers(this.#segments, this.#logger, options.producersMax);
    this.#tail = new Tail(options.cache, number, options.epoch ?? 1, this.#pendingTotal);
    this.#reader = new SegmentReader(this.#segments);
    this.#trimmer = new Trimmer(this.#segments, (endOffset) => this.#whenSynced(endOffset));
    const owner: AppenderOwner = {
      onAdvanced: () => this.#tellWatchers(),
      onSegmentFull: () => this.#producers.save(this.#tail.closedEnd),
      onSegmentBegun: () => options.onSegmentBegun?.(),
      onFailed: (operation, cause) => this.#becomeReadOnly(`${operation} failed: ${messageOf(cause)}`, cause),
      onStalled: (cause) => this.#onStalled(cause),
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
    });
    options.space?.watch(this);
  }

  get status(): PartitionStatus {
    return this.#status;
  }

  /** Why it takes no records although it can be read: it is read-only, or the disk is full. */
  get error(): PolylogError | undefined {
    return this.#status === "readOnly" ? this.#refusal : this.#diskFull;
  }

  /** First offset kept. */
  get lowWatermark(): number {
    return this.#segments.lowWatermark;
  }

  /** Offsets trimmed since it was opened. */
  get trimmedCount(): number {
    return this.#trimmer.trimmedCount;
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

  /** Bytes of all segments. */
  get storedBytes(): number {
    return this.#segments.list.reduce((sum, segment) => sum + segment.size, 0);
  }

  /** Every offset below is written and can be read. */
  get highWatermark(): number {
    return this.#appender.highWatermark;
  }

  /** Every offset below survived `fdatasync`. */
  get syncedWatermark(): number {
    return this.#appender.syncedWatermark;
  }

  /** Offset that the next record gets. */
  get nextOffset(): number {
    return this.#tail.nextOffset;
  }

  /** Bytes appended and not yet written. */
  get pendingBytes(): number {
    return this.#tail.pendingBytes;
  }

  /** Bytes that may be appended until it is saturated. */
  get room(): number {
    const { bytes, sizeMax } = this.#pendingTotal;
    return Math.max(0, Math.min(this.#pendingBytesMax - this.#tail.pendingBytes, sizeMax - bytes));
  }

  /** True when the next append throws APPEND_QUEUE_FULL; see `whenDrained`. One append may pass the bound. */
  get saturated(): boolean {
    return this.#accepting && (this.#tail.pendingBytes >= this.#pendingBytesMax || this.#pendingTotal.saturated);
  }

  /** Recovers what is there; see `recovery.ts`. Rejects, and the partition is then read-only, when a file fails. */
  open(): Promise<RecoveryReport> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<RecoveryReport> {
    const { clock, expect } = this.#options;
    if (this.#status !== "opening") throw this.#refusal ?? this.#closedError();
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
    if (this.#status !== "opening") return;
    if (report.refusal !== undefined) {
      this.#endReadOnly(report.refusal.message, report.refusal);
      return;
    }
    this.#status = "open";
    this.#updateAccepting();
    this.#tellWatchers();
    this.#appender.flush();
  }

  /** Adds one record and returns its offset. Throws PARTITION_READ_ONLY, PARTITION_CLOSED, DISK_FULL, APPEND_QUEUE_FULL,
   * RECORD_TOO_LARGE, RECORD_INVALID; nothing is added then. All bytes are copied. */
  append(fields: RecordFields): number {
    if (!this.#accepting || this.saturated) throw this.#whyRefused();
    return this.#tail.append(fields, this.#appender.turnMs());
  }

  /** As `append` for a value alone, `bytes[start, end)`. */
  appendValue(bytes: Uint8Array, start: number, end: number): number {
    if (!this.#accepting || this.saturated) throw this.#whyRefused();
    return this.#tail.appendValue(bytes, start, end, this.#appender.turnMs());
  }

  /** As `append` for a value and the MQTT topic it was published under. */
  appendTopicValue(topic: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    if (!this.#accepting || this.saturated) throw this.#whyRefused();
    return this.#tail.appendTopicValue(topic, bytes, start, end, this.#appender.turnMs());
  }

  /** Adds the `count` values framed as `[u32 BE size][value]` in `bytes[start, end)`, `gap` other bytes between two of
   * them; returns the first one's offset. All or nothing; throws FRAMES_INVALID besides what `append` throws. */
  appendFramed(bytes: Uint8Array, start: number, end: number, count: number, gap = 0): number {
    if (!this.#accepting || this.saturated) throw this.#whyRefused();
    return this.#tail.appendFramed(bytes, start, end, count, gap, this.#appender.turnMs());
  }

  /**
   * Adds the records of one call of a producer with an id, as one batch; all or nothing. A call that was taken before
   * adds nothing and tells where its records are: wait for them with `whenDurable` all the same. Throws what
   * `ProducerTable.find` and `encodeProducedBatch` throw, besides what `append` throws.
   */
  appendProduced(stamp: ProducerStamp, records: readonly RecordFields[]): Produced {
    if (!this.#accepting) throw this.#whyRefused();
    const known = this.#producers.find(stamp, records.length);
    if (known !== undefined) return { baseOffset: known, duplicate: true };
    if (this.saturated) throw this.#whyRefused();
    const baseOffset = this.#tail.appendProduced(encodeProducedBatch(stamp, records), this.#appender.turnMs());
    this.#producers.add(stamp, baseOffset, records.length);
    return { baseOffset, duplicate: false };
  }

  /** Highest epoch of the producers that wrote to it; -1: none did, or it is not open. */
  get producerEpochMax(): number {
    return this.#producers.epochMax;
  }

  #whyRefused(): PolylogError {
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.#diskFull !== undefined) return this.#diskFull;
    const subject = { log: this.#options.log, partition: this.number };
    if (!this.#accepting) return logErrors.PARTITION_CLOSED({ ...subject, status: this.#status });
    const pendingBytes = this.#pendingTotal.saturated ? this.#pendingTotal.bytes : this.pendingBytes;
    return logErrors.APPEND_QUEUE_FULL({ ...subject, pendingBytes });
  }

  /**
   * Calls `waiter.onDurable(token, …)` once every offset below `endOffset`, which must not be above `nextOffset`, reached
   * `level`; before returning, if it already has. Waiters of a level hear in the order in which they came.
   */
  whenDurable(endOffset: number, level: Durability, waiter: DurabilityWaiter, token: number): void {
    this.#appender.whenDurable(endOffset, level, waiter, token);
  }

  /** Writes what was appended now, instead of at the end of the turn. */
  flush(): void {
    this.#appender.flush();
  }

  /**
   * Calls `listener` once when the bound that was reached, the partition's or the store's, is half free, at once if it is; also
   * when records are refused for another reason. Ask `saturated` again then.
   */
  whenDrained(listener: () => void): void {
    if (!this.#accepting) listener();
    else if (this.#pendingTotal.saturated) this.#pendingTotal.whenDrained(listener);
    else this.#appender.whenDrained(listener);
  }

  /** Batches in memory from the one with `offset` on; undefined when they must be read, or are not written yet. */
  cachedChunk(offset: number): Chunk | undefined {
    if (offset < this.#segments.lowWatermark) return undefined;
    return this.#tail.chunkAt(offset, slabSizeMax);
  }

  /**
   * Whole batches from the one with `offset` on, about `bytesMax` and at least one; undefined at the end. Rejects with
   * OFFSET_OUT_OF_RANGE, CORRUPT_BATCH, PARTITION_CLOSED, or the system's error when the file cannot be read.
   */
  async readChunk(offset: number, bytesMax: number): Promise<Chunk | undefined> {
    if (this.#status === "closed") throw this.#closedError();
    const low = this.lowWatermark;
    if (!(offset >= low && offset <= this.nextOffset))
      throw logErrors.OFFSET_OUT_OF_RANGE({ offset, low, high: this.highWatermark });
    if (offset >= this.highWatermark) return undefined;
    return this.#tail.chunkAt(offset, bytesMax) ?? (await this.#reader.read(offset, bytesMax));
  }

  /** First offset whose timestamp is not before `timestampMs`; the high watermark when there is none. */
  async offsetAt(timestampMs: number): Promise<number> {
    if (this.#status === "closed") throw this.#closedError();
    const offset = await this.#reader.offsetAt(timestampMs, (from) => this.readChunk(from, slabSizeMax));
    return offset ?? this.highWatermark;
  }

  /**
   * Removes the records below `offset`, for good when this resolves. Nobody begins to read them once it has been called;
   * the disk gets back the segments that lie below it as a whole. `offset` is at most the high watermark; one that is not above
   * the low watermark removes what an earlier call could not. Rejects with OFFSET_OUT_OF_RANGE, PARTITION_READ_ONLY,
   * PARTITION_CLOSED, or the system's error, and then the files go with a later call or the next start.
   */
  async trimTo(offset: number): Promise<void> {
    if (this.#status !== "open") throw this.#refusal ?? this.#closedError();
    const { lowWatermark: low, highWatermark: high } = this;
    if (!(Number.isInteger(offset) && offset >= 0 && offset <= high))
      throw logErrors.OFFSET_OUT_OF_RANGE({ offset, low, high });
    if (this.#trimmer.raise(offset)) for (const watcher of this.#watchers) watcher.onLowWatermark?.(this);
    await this.#trimmer.carryOut();
  }

  /** Seals the newest segment, unless it is empty, and begins another. Rejects when the partition takes no records. */
  roll(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#status !== "open") reject(this.#refusal ?? this.#closedError());
      else this.#appender.roll((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /**
   * Removes every record appended so far; what is appended meanwhile stays. The disk gets back all but what was waiting to be
   * written, which may share a segment with what comes. Rejects as `trimTo`.
   */
  async empty(): Promise<void> {
    const end = this.nextOffset;
    await this.roll();
    await this.#whenSynced(end);
    await this.trimTo(end);
  }

  /** Has `watcher` called after each change, until `unwatch`. */
  watch(watcher: PartitionWatcher): void {
    this.#watchers = [...this.#watchers, watcher];
  }

  unwatch(watcher: PartitionWatcher): void {
    this.#watchers = this.#watchers.filter((each) => each !== watcher);
  }

  #tellWatchers(): void {
    const watchers = this.#watchers;
    for (let i = 0; i < watchers.length; i++) watchers[i]!.onHighWatermark(this);
  }

  /** Resolves when everything appended so far is synced. */
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
    if (this.#status === "opening" || this.#status === "open")
      this.#endReadOnly(`${operation} failed: ${messageOf(cause)}`, cause);
  }

  #endReadOnly(reason: string, cause: unknown): void {
    this.#appender.end(this.#becomeReadOnly(reason, cause));
  }

  /** For `DiskSpace`. */
  onDiskFull(error: PolylogError): void {
    this.#diskFull = error;
    this.#updateAccepting();
    this.#appender.tellDrained();
    this.#pendingTotal.tellAll();
  }

  /** For `DiskSpace`. */
  onDiskRoom(): void {
    this.#diskFull = undefined;
    this.#updateAccepting();
    this.#appender.resume();
  }

  #onStalled(error: unknown): void {
    this.stallCount++;
    this.#logger.warn("no descriptor is left for the next segment; records wait", {
      log: this.#options.log,
      partition: this.number,
      error,
    });
  }

  #updateAccepting(): void {
    const takes = this.#status === "open" || (this.#status === "opening" && this.#options.expect === "new");
    this.#accepting = takes && this.#diskFull === undefined;
  }

  #becomeReadOnly(reason: string, cause: unknown): PolylogError {
    const partition = this.number;
    const error = logErrors.PARTITION_READ_ONLY({ log: this.#options.log, partition, reason }, cause);
    this.#refusal = error;
    this.#accepting = false;
    if (this.#status !== "closed") {
      this.#status = "readOnly";
      this.#logger.error("partition is read-only", { log: this.#options.log, partition, error });
      this.#tellWatchers();
    }
    return error;
  }

  /**
   * Compresses the oldest segment that can be and is not; undefined when there is none. Reading goes on meanwhile. Call it
   * again only when it has ended. Rejects with the system's error, and the segment stays as it was.
   */
  async compressNext(isEnding: () => boolean): Promise<CompressionReport | undefined> {
    const segment = this.#status === "open" ? nextToCompress(this.#segments) : undefined;
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
    this.#accepting = false;
    if (this.#status === "opening" && this.#opening !== undefined) await this.#opening.catch(() => undefined);
    this.#accepting = false;
    const wasOpen = this.#status === "open";
    this.#status = "closed";
    let failure: unknown;
    if (wasOpen && finish) await this.sync().catch((error: unknown) => (failure = error));
    this.#refusal ??= this.#closedError();
    this.#appender.end(this.#refusal);
    await this.#appender.quiet();
    this.#options.space?.unwatch(this);
    await this.#trimmer.quiet();
    if (wasOpen && finish && failure === undefined) {
      await this.#producers.save(this.#tail.closedEnd);
      await this.#segments.writeIndex(this.#segments.active!);
    }
    await this.#segments.close();
    this.#tail.close();
    this.#tellWatchers();
    this.#watchers = [];
    if (failure !== undefined) throw failure;
  }

  #closedError(): PolylogError {
    return logErrors.PARTITION_CLOSED({ log: this.#options.log, partition: this.number, status: this.#status });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
