/**
 * Hands a channel's records to its consumers: which partition's turn it is, fresh or again, and to whom. Records to deliver
 * again and fresh ones of a partition take turns, so that a record which always fails cannot hold up the rest; so do the
 * partitions.
 *
 * What has expired is passed over, or dies. In an ordered channel a record waits for those of its key that came before it.
 *
 * Hot: the loop allocates nothing per record; `channel.bench.ts` measures it.
 */

import type { Clock } from "@polylog/base/clock";
import { feedTurnMax } from "../limits.ts";
import type { ChannelFeed } from "./channel-feed.ts";
import type { ConsumerRotation } from "./consumer-rotation.ts";
import { isExpired } from "./expiry.ts";
import type { RecordReader } from "./record-reader.ts";

/** What may become of a record that has expired. */
export interface Expiry {
  /** Milliseconds after which records of the log expire; 0: never. */
  readonly ttlMs: () => number;
  /** True: it goes to the log of dead letters. */
  readonly toDeadLetters: () => boolean;
  readonly onExpired: () => void;
}

export class DeliveryLoop {
  readonly #feeds: readonly ChannelFeed[];
  readonly #rotation: ConsumerRotation;
  readonly #clock: Clock;
  readonly #onUnreadable: (feed: ChannelFeed, offset: number, error: unknown) => void;
  /** The partition whose turn it is, and how many records it may still deliver before the next one's. */
  #feedIndex = 0;
  #feedTurnLeft = feedTurnMax;
  readonly #expiry: Expiry;
  /** As of the call of `deliver`. */
  #ttlMs = 0;
  #wallMs = 0;

  /** `onUnreadable`: a record cannot be read, because of damage or because it was trimmed. */
  constructor(
    feeds: readonly ChannelFeed[],
    rotation: ConsumerRotation,
    clock: Clock,
    expiry: Expiry,
    onUnreadable: (feed: ChannelFeed, offset: number, error: unknown) => void,
  ) {
    this.#feeds = feeds;
    this.#rotation = rotation;
    this.#clock = clock;
    this.#expiry = expiry;
    this.#onUnreadable = onUnreadable;
  }

  /**
   * Hands over until consumers or records run out; returns how many it moved. Partitions take turns of `feedTurnMax`
   * records, also from one call to the next; one that has nothing passes its turn on.
   */
  deliver(nowMs: number): number {
    const feeds = this.#feeds;
    this.#ttlMs = this.#expiry.ttlMs();
    this.#wallMs = this.#clock.nowMs();
    let moved = 0;
    for (let idle = 0; idle < feeds.length && this.#rotation.hasRoom; ) {
      const feed = feeds[this.#feedIndex]!;
      const count = feed.stuck ? 0 : this.#deliverFrom(feed, nowMs, this.#feedTurnLeft);
      feed.releaseIdleReaders();
      moved += count;
      this.#feedTurnLeft -= count;
      if (count > 0) idle = 0;
      else idle++;
      if (this.#feedTurnLeft > 0 && !this.#rotation.hasRoom) break;
      this.#feedIndex = (this.#feedIndex + 1) % feeds.length;
      this.#feedTurnLeft = feedTurnMax;
    }
    return moved;
  }

  /** Hands over at most `countMax` records of one partition; returns how many it moved. */
  #deliverFrom(feed: ChannelFeed, nowMs: number, countMax: number): number {
    const { order } = feed;
    if (order !== undefined && !feed.arrange()) return 0;
    let moved = 0;
    while (moved < countMax && this.#rotation.hasRoom) {
      if (order !== undefined) feed.advanceOrder(nowMs);
      const readyOffset = feed.window.nextReady();
      const hasFresh = feed.window.cursor < feed.partition.highWatermark && (order === undefined || !order.isFull);
      let done: boolean;
      if (readyOffset >= 0 && (feed.wasFresh || !hasFresh)) done = this.#deliverAgain(feed, readyOffset, nowMs);
      else if (hasFresh) done = this.#deliverFresh(feed, nowMs);
      else break;
      if (!done) break;
      moved++;
    }
    return moved;
  }

  #deliverFresh(feed: ChannelFeed, nowMs: number): boolean {
    feed.wasFresh = true;
    const offset = feed.window.cursor;
    const outcome = feed.freshReader.moveTo(offset);
    if (outcome === "gap") {
      feed.window.skipTo(feed.freshReader.gapEnd);
      return true;
    }
    if (outcome !== "there") return outcome === "failed" && this.#unreadable(feed, feed.freshReader, offset);
    const record = feed.freshReader.record;
    if ((record.expiresMs > 0 || this.#ttlMs > 0) && isExpired(record, this.#ttlMs, this.#wallMs)) {
      if (this.#expiry.toDeadLetters()) feed.window.dieFresh("expired");
      else feed.window.skipTo(offset + 1);
      this.#expiry.onExpired();
      return true;
    }
    const waitMs = record.notBeforeMs - this.#wallMs;
    if (feed.order !== undefined && record.keyStart >= 0) {
      const isFirst = feed.order.enter(offset, record.bytes.subarray(record.keyStart, record.keyEnd));
      if (!isFirst) {
        feed.window.holdFresh(waitMs > 0 ? nowMs + waitMs : 0);
        return true;
      }
    }
    if (waitMs > 0) {
      feed.window.deferFresh(nowMs + waitMs);
      return true;
    }
    const consumer = this.#rotation.take();
    const attempts = feed.window.deliverFresh(consumer.id, nowMs, nowMs + consumer.timeoutMs);
    consumer.sink.onRecord(record, feed.partition.number, attempts);
    return true;
  }

  #deliverAgain(feed: ChannelFeed, offset: number, nowMs: number): boolean {
    feed.wasFresh = false;
    const outcome = feed.readyReader.moveTo(offset);
    if (outcome === "gap") {
      feed.window.skip(offset);
      return true;
    }
    if (outcome !== "there") return outcome === "failed" && this.#unreadable(feed, feed.readyReader, offset);
    if (isExpired(feed.readyReader.record, this.#ttlMs, this.#wallMs)) {
      if (this.#expiry.toDeadLetters()) feed.window.dieReady(offset, "expired");
      else feed.window.skip(offset);
      this.#expiry.onExpired();
      return true;
    }
    const consumer = this.#rotation.take();
    const attempts = feed.window.deliverAgain(consumer.id, nowMs, nowMs + consumer.timeoutMs);
    consumer.sink.onRecord(feed.readyReader.record, feed.partition.number, attempts);
    return true;
  }

  /** What was trimmed is passed over; damage stops the partition. Returns true to go on. */
  #unreadable(feed: ChannelFeed, reader: RecordReader, offset: number): boolean {
    this.#onUnreadable(feed, offset, reader.error);
    reader.release();
    feed.stuck = offset >= feed.partition.lowWatermark;
    return !feed.stuck;
  }
}
