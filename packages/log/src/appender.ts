/**
 * Brings what was appended to the newest segment, and tells who waits for it.
 *
 *     append ─▶ Tail ──end of turn──▶ one write of all closed batches ──▶ highWatermark, `written` waiters, watchers
 *                                     one fdatasync for all who wait ───▶ syncedWatermark, `synced` waiters
 *
 * - While one write runs, new batches form; they go out together in the next one. While one sync runs, writes go on, and
 *   whoever they are for shares the next sync. Nobody waiting for a sync, one follows within `syncIntervalMs`.
 * - A write that completes before the call returns does not start another one in the same turn for what its waiters
 *   append: a producer that always answers an acknowledgement with a record leaves the loop free in between.
 * - A segment that is full is synced, and sealed with a synced footer, before the next one is begun; batches wait meanwhile.
 * - A segment that is synced often may have zeros behind its end (`zero-ahead.ts`). Over these, batches are written one by one,
 *   each when the one before is synced; what is appended meanwhile stays in the open batch.
 * - A write or sync that fails ends it: nothing is tried again, every waiter is told, what was not written is dropped.
 * - Not so a shortage (`disk/shortage.ts`), which promised nothing and passes. Without a descriptor for the next segment,
 *   batches and waiters wait, and it is begun again after a pause. Without room on the disk every waiter is told, and the
 *   batches wait until there is room: an error says that a record was not acknowledged, not that it is not stored. What a
 *   write left in part is cut off, and that synced, before it is written again, so no crash leaves it behind other bytes.
 *
 *     waiting ──start──▶ idle ◀──▶ writing ──▶ stalled          ended: after a failure, or closed
 *                        │ ▲                    ▲ │             zeroing: zeros are being written or cut off
 *                        │ └────────────────────┼─┘ room, or after a pause
 *                        ├──────▶ rolling ──────┤ ──▶ idle
 *                        └──────▶ zeroing ──────┘ ──▶ idle
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { DiskSpace } from "./disk/disk-space.ts";
import type { DiskTimings } from "./disk/disk-timings.ts";
import { shortageOf } from "./disk/shortage.ts";
import type { Durability, DurabilityWaiter } from "./durability.ts";
import { logErrors } from "./errors.ts";
import { beginRetryMsMax, beginRetryMsMin, writeSizeMax } from "./limits.ts";
import type { PendingTotal } from "./pending-total.ts";
import { segmentFooterSize } from "./segment-footer.ts";
import type { SegmentSet } from "./segment-set.ts";
import type { TailRun } from "./slab.ts";
import { FullWrite, type FullWriteListener, syncFile } from "./storage/full-write.ts";
import type { SyncListener } from "./storage/storage.ts";
import type { Tail } from "./tail.ts";
import { WaiterRing } from "./waiter-ring.ts";
import { ZeroAhead, type ZeroAheadOptions } from "./zero-ahead.ts";

export interface AppenderOptions {
  readonly tail: Tail;
  readonly segments: SegmentSet;
  readonly clock: Clock;
  readonly segmentSizeMax: number;
  readonly syncIntervalMs: number;
  readonly pendingBytesMax: number;
  readonly pendingTotal: PendingTotal;
  /** Without it, a write that has no room is a failure like any other. */
  readonly space: DiskSpace | undefined;
  readonly timings: DiskTimings | undefined;
  readonly zeroAhead: ZeroAheadOptions;
}

export interface AppenderOwner {
  /** The high watermark advanced. */
  onAdvanced(): void;
  /** The segment that takes batches is full; the next one is begun when this resolves. */
  onSegmentFull(): Promise<void>;
  /** A segment is sealed and the next one begun. */
  onSegmentBegun(): void;
  /** A write or sync failed, before any waiter is told. Answers with the error that they get. */
  onFailed(operation: string, cause: unknown): PolylogError;
  /** No descriptor is left for the next segment; it is tried again and again. Called once until it was begun. */
  onStalled(cause: unknown): void;
}

