/**
 * Messages to be published later, each at a time of its own: durable, and for nobody else to see. One partition beside the
 * logs, with one channel, whose deferral is what waits; nothing is kept in memory but 23 bytes per message.
 *
 *     append(fields, due) ─▶ partition ─▶ channel: deferred ─▶ due ─▶ onDue ─ durable ─▶ finished
 *                                            ▲                 └▶ refused: again after a while
 *                                            └── not due yet: deferred again, or appended again at the end
 *
 * A record waits at most `deferredHopMs` at a time. Where it is asked then, most of the partition may be finished: such a
 * record is moved to the end, so that the disk follows what waits and not what was sent (`#isSparse`).
 *
 * At least once: what was finished less than 100 ms before a crash comes again, and so does a record that was being moved.
 * Its due time is in its first header, `polylog-due`: ms since 1970 as text.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import {
  type Durability,
  type DurabilityWaiter,
  decodeHeaders,
  type Partition,
  type RecordCursor,
  type RecordFields,
  type StateStore,
} from "@polylog/log";
import { type DiskSpace, EmbeddedPartition, type Storage, TailCache } from "@polylog/log/embedded";
import { Channel, type ChannelSettings } from "../channels/channel.ts";
import type { ChannelConsumer } from "../channels/channel-consumer.ts";
import { ChannelStore } from "../channels/channel-store.ts";
import { brokerErrors } from "../errors.ts";
import {
  deferredCacheSizeMax,
  deferredHopMs,
  deferredInFlightMax,
  deferredQuickRetries,
  deferredRetryMs,
  deferredRetryMsMax,
  deferredSegmentSizeMax,
  deferredSparseBytesMin,
  deferredTimeoutMs,
  deferredTrimIntervalMs,
  deferredTurnsMax,
} from "../limits.ts";
import { dueHeader, readWaiting, type WaitingRecord } from "./read-waiting.ts";
import { StateBelow } from "./state-below.ts";
import { deferredLogName, deferredStatePrefix } from "./verify-deferred.ts";

export interface DeferredQueueOptions {
  /** Where the partition lives: a directory of its own. */
  readonly storage: Storage;
  /** Open before the queue opens, until it is closed. */
  readonly state: StateStore;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Level of acknowledgements. Default `written`. */
  readonly durability?: Durability;
  readonly syncIntervalMs?: number;
  /** Without it a full disk makes the queue read-only. */
  readonly space?: DiskSpace;
}

/**
 * A record is due. It lends its bytes until this returns. True: what it asks for is done and durable; false: `waiter` hears
 * with `token`. What is thrown, or told as an error, is said in the log, and the record comes again.
 */
export type OnDue = (record: RecordCursor, waiter: DurabilityWaiter, token: number) => boolean;

const settings: ChannelSettings = { maxAttempts: 0, ordered: false, deadLetterExpired: false };
const names = { logName: deferredLogName, name: "due" };

export class DeferredQueue implements DurabilityWaiter {
  /** Messages that may wait. */
  messagesMax = Number.POSITIVE_INFINITY;
  readonly durability: Durability;
  readonly #options: DeferredQueueOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #partition: EmbeddedPartition;
  readonly #store: ChannelStore;
  readonly #channel: Channel;
  #consumer!: ChannelConsumer;
  #onDue: OnDue = () => true;
  #isFailing = false;
  #trimTimer: Timer | undefined;

