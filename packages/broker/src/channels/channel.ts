/**
 * A channel: a named group of consumers of a log. Every channel sees every record; within a channel a record goes to one
 * consumer at a time, which finishes it, requeues it or lets it time out. At least once, over restarts too.
 *
 *     never delivered ──▶ in flight ──finish──▶ finished
 *                          ▲     │ requeue, time-out, consumer gone
 *                          │     ▼
 *          deferred ──due──▶ ready again        or, after `maxAttempts` deliveries, or expired: dead ──log of dead letters──▶ finished
 *
 * Whatever changes wakes the channel, and once at the end of the turn it looks at everything (`#pump`): what is due, what
 * is dead, what can be delivered (`delivery-loop.ts`, which is hot and measured by `channel.bench.ts`).
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { Partition } from "@polylog/log";
import { ChannelConsumer, type ConsumerSink } from "./channel-consumer.ts";
import { ChannelFeed } from "./channel-feed.ts";
import { ConsumerRotation } from "./consumer-rotation.ts";
import { type DeadLetterLog, DeadLetterWriter } from "./dead-letter-writer.ts";
import { DeliveryLoop } from "./delivery-loop.ts";
import type { Answer } from "./unfinished-page.ts";
import type { UnfinishedWindow, WindowOwner } from "./unfinished-window.ts";

/** Channel and consumer counters since the process began. */
export interface ChannelCounters {
  timeoutCount: number;
  requeueCount: number;
  finishCount: number;
  /** Partitions whose saved position lay outside of the log when it was loaded, and was moved. */
  clampCount: number;
  /** Records that went to the log of dead letters. */
  deadLetterCount: number;
  /** Records that expired before they were delivered, or delivered again. */
  expiredCount: number;
  /** Records that were trimmed before they were finished. */
  dropCount: number;
}

/** What is saved with a channel and can be changed. */
export interface ChannelSettings {
  /** Deliveries of a record after which it goes to the log of dead letters unless it is finished; 0: no maximum. */
  readonly maxAttempts: number;
  /** Of each key one record at a time, in the order of the log; those without a key are not affected. */
  readonly ordered: boolean;
  /** Records that expire go to the log of dead letters, too. */
  readonly deadLetterExpired: boolean;
}

export const defaultChannelSettings: ChannelSettings = { maxAttempts: 0, ordered: false, deadLetterExpired: false };

export interface ChannelOptions {
  readonly logName: string;
  readonly name: string;
  readonly partitions: readonly Partition[];
  readonly clock: Clock;
  /** True while the whole log is paused. */
  readonly logPaused: () => boolean;
  /** Milliseconds after which records of the log expire; 0: never. */
  readonly ttlMs: () => number;
  /** The first offset of a partition that is kept where the oldest are dropped; 0: all. */
  readonly keptFrom: (partition: Partition) => number;
  /** Something changed that must be saved. */
  readonly onDirty: (channel: Channel) => void;
  readonly deadLetters: DeadLetterLog;
  readonly onDeadLetterFailure: (channel: Channel, partition: number, offset: number, error: unknown) => void;
  /** A record is damaged. */
  readonly onUnreadable: (channel: Channel, partition: number, offset: number, error: unknown) => void;
  /** Records were trimmed before they were finished. */
  readonly onDropped: (channel: Channel, count: number) => void;
}