export class Appender implements FullWriteListener, SyncListener {
  /** Every offset below is written and can be read. */
  highWatermark = 0;
  /** Every offset below survived `fdatasync`. */
  syncedWatermark = 0;
  /** A segment is closed before it would grow beyond this many bytes … */
  segmentSizeMax: number;
  /** … and when it has this many records. */
  segmentRecordsMax = Number.POSITIVE_INFINITY;

  readonly #owner: AppenderOwner;
  readonly #options: AppenderOptions;
  readonly #tail: Tail;
  readonly #segments: SegmentSet;
  readonly #clock: Clock;
  readonly #write: FullWrite = new FullWrite(this);
  readonly #writtenWaiters = new WaiterRing();
  readonly #syncedWaiters = new WaiterRing();
  readonly #zeros: ZeroAhead;
  #drainListeners: (() => void)[] = [];
  /** Who waits for the next segment. */
  #rollListeners: ((error: PolylogError | undefined) => void)[] = [];

  #status: "waiting" | "idle" | "writing" | "rolling" | "zeroing" | "stalled" | "ended" = "waiting";
  /** A shortage is a failure now: there is no time to wait for its end. */
  #finishing = false;
  /** How long to wait before the next try at a segment; 0: the last one was begun. */
  #retryMs = 0;
  #retryTimer: Timer | undefined;
  #error: PolylogError | undefined;
  #writeStartMs = 0;
  #syncStartMs = 0;
  /** The batches being written. */
  #run: TailRun | undefined;
  #syncing = false;
  #syncTarget = 0;
  #syncTimer: Timer | undefined;
  /** A segment is being begun, or cut. */
  #creating = false;
  #flushing = false;
  #whenQuiet: (() => void) | undefined;