  constructor(options: DeferredQueueOptions) {
    const { storage, state, clock, durability = "written", syncIntervalMs, space } = options;
    this.#options = options;
    this.#clock = clock;
    this.#logger = (options.logger ?? silentLogger).child("deferred");
    this.durability = durability;
    const [log, logger] = [names.logName, this.#logger];
    this.#partition = new EmbeddedPartition({
      ...(syncIntervalMs !== undefined && { syncIntervalMs }),
      ...(space !== undefined && { space }),
      ...{ storage, clock, log, logger, number: 0, directory: "0" },
      segmentSizeMax: deferredSegmentSizeMax,
      cache: new TailCache(deferredCacheSizeMax),
    });
    this.#store = new ChannelStore(new StateBelow(state, deferredStatePrefix), clock, (error) =>
      logger.error("progress of deferred messages could not be saved", { error }),
    );
    this.#channel = new Channel({
      ...names,
      clock,
      partitions: [this.#partition],
      logPaused: () => false,
      ttlMs: () => 0,
      keptFrom: () => 0,
      onDirty: (channel) => this.#store.markDirty(channel),
      deadLetters: { append: () => true },
      onDeadLetterFailure: () => undefined,
      onUnreadable: (_channel, _partition, offset, error) =>
        logger.error("a deferred message cannot be read; those behind it wait for the next start", { offset, error }),
      onDropped: (_channel, count) => logger.error("deferred messages are lost", { count }),
    });
  }

  /** For what waits to be written, and back-pressure. */
  get partition(): Partition {
    return this.#partition;
  }

  /** Messages that wait, those that are being published included. */
  get count(): number {
    const { nextOffset, highWatermark } = this.#partition;
    const { depth, inFlightCount, deferredCount } = this.#channel;
    return nextOffset - highWatermark + depth + inFlightCount + deferredCount;
  }

  /** Rejects with what opening a partition or the state store rejects with. */
  async open(onDue: OnDue): Promise<void> {
    this.#onDue = onDue;
    await this.#options.storage.makeDirectory("0");
    const partition = this.#partition;
    await partition.open();
    const saved = { ...names, paused: false, settings };
    const kept = { low: partition.lowWatermark, high: partition.highWatermark };
    const loaded = await this.#store.loadWindow(saved, 0, kept);
    if (loaded === undefined) this.#channel.startAt([kept.low]);
    else this.#channel.restore(saved, [loaded.window]);
    partition.watch({ onHighWatermark: () => this.#channel.wake() });
    const sink = { onRecord: (record: RecordCursor) => this.#onRecord(record), onChannelClosed: () => undefined };
    this.#consumer = this.#channel.addConsumer(sink, deferredTimeoutMs, deferredTimeoutMs);
    this.#channel.setReady(this.#consumer, deferredInFlightMax);
    this.#trimLater();
  }

  /** Nothing is published any more; what waits is kept. */
  async close(): Promise<void> {
    this.#clock.clearTimer(this.#trimTimer);
    this.#channel.close(false);
    await this.#store.flush();
    await this.#partition.close();
  }

  /**
   * Keeps a record until `dueMs`, wall-clock ms. True: acknowledge now; false: `waiter` hears with `token`. Throws
   * DEFERRED_LIMIT and what `Partition.append` throws; nothing is kept then.
   */
  append(fields: RecordFields, dueMs: number, waiter: DurabilityWaiter | undefined, token: number): boolean {
    const { messagesMax: limit } = this;
    if (this.count >= limit) throw brokerErrors.DEFERRED_LIMIT({ limit });
    return this.#append(fields, dueMs, waiter, token);
  }

  /** What waits, in the order in which it came or was moved, from the first offset above `after` on. */
  waiting(after: number): AsyncGenerator<WaitingRecord, void> {
    return readWaiting(this.#partition, this.#channel.windows()[0]!, this.#clock, after);
  }

  /**
   * Takes records back: they will not be given out. Resolves, once that would be found after a crash, with those that still
   * waited; the others were given out, or were moved and have another offset. Rejects with STATE_WRITE_FAILED.
   */
  async cancel(offsets: readonly number[]): Promise<number[]> {
    const [window] = this.#channel.windows();
    const last = Math.min(Math.max(...offsets), this.#partition.highWatermark - 1);
    for (let turns = 0; turns < deferredTurnsMax && window!.cursor <= last; turns++)
      await new Promise<void>((resolve) => this.#clock.atTurnEnd(resolve)); // The channel has not seen it yet.
    const cancelled = offsets.filter((offset) => this.#channel.discard(0, offset));
    if (cancelled.length > 0) await this.#store.save(this.#channel);
    return cancelled;
  }

  #append(fields: RecordFields, dueMs: number, waiter: DurabilityWaiter | undefined, token: number): boolean {
    const headers = [[dueHeader, Buffer.from(String(dueMs))] as const, ...(fields.headers ?? [])];
    const notBeforeMs = Math.max(1, Math.min(dueMs, this.#clock.nowMs() + deferredHopMs));
    const offset = this.#partition.append({ ...fields, headers, notBeforeMs });
    if (waiter === undefined || this.durability === "memory") return true;
    this.#partition.whenDurable(offset + 1, this.durability, waiter, token);
    return false;
  }

  // --- what is due -----------------------------------------------------------------------------------------------

  #onRecord(record: RecordCursor): void {
    const { offset } = record;
    try {
      const [[, due], ...headers] = decodeHeaders(record) as [[string, Buffer], ...[string, Buffer][]];
      const dueMs = Number(due.toString("latin1"));
      const waitMs = dueMs - this.#clock.nowMs();
      if (waitMs > 0 && !this.#isSparse()) {
        this.#channel.requeue(this.#consumer, 0, offset, Math.min(waitMs, deferredHopMs));
        return;
      }
      const isDone = waitMs > 0 ? this.#move(record, headers, dueMs) : this.#onDue(record, this, offset);
      if (isDone) this.onDurable(offset, undefined);
    } catch (error) {
      this.onDurable(
        offset,
        isCodedError(error) ? error : brokerErrors.DEFERRED_FAILED({ reason: String(error) }, error),
      );
    }
  }

  /** The record at offset `token` is published or moved, or could not be. Not for others to call. */
  onDurable(token: number, error: PolylogError | undefined): void {
    if (error === undefined) {
      this.#isFailing = false;
      this.#channel.finish(this.#consumer, 0, token);
      return;
    }
    if (!this.#isFailing) this.#logger.warn("a deferred message could not be published; it is tried again", { error });
    this.#isFailing = true;
    this.#channel.requeue(this.#consumer, 0, token, this.#retryMs(token));
  }

  /** What is refused again and again is asked about less and less often: a million of them must not keep the loop busy. */
  #retryMs(offset: number): number {
    const attempts = this.#channel.windows()[0]!.attemptsOf(offset);
    const doublings = Math.min(16, Math.max(0, attempts - deferredQuickRetries));
    return Math.min(deferredRetryMsMax, deferredRetryMs * 2 ** doublings);
  }

  #move(record: RecordCursor, headers: [string, Buffer][], dueMs: number): boolean {
    const { bytes: value, topicStart, topicEnd, valueStart, valueEnd } = record;
    const topic = value.subarray(topicStart, topicEnd);
    return this.#append({ value, valueStart, valueEnd, topic, headers }, dueMs, this, record.offset);
  }

  /** Most of what is on the disk is finished. */
  #isSparse(): boolean {
    const { nextOffset, storedBytes } = this.#partition;
    return storedBytes >= deferredSparseBytesMin && nextOffset - this.#channel.neededFrom(0) > 4 * this.count;
  }

  // --- the disk --------------------------------------------------------------------------------------------------

  #trimLater(): void {
    this.#trimTimer = this.#clock.setTimer(() => {
      void this.#trim().then(() => {
        if (!this.#channel.closed) this.#trimLater();
      });
    }, deferredTrimIntervalMs);
  }

  async #trim(): Promise<void> {
    const partition = this.#partition;
    const needed = this.#channel.neededFrom(0);
    if (partition.storedBytes < deferredSegmentSizeMax || needed <= partition.lowWatermark) return;
    await partition.trimTo(needed).catch((error: unknown) => {
      this.#logger.warn("the disk of deferred messages could not be given back; it is tried again", { error });
    });
  }
}
