/**
 * Reads a log for one reader from where it wants to start, and then on as records come. What is old and what is new are read in
 * the same way, by offset, so between them nothing is missing and nothing comes twice. The reader sets the pace: nothing is
 * read before it asks, and at most one read of `followReadSize` per partition is kept for it.
 *
 *     find ─▶ "there": `record` ─ shift ─▶ find …      "none": `onMore` is called      "searching": ask again next turn
 *
 * Records below the low watermark are gone, and passed over. A damaged record ends its partition, which is said once.
 */

import type { Clock } from "@polylog/base/clock";
import type { Partition, RecordCursor } from "@polylog/log";
import type { BrokerLog } from "../catalog/broker-log.ts";
import { RecordReader } from "../channels/record-reader.ts";
import { feedTurnMax, followReadSize, visitsPerStepMax } from "../limits.ts";

export interface LogFollowerOptions {
  readonly log: BrokerLog;
  readonly clock: Clock;
  /** Offset of the first record wanted, by partition; undefined: the partition is not read. */
  readonly positions: readonly (number | undefined)[];
  readonly wants: (record: RecordCursor) => boolean;
  /** After `none`: there may be something. Called synchronously by the log; must not throw. */
  readonly onMore: () => void;
  readonly onUnreadable: (partition: number, offset: number, error: unknown) => void;
}

export type FindOutcome = "there" | "none" | "searching";

interface Feed {
  readonly partition: Partition;
  readonly reader: RecordReader;
  /** The record to look at next. */
  position: number;
  isDamaged: boolean;
}

export class LogFollower {
  readonly #options: LogFollowerOptions;
  readonly #feeds: readonly Feed[];
  #at = 0;
  #turnLeft = feedTurnMax;
  #hasMoved = false;

  constructor(options: LogFollowerOptions) {
    const { log, positions, clock, onMore } = options;
    this.#options = options;
    const feeds: Feed[] = [];
    for (const partition of log.partitions) {
      const position = positions[partition.number];
      if (position === undefined) continue;
      feeds.push({
        partition,
        position,
        reader: new RecordReader(partition, clock, onMore, followReadSize),
        isDamaged: false,
      });
      partition.watch(this);
    }
    this.#feeds = feeds;
  }

  /** After `there`: the record, until the next call. */
  get record(): RecordCursor {
    return this.#feeds[this.#at]!.reader.record;
  }

  /** After `there`: its partition. */
  get partition(): number {
    return this.#feeds[this.#at]!.partition.number;
  }

  /** As in the options: where somebody would go on. */
  get positions(): (number | undefined)[] {
    const positions: (number | undefined)[] = [];
    for (const { partition, position } of this.#feeds) positions[partition.number] = position;
    return Array.from(positions);
  }

  /** True when `positions` changed since the last call. */
  takeMoved(): boolean {
    const moved = this.#hasMoved;
    this.#hasMoved = false;
    return moved;
  }

  /** Stands on the next record that is wanted; the same one until `shift`. Looks at so many records at a time. */
  find(): FindOutcome {
    const feeds = this.#feeds;
    let visitsLeft = visitsPerStepMax;
    if (this.#turnLeft === 0) this.#nextFeed();
    for (let idle = 0; idle < feeds.length; idle++) {
      const outcome = this.#findIn(feeds[this.#at]!, visitsLeft);
      if (outcome < 0) return "there";
      if (outcome === 0) return "searching";
      visitsLeft = outcome;
      this.#nextFeed();
    }
    return "none";
  }

  /** Partitions take turns. */
  #nextFeed(): void {
    this.#at = (this.#at + 1) % this.#feeds.length;
    this.#turnLeft = feedTurnMax;
  }

  /** Below 0: it stands on one; 0: it has looked at enough; above 0: there is none now, and so many visits are left. */
  #findIn(feed: Feed, visitsMax: number): number {
    const { partition, reader } = feed;
    let left = visitsMax;
    while (!feed.isDamaged && feed.position < partition.highWatermark) {
      if (feed.position < partition.lowWatermark) this.#move(feed, partition.lowWatermark);
      const outcome = reader.moveTo(feed.position);
      if (outcome === "reading") return left;
      if (outcome === "gap") this.#move(feed, reader.gapEnd);
      else if (outcome === "failed") this.#onFailed(feed);
      else if (this.#options.wants(reader.record)) return -1;
      else this.#move(feed, feed.position + 1);
      if (--left === 0) return 0;
    }
    reader.release();
    return left;
  }

  #onFailed(feed: Feed): void {
    const { partition, reader, position } = feed;
    if (position < partition.lowWatermark) return; // It was trimmed meanwhile.
    feed.isDamaged = true;
    this.#options.onUnreadable(partition.number, position, reader.error);
  }

  /** The record that `find` stands on is done. */
  shift(): void {
    const feed = this.#feeds[this.#at]!;
    this.#move(feed, feed.position + 1);
    this.#turnLeft--;
  }

  #move(feed: Feed, position: number): void {
    feed.position = position;
    this.#hasMoved = true;
  }

  /** Forgets what was read: nobody asks for a while. */
  release(): void {
    for (const { reader } of this.#feeds) reader.release();
  }

  /** Not for others to call. */
  onHighWatermark(): void {
    this.#options.onMore();
  }

  close(): void {
    for (const { partition, reader } of this.#feeds) {
      partition.unwatch(this);
      reader.release();
    }
  }
}