  /** Time of the turn under way; read once per turn. */
  #turnMs = 0;
  #turnEndScheduled = false;
  readonly #onTurnEnd = (): void => {
    this.#turnEndScheduled = false;
    this.flush();
  };

  constructor(owner: AppenderOwner, options: AppenderOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#tail = options.tail;
    this.#segments = options.segments;
    this.#clock = options.clock;
    this.segmentSizeMax = options.segmentSizeMax;
    this.#zeros = new ZeroAhead(options.zeroAhead, () => this.#onZeroed());
  }

  /** The segments are there; what they hold ends before `nextOffset` and is synced. */
  start(nextOffset: number): void {
    this.highWatermark = nextOffset;
    this.syncedWatermark = nextOffset;
    if (this.#status === "waiting") this.#status = "idle";
  }

  /** The wall clock in this turn, and a promise to write at its end. For whoever is about to append. */
  turnMs(): number {
    if (!this.#turnEndScheduled) {
      this.#turnEndScheduled = true;
      this.#turnMs = this.#clock.nowMs();
      this.#clock.atTurnEnd(this.#onTurnEnd);
    }
    return this.#turnMs;
  }

  whenDurable(endOffset: number, level: Durability, waiter: DurabilityWaiter, token: number): void {
    if (level === "memory" || endOffset <= (level === "written" ? this.highWatermark : this.syncedWatermark)) {
      waiter.onDurable(token, undefined);
      return;
    }
    if (this.#error !== undefined) {
      waiter.onDurable(token, this.#error);
      return;
    }
    const high = this.#tail.nextOffset;
    if (endOffset > high) throw logErrors.OFFSET_OUT_OF_RANGE({ offset: endOffset, low: 0, high });
    (level === "written" ? this.#writtenWaiters : this.#syncedWaiters).push(endOffset, waiter, token);
    this.turnMs();
  }

  whenDrained(listener: () => void): void {
    if (this.#isDrained()) listener();
    else this.#drainListeners.push(listener);
  }

  #isDrained(): boolean {
    return this.#tail.pendingBytes < this.#options.pendingBytesMax / 2;
  }

  /** Starts writing what was appended until now, and syncing for who waits. Otherwise done at the end of the turn. */
  flush(): void {
    this.#flush();
    this.#syncIfWanted();
  }

  #flush(): void {
    if (this.#status !== "idle" || this.#waitsForSync()) return;
    this.#flushing = true;
    this.#tail.seal();
    const target = this.#tail.nextOffset;
    while (this.#status === "idle" && this.highWatermark < target && !this.#waitsForSync()) this.#writeRun();
    this.#flushing = false;
    this.#rollIfAsked();
  }

  /** Over zeros, a batch is written when all in front of it is synced. */
  #waitsForSync(): boolean {
    return this.#segments.active!.zeroEnd > 0 && (this.#syncing || this.syncedWatermark < this.highWatermark);
  }

  /** Goes on in a new segment as soon as what is being written is. `listener` hears when it is begun, or that this one is empty. */
  roll(listener: (error: PolylogError | undefined) => void): void {
    if (this.#status === "ended") listener(this.#error);
    else this.#rollListeners.push(listener);
    this.#flush();
  }

  #rollIfAsked(): void {
    if (this.#status !== "idle" || this.#rollListeners.length === 0) return;
    if (this.#segments.active!.isEmpty) this.#tellRolled(undefined);
    else this.#roll();
  }

  #tellRolled(error: PolylogError | undefined): void {
    const listeners = this.#rollListeners;
    this.#rollListeners = [];
    for (const listener of listeners) listener(error);
  }

  #writeRun(): void {
    const segment = this.#segments.active!;
    const room = this.segmentSizeMax - segmentFooterSize - segment.size;
    const firstSize = this.#tail.firstWaitingSize();
    const isFull = firstSize > room || segment.offsetNext - segment.baseOffset >= this.segmentRecordsMax;
    if (segment.sealed || ((isFull || this.#rollListeners.length > 0) && !segment.isEmpty)) {
      this.#roll();
      return;
    }
    const overZeros = segment.zeroEnd > 0;
    if (overZeros && !this.#mayWriteOverZeros()) {
      this.#zeros.leave(segment);
      void this.#cut("zeroing", () => this.#segments.cutZeros());
      return;
    }
    this.#status = "writing";
    const run = this.#tail.takeRun(
      overZeros ? firstSize : Math.max(firstSize, Math.min(writeSizeMax, room)),
      segment.index!.wantedFrom - segment.size,
    );
    this.#run = run;
    if (this.#options.timings !== undefined) this.#writeStartMs = this.#clock.monotonicMs();
    this.#write.start(segment.file!, run.buffers, segment.size);
  }

  #mayWriteOverZeros(): boolean {
    const isForSyncs = this.#syncedWaiters.size > 0 && this.#writtenWaiters.size === 0;
    return isForSyncs && !this.#zeros.isBehind(this.#tail.pendingBytes);
  }

  onAllWritten(error: Error | undefined): void {
    const run = this.#run!;
    this.#run = undefined;
    this.#options.timings?.write.record((this.#clock.monotonicMs() - this.#writeStartMs) / 1000);
    if (this.#status === "writing") {
      if (error === undefined) this.#onRunWritten(run);
      else this.#failOrStall("a write", error);
    }
    this.#tellQuiet();
  }

  #onRunWritten(run: TailRun): void {
    const segment = this.#segments.active!;
    for (const mark of run.marks) segment.index!.add(mark.offset, segment.size + mark.position, mark.timestampMs);
    segment.size += run.size;
    segment.batchCount += run.batches;
    segment.offsetNext = run.offsetNext;
    segment.timestampLast = run.timestampLast;
    this.#tail.markWritten(run);
    this.highWatermark = run.offsetNext;
    this.#status = "idle";
    if (segment.zeroEnd > 0) this.#zeros.countBatch(this.#tail.firstWaitingSize() > 0);
    this.#syncIfWanted();
    this.#writtenWaiters.settle(this.highWatermark);
    this.#owner.onAdvanced();
    this.#options.space?.wrote(run.size, this.#options.pendingTotal.bytes);
    this.#options.pendingTotal.tell();
    if (this.#drainListeners.length > 0 && this.#isDrained()) this.tellDrained();
    if (!this.#flushing) this.#flush();
  }

  /** Starts a sync if somebody waits for one who is written; else sees to it that one follows. */
  #syncIfWanted(): void {
    if (this.#syncing || this.highWatermark === this.syncedWatermark) return;
    if (!this.#maySync()) return;
    const isWanted = this.#syncedWaiters.firstEndOffset <= this.highWatermark || this.#segments.active!.zeroEnd > 0;
    if (isWanted) this.#startSync();
    else this.#syncTimer ??= this.#clock.setTimer(this.#onSyncTimer, this.#options.syncIntervalMs);
  }

  readonly #onSyncTimer = (): void => {
    this.#syncTimer = undefined;
    if (!this.#syncing && this.#maySync()) this.#startSync();
  };

  #maySync(): boolean {
    return this.#status !== "waiting" && this.#status !== "rolling" && this.#status !== "ended";
  }

  #startSync(): void {
    this.#clock.clearTimer(this.#syncTimer);
    this.#syncTimer = undefined;
    this.#syncing = true;
    this.#syncTarget = this.highWatermark;
    if (this.#options.timings !== undefined) this.#syncStartMs = this.#clock.monotonicMs();
    this.#segments.active!.file!.sync(this);
  }

  onSynced(error: Error | undefined): void {
    this.#syncing = false;
    this.#options.timings?.sync.record((this.#clock.monotonicMs() - this.#syncStartMs) / 1000);
    if (this.#status !== "ended") {
      if (error === undefined) this.#onSegmentSynced();
      else this.#fail("a sync", error);
    }
    this.#tellQuiet();
  }

  #onSegmentSynced(): void {
    this.syncedWatermark = this.#syncTarget;
    const segment = this.#segments.active!;
    const wasOverZeros = segment.zeroEnd > 0;
    if (segment.zeroEnd <= segment.size && this.syncedWatermark === this.highWatermark) segment.zeroEnd = 0; // Used up.
    if (this.#syncedWaiters.firstEndOffset <= this.syncedWatermark) this.#zeros.countSync(segment);
    this.#syncedWaiters.settle(this.syncedWatermark);
    if (this.#status === "rolling") this.#roll();
    else {
      this.#zeroAhead();
      if (wasOverZeros) this.flush();
      else this.#syncIfWanted();
    }
  }

  #zeroAhead(): void {
    const { space, pendingTotal } = this.#options;
    if (this.#status !== "idle" || this.#finishing || space?.error !== undefined) return;
    const segment = this.#segments.active!;
    const { size, zeroEnd } = segment;
    const end = this.#zeros.stepEnd(segment, this.segmentSizeMax);
    if (end === undefined) return;
    this.#status = "zeroing";
    space?.wrote(end - Math.max(size, zeroEnd), pendingTotal.bytes);
    this.#zeros.fill(segment, end);
  }

  #onZeroed(): void {
    if (this.#status === "zeroing") {
      this.#status = "idle";
      this.flush();
    }
    this.#tellQuiet();
  }

  /** Syncs the segment, as often as it takes, seals it, and begins the next one. */
  #roll(): void {
    this.#status = "rolling";
    if (this.#syncing || this.#creating) return;
    if (this.syncedWatermark < this.highWatermark) this.#startSync();
    else void this.#beginSegment();
  }

  async #beginSegment(): Promise<void> {
    this.#creating = true;
    let failure: unknown;
    try {
      const link = this.#tail.linkToWritten();
      if (!this.#segments.active!.sealed) {
        await this.#owner.onSegmentFull();
        await this.#segments.writeIndex(this.#segments.active!);
        await this.#segments.seal(this.#tail.epoch, link);
      }
      await this.#segments.create(this.highWatermark, this.#clock.nowMs(), link);
    } catch (error) {
      failure = error ?? new Error("unknown");
    }
    this.#creating = false;
    if (this.#status === "rolling") {
      if (failure === undefined) {
        this.#status = "idle";
        this.#retryMs = 0;
        this.#tellRolled(undefined);
        this.#owner.onSegmentBegun();
        this.#flush();
      } else this.#failOrStall("beginning a segment", failure);
    }
    this.#tellQuiet();
  }

  #failOrStall(operation: string, cause: unknown): void {
    const shortage = this.#finishing ? undefined : shortageOf(cause);
    const { space } = this.#options;
    if (shortage === "descriptors") this.#stallForDescriptors(cause);
    else if (shortage === "space" && space !== undefined) this.#stallForRoom(space, cause);
    else this.#fail(operation, cause);
  }

  #stallForDescriptors(cause: unknown): void {
    this.#status = "stalled";
    if (this.#retryMs === 0) this.#owner.onStalled(cause);
    this.#retryMs = Math.min(beginRetryMsMax, Math.max(beginRetryMsMin, this.#retryMs * 2));
    this.#retryTimer = this.#clock.setTimer(() => this.resume(), this.#retryMs);
  }

  #stallForRoom(space: DiskSpace, cause: unknown): void {
    this.#status = "stalled";
    const error = space.onNoRoom(cause);
    this.#writtenWaiters.fail(error);
    this.#syncedWaiters.fail(error);
    this.#syncIfWanted();
  }

  /** Goes on if it is stalled: there may be room now. */
  resume(): void {
    this.#clock.clearTimer(this.#retryTimer);
    this.#retryTimer = undefined;
    if (this.#status === "stalled" && !this.#creating) void this.#cut("stalled", () => this.#mend());
  }

  /** Cuts off what a write may have left behind the last whole run. */
  async #mend(): Promise<void> {
    const segment = this.#segments.active!;
    if (segment.sealed) return;
    await segment.file!.truncate(segment.size);
    segment.zeroEnd = 0;
    await syncFile(segment.file!);
  }

  /** Cuts something off the segment, and goes on. */
  async #cut(status: "stalled" | "zeroing", cut: () => Promise<void>): Promise<void> {
    this.#status = status;
    this.#creating = true;
    let failure: unknown;
    try {
      await cut();
    } catch (error) {
      failure = error ?? new Error("unknown");
    }
    this.#creating = false;
    if (this.#status === status) {
      if (failure === undefined) {
        this.#status = "idle";
        this.flush();
      } else this.#fail("cutting off the end of a segment", failure);
    }
    this.#tellQuiet();
  }

  /** Waits for no shortage any more: what can be written now is, the rest fails. */
  finish(): void {
    this.#finishing = true;
    this.resume();
  }

  #fail(operation: string, cause: unknown): void {
    this.end(this.#owner.onFailed(operation, cause));
  }

  /** Gives up what is not written, tells every waiter `error`, and does nothing any more. */
  end(error: PolylogError): void {
    this.#error ??= error;
    this.#status = "ended";
    this.#clock.clearTimer(this.#syncTimer);
    this.#syncTimer = undefined;
    this.#clock.clearTimer(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#tail.dropWaiting();
    this.#writtenWaiters.settle(this.highWatermark);
    this.#syncedWaiters.settle(this.syncedWatermark);
    this.#writtenWaiters.fail(this.#error);
    this.#syncedWaiters.fail(this.#error);
    this.tellDrained();
    this.#options.pendingTotal.tell();
    this.#tellRolled(this.#error);
    this.#tellQuiet();
  }

  /** Tells those who wait in `whenDrained`: they must look again. */
  tellDrained(): void {
    const listeners = this.#drainListeners;
    this.#drainListeners = [];
    for (const listener of listeners) listener();
  }

  /** Resolves when no call to the files is under way. After `end`, none follows. */
  async quiet(): Promise<void> {
    while (!this.#isQuiet())
      await new Promise<void>((resolve) => {
        this.#whenQuiet = resolve;
      });
  }

  #isQuiet(): boolean {
    return this.#run === undefined && !this.#syncing && !this.#creating && !this.#zeros.filling;
  }

  #tellQuiet(): void {
    if (this.#whenQuiet === undefined || !this.#isQuiet()) return;
    const whenQuiet = this.#whenQuiet;
    this.#whenQuiet = undefined;
    whenQuiet();
  }
}