export class Channel implements WindowOwner {
  readonly name: string;
  readonly logName: string;
  /** Lives in memory and goes with its last consumer. */
  readonly ephemeral: boolean;
  readonly counters: ChannelCounters = {
    timeoutCount: 0,
    requeueCount: 0,
    finishCount: 0,
    clampCount: 0,
    deadLetterCount: 0,
    expiredCount: 0,
    dropCount: 0,
  };
  readonly #options: ChannelOptions;
  readonly #clock: Clock;
  readonly #feeds: ChannelFeed[];
  readonly #consumers = new Map<number, ChannelConsumer>();
  readonly #rotation = new ConsumerRotation();
  readonly #loop: DeliveryLoop;
  #nextConsumerId = 1;
  readonly #deadLetters: DeadLetterWriter;
  #settings = defaultChannelSettings;
  #paused = false;
  #closed = false;
  /** Records that were not for this channel, or came before this process. */
  #earlierCount: number;
  #pumpScheduled = false;
  #timer: Timer | undefined;
  readonly #pumpNow = () => this.#pump();

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.name = options.name;
    this.logName = options.logName;
    this.ephemeral = options.name.endsWith("#ephemeral");
    this.#feeds = options.partitions.map((partition) => new ChannelFeed(partition, this.#clock, () => this.wake()));
    this.#earlierCount = this.#endOffsetSum();
    const expiry = {
      ttlMs: options.ttlMs,
      toDeadLetters: () => this.#settings.deadLetterExpired,
      onExpired: () => {
        this.counters.expiredCount++;
      },
    };
    this.#loop = new DeliveryLoop(this.#feeds, this.#rotation, this.#clock, expiry, (feed, offset, error) => {
      const { number, lowWatermark } = feed.partition;
      if (offset < lowWatermark) this.#dropBelow(feed, lowWatermark);
      else options.onUnreadable(this, number, offset, error);
    });
    this.#deadLetters = new DeadLetterWriter({
      logName: this.logName,
      channelName: this.name,
      log: options.deadLetters,
      clock: this.#clock,
      onBuried: () => {
        this.counters.deadLetterCount++;
        options.onDirty(this);
      },
      onFailure: (partition, offset, error) => options.onDeadLetterFailure(this, partition, offset, error),
      onGone: () => this.#dropped(1),
      wake: () => this.wake(),
    });
  }

  // --- what it is --------------------------------------------------------------------------------------------------

  get paused(): boolean {
    return this.#paused;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get consumers(): ReadonlyMap<number, ChannelConsumer> {
    return this.#consumers;
  }

  /** Records that came to the channel since the process began, or since it was created. */
  get messageCount(): number {
    return this.#endOffsetSum() - this.#earlierCount;
  }

  #endOffsetSum(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.partition.nextOffset, 0);
  }

  /** Records waiting to be delivered, for the first time or again. */
  get depth(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.depth, 0);
  }

  get inFlightCount(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.window.inFlightCount, 0);
  }

  get deferredCount(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.window.deferredCount, 0);
  }

  /** Records given up that are not in the log of dead letters yet. */
  get deadCount(): number {
    return this.#feeds.reduce((sum, feed) => sum + feed.window.deadCount, 0);
  }

  /** Records of a partition that are not finished, whether they can be read yet or not. */
  unfinishedCount(partition: number): number {
    const feed = this.#feeds[partition];
    if (feed === undefined) return 0;
    const { cursor, readyCount, heldCount, deferredCount, inFlightCount, deadCount } = feed.window;
    const fresh = Math.max(0, feed.partition.nextOffset - cursor);
    return fresh + readyCount + heldCount + deferredCount + inFlightCount + deadCount;
  }

  get settings(): ChannelSettings {
    return this.#settings;
  }

  /** The windows, one per partition, for the store that saves them. */
  windows(): readonly UnfinishedWindow[] {
    return this.#feeds.map((feed) => feed.window);
  }

  // --- position ----------------------------------------------------------------------------------------------------

  /** A new channel begins at these offsets; `offsets[n]` is for partition n. */
  startAt(offsets: readonly number[]): void {
    this.#earlierCount = offsets.reduce((sum, offset) => sum + offset, 0);
    this.moveTo(offsets);
  }

  /** Moves partition n to `offsets[n]`, forgetting what was unfinished there; where that is undefined, it stays. */
  moveTo(offsets: readonly (number | undefined)[]): void {
    for (const [index, feed] of this.#feeds.entries()) {
      const offset = offsets[index];
      if (offset === undefined) continue;
      for (const consumer of this.#consumers.values()) consumer.inFlightCount -= feed.window.release(consumer.id);
      feed.moveTo(offset);
    }
    for (const consumer of this.#consumers.values()) this.#rotation.update(consumer);
    this.#options.onDirty(this);
    this.wake();
  }

  /** The log has got one more partition, which is worked off from its start. */
  addPartition(partition: Partition): void {
    if (this.#feeds[partition.number] !== undefined) return; // It was created when the partition was there already.
    const feed = new ChannelFeed(partition, this.#clock, () => this.wake());
    feed.window.setAttemptsMax(this.#settings.maxAttempts);
    feed.setOrdered(this.#settings.ordered, this.#clock.monotonicMs());
    this.#feeds.push(feed);
    this.#changed();
  }

  /** Drops everything that waits or is in flight. */
  empty(): void {
    this.moveTo(this.#feeds.map((feed) => feed.partition.nextOffset));
  }

  /** Puts back what was saved, `windows[n]` for partition n; before the first consumer only. */
  restore(
    saved: { paused: boolean; settings: ChannelSettings },
    windows: readonly (UnfinishedWindow | undefined)[],
  ): void {
    this.#paused = saved.paused;
    this.#settings = saved.settings;
    for (const [index, feed] of this.#feeds.entries()) {
      feed.window = windows[index] ?? feed.window;
      feed.window.setAttemptsMax(saved.settings.maxAttempts);
      feed.setOrdered(saved.settings.ordered, this.#clock.monotonicMs());
    }
    this.wake();
  }

  /** The partition's low watermark rose: what was removed and not finished is lost, and counted. */
  onLowWatermark(partition: number): void {
    const feed = this.#feeds[partition];
    if (feed === undefined || this.#closed) return;
    this.#dropBelow(feed, feed.partition.lowWatermark);
    this.wake();
  }

  #dropBelow(feed: ChannelFeed, low: number): void {
    const dropped = feed.window.dropBelow(low);
    if (dropped === 0) return;
    feed.stuck = false;
    this.#dropped(dropped);
  }

  #dropped(count: number): void {
    this.counters.dropCount += count;
    this.#options.onDirty(this);
    this.#options.onDropped(this, count);
  }

  /** The first offset of a partition that it has not finished, or would not know to have finished after a crash. */
  neededFrom(partition: number): number {
    const { floor, savedFloor } = this.#feeds[partition]!.window;
    return Math.min(floor, savedFloor);
  }

  // --- consumers ---------------------------------------------------------------------------------------------------

  /** `timeoutMs`, `lifetimeMs`: see `ChannelConsumer`. It gets nothing until `setReady`. */
  addConsumer(sink: ConsumerSink, timeoutMs: number, lifetimeMs: number): ChannelConsumer {
    const consumer = new ChannelConsumer(this.#nextConsumerId++, sink, timeoutMs, lifetimeMs);
    this.#consumers.set(consumer.id, consumer);
    return consumer;
  }

  /** Takes a consumer out; what it had in flight is ready for the others at once. */
  removeConsumer(consumer: ChannelConsumer): void {
    if (!this.#consumers.delete(consumer.id)) return;
    consumer.readyCount = 0;
    this.#rotation.update(consumer);
    if (consumer.inFlightCount === 0) return;
    for (const feed of this.#feeds) feed.window.release(consumer.id);
    consumer.inFlightCount = 0;
    this.#changed();
  }

  /** How many records the consumer wants in flight at most; 0 pauses it. */
  setReady(consumer: ChannelConsumer, readyCount: number): void {
    consumer.readyCount = readyCount;
    this.#rotation.update(consumer);
    this.wake();
  }

  // --- answers -----------------------------------------------------------------------------------------------------

  finish(consumer: ChannelConsumer, partition: number, offset: number): Answer {
    const feed = this.#feeds[partition];
    const answer = feed === undefined ? "notInFlight" : feed.window.finish(offset, consumer.id);
    if (answer !== "done") return answer;
    consumer.finishedCount++;
    this.counters.finishCount++;
    this.#answered(consumer);
    return "done";
  }

  /** `delayMs` 0: ready at once. */
  requeue(consumer: ChannelConsumer, partition: number, offset: number, delayMs: number): Answer {
    const feed = this.#feeds[partition];
    const dueMs = delayMs > 0 ? this.#clock.monotonicMs() + delayMs : undefined;
    const answer = feed === undefined ? "notInFlight" : feed.window.requeue(offset, consumer.id, dueMs);
    if (answer !== "done") return answer;
    consumer.requeuedCount++;
    this.counters.requeueCount++;
    this.#answered(consumer);
    return "done";
  }

  /** Gives the consumer its whole time-out again, counted from now, within its lifetime for the record. */
  touch(consumer: ChannelConsumer, partition: number, offset: number): Answer {
    const feed = this.#feeds[partition];
    if (feed === undefined) return "notInFlight";
    const dueMs = this.#clock.monotonicMs() + consumer.timeoutMs;
    return feed.window.touch(offset, consumer.id, dueMs, consumer.lifetimeMs);
  }

  /** Finishes a record that waits, although no consumer has it. False: it does not wait. */
  discard(partition: number, offset: number): boolean {
    if (this.#feeds[partition]?.window.skip(offset) !== true) return false;
    this.#changed();
    return true;
  }

  // --- life --------------------------------------------------------------------------------------------------------

  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#options.onDirty(this);
    this.wake();
  }

  /**
   * Takes effect at once: what has used up its attempts is not delivered again; what is in flight when the channel becomes
   * ordered is taken back and delivered again.
   */
  configure(settings: ChannelSettings): void {
    if (settings.ordered && !this.#settings.ordered)
      for (const consumer of this.#consumers.values()) this.#takeBack(consumer);
    this.#settings = settings;
    for (const feed of this.#feeds) {
      feed.window.setAttemptsMax(settings.maxAttempts);
      feed.setOrdered(settings.ordered, this.#clock.monotonicMs());
    }
    this.#changed();
  }

  #takeBack(consumer: ChannelConsumer): void {
    for (const feed of this.#feeds) consumer.inFlightCount -= feed.window.release(consumer.id);
    this.#rotation.update(consumer);
  }

  get appendingDeadLetters(): boolean {
    return this.#deadLetters.appending;
  }

  /** Resolves when the dead letters that are being appended are there, or have failed. */
  settleDeadLetters(): Promise<void> {
    return this.#deadLetters.settle();
  }

  /** Something may be deliverable: look at the end of the turn. */
  wake(): void {
    if (this.#pumpScheduled || this.#closed) return;
    this.#pumpScheduled = true;
    this.#clock.atTurnEnd(this.#pumpNow);
  }

  /** Ends it: no more deliveries; consumers are told when it was deleted and not when the server stops. */
  close(deleted: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#clock.clearTimer(this.#timer);
    this.#deadLetters.close();
    if (!deleted) return;
    for (const consumer of this.#consumers.values()) consumer.sink.onChannelClosed();
    this.#consumers.clear();
  }

  /** Called by a window: the time of a record in flight is up. */
  onTimeout(owner: number): void {
    this.counters.timeoutCount++;
    const consumer = this.#consumers.get(owner);
    if (consumer === undefined) return;
    consumer.inFlightCount--;
    this.#rotation.update(consumer);
  }

  // --- delivery ----------------------------------------------------------------------------------------------------

  #pump(): void {
    this.#pumpScheduled = false;
    if (this.#closed) return;
    const nowMs = this.#clock.monotonicMs();
    let expired = 0;
    for (const feed of this.#feeds) expired += feed.window.expire(nowMs, this);
    for (const feed of this.#feeds) {
      const low = this.#options.keptFrom(feed.partition);
      if (low > feed.window.floor) this.#dropBelow(feed, low);
      feed.advanceOrder(nowMs);
    }
    let delivered = 0;
    if (!this.#paused && !this.#options.logPaused()) delivered = this.#loop.deliver(nowMs);
    for (const feed of this.#feeds) if (feed.window.deadCount > 0) this.#deadLetters.pump(feed);
    if (expired > 0 || delivered > 0) this.#options.onDirty(this);
    this.#scheduleExpiry(nowMs);
  }

  #answered(consumer: ChannelConsumer): void {
    consumer.inFlightCount--;
    this.#rotation.update(consumer);
    this.#changed();
  }

  #changed(): void {
    this.#options.onDirty(this);
    this.wake();
  }

  #scheduleExpiry(nowMs: number): void {
    let dueMinMs = Number.POSITIVE_INFINITY;
    for (const feed of this.#feeds) dueMinMs = Math.min(dueMinMs, feed.window.dueMinMs);
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMinMs) return;
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    if (dueMinMs === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined;
        this.#pump();
      },
      Math.max(1, dueMinMs - nowMs),
    );
  }
}
