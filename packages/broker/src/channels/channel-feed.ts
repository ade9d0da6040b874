/** One partition as a channel sees it: what of it is unfinished, and where in it the channel reads. */

import type { Clock } from "@polylog/base/clock";
import type { Partition } from "@polylog/log";
import { KeyOrder } from "./key-order.ts";
import { RecordReader } from "./record-reader.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

export class ChannelFeed {
  readonly partition: Partition;
  readonly freshReader: RecordReader;
  readonly readyReader: RecordReader;
  #deadReader: RecordReader | undefined;
  readonly #clock: Clock;
  readonly #onRead: () => void;
  window = new UnfinishedWindow(0);
  /** The last record delivered was fresh: a ready one goes first now. */
  wasFresh = false;
  /** A record here cannot be read; nothing more is fed from this partition until the server starts again. */
  stuck = false;
  /** Of an ordered channel; undefined: of any other. */
  order: KeyOrder | undefined;
  /** Offsets below the cursor whose keys are not known yet, the first last; nothing is delivered before they are. */
  #unarranged: number[] = [];

  /** `onRead` is called when a read that was under way has ended. */
  constructor(partition: Partition, clock: Clock, onRead: () => void) {
    this.partition = partition;
    this.#clock = clock;
    this.#onRead = onRead;
    this.freshReader = new RecordReader(partition, clock, onRead);
    this.readyReader = new RecordReader(partition, clock, onRead);
  }

  /** Records waiting to be delivered, for the first time or again. */
  get depth(): number {
    const { cursor, readyCount, heldCount } = this.window;
    return Math.max(0, this.partition.highWatermark - cursor) + readyCount + heldCount;
  }

  /** For dead letters; most channels never have one. */
  get deadReader(): RecordReader {
    this.#deadReader ??= new RecordReader(this.partition, this.#clock, this.#onRead);
    return this.#deadReader;
  }

  /** Starts at `offset`, forgetting what was unfinished. */
  moveTo(offset: number): void {
    this.window.moveTo(offset);
    this.order?.clear();
    this.#unarranged = [];
    this.freshReader.release();
    this.readyReader.release();
    this.#deadReader?.release();
    this.stuck = false;
  }

  /** Of each key one record at a time from now on, or no longer; nothing may be in flight when it begins. */
  setOrdered(ordered: boolean, nowMs: number): void {
    if (ordered === (this.order !== undefined)) return;
    this.#unarranged = [];
    if (!ordered) {
      this.order = undefined;
      this.window.forgetOrder(nowMs);
      return;
    }
    this.order = new KeyOrder();
    this.window.noteLeft();
    this.#unarranged = this.window.waitingOffsets().reverse();
  }

  /** Lets the next of each key come whose first is finished or dead. */
  advanceOrder(nowMs: number): void {
    const { order, window } = this;
    if (order === undefined) return;
    for (let offset = window.nextLeft(); offset >= 0; offset = window.nextLeft()) {
      // Some of those that waited may be gone: removed, or dead.
      let next = order.leave(offset);
      while (next >= 0 && !window.unhold(next, nowMs)) next = order.leave(next);
    }
  }

  /** Looks up the keys of what was unfinished when the order began. False while they are being read. */
  arrange(): boolean {
    const { order, window, readyReader: reader } = this;
    for (let offset = this.#unarranged.at(-1); offset !== undefined; offset = this.#unarranged.at(-1)) {
      // Meanwhile it may have died, or been removed.
      const outcome = window.isWaiting(offset) ? reader.moveTo(offset) : "gap";
      if (outcome === "reading") return false;
      const { bytes, keyStart, keyEnd } = reader.record;
      // What cannot be read is dealt with when its turn comes; it holds up nobody.
      if (outcome === "there" && keyStart >= 0 && order?.enter(offset, bytes.subarray(keyStart, keyEnd)) === false)
        window.hold(offset);
      this.#unarranged.pop();
    }
    return true;
  }

  /** Lets go of what a reader holds that has nothing more to read. */
  releaseIdleReaders(): void {
    if (this.window.cursor >= this.partition.highWatermark) this.freshReader.release();
    if (this.window.readyCount === 0) this.readyReader.release();
  }
}
