/** One partition as a channel sees it: what of it is unfinished, and where in it the channel reads. */

import type { Partition } from "@polylog/log";
import { RecordReader } from "./record-reader.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

export class ChannelFeed {
  readonly partition: Partition;
  readonly freshReader: RecordReader;
  readonly readyReader: RecordReader;
  #deadReader: RecordReader | undefined;
  readonly #onRead: () => void;
  window = new UnfinishedWindow(0);
  /** The last record delivered was fresh: a ready one goes first now. */
  wasFresh = false;
  /** A record here cannot be read; nothing more is fed from this partition until the server starts again. */
  stuck = false;

  /** `onRead` is called when a read that was under way has ended. */
  constructor(partition: Partition, onRead: () => void) {
    this.partition = partition;
    this.#onRead = onRead;
    this.freshReader = new RecordReader(partition, onRead);
    this.readyReader = new RecordReader(partition, onRead);
  }

  /** Records waiting to be delivered, for the first time or again. */
  get depth(): number {
    return Math.max(0, this.partition.highWatermark - this.window.cursor) + this.window.readyCount;
  }

  /** For dead letters; most channels never have one. */
  get deadReader(): RecordReader {
    this.#deadReader ??= new RecordReader(this.partition, this.#onRead);
    return this.#deadReader;
  }

  /** Starts at `offset`, forgetting what was unfinished. */
  moveTo(offset: number): void {
    this.window.moveTo(offset);
    this.freshReader.release();
    this.readyReader.release();
    this.#deadReader?.release();
    this.stuck = false;
  }

  /** Lets go of what a reader holds that has nothing more to read. */
  releaseIdleReaders(): void {
    if (this.window.cursor >= this.partition.highWatermark) this.freshReader.release();
    if (this.window.readyCount === 0) this.readyReader.release();
  }
}
