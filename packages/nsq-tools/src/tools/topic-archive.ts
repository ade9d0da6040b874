/**
 * One topic of nsq_to_file: messages are written as they come and finished only after the file was synced, so that a
 * crash writes some twice and loses none.
 *
 * Synced is when max-in-flight messages wait, at every sync interval, on rotation, when the consumer is starved, on SIGHUP
 * and at the end. Steps run one after the other; messages that come meanwhile are taken together.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { Message } from "../client/index.ts";
import type { FileLog } from "./file-log.ts";

/** What it needs of a consumer. */
export interface ArchiveSource {
  readonly isStarved: boolean;
  stop(): Promise<void>;
}

/** What it needs of a `RotatingFile`. */
export interface ArchiveFile {
  needsRotation(): boolean;
  rotate(): Promise<void>;
  write(line: Buffer): void;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface TopicArchiveOptions {
  readonly clock: Clock;
  readonly log: FileLog;
  readonly file: ArchiveFile;
  readonly source: ArchiveSource;
  readonly messagesMax: number;
  readonly syncIntervalMs: number;
  readonly skipEmptyFiles: boolean;
  /** A file could not be written: called once, nothing is written or finished afterwards. */
  readonly onFailure: (error: Error) => void;
}

const lineFeed = Buffer.from("\n");

export class TopicArchive {
  readonly #options: TopicArchiveOptions;
  /** Came and not written yet. */
  #arrived: Message[] = [];
  /** Written and not finished yet. */
  #written: Message[] = [];
  #steps: Promise<void> = Promise.resolve();
  #drainPlanned = false;
  #timer: Timer | undefined;
  #stopping = false;
  #failed = false;

  constructor(options: TopicArchiveOptions) {
    this.#options = options;
    this.#planTick();
  }

  take(message: Message): void {
    message.answerLater();
    this.#arrived.push(message);
    if (this.#drainPlanned) return;
    this.#drainPlanned = true;
    this.#step(() => this.#drain());
  }

  /** Closes the file; the next message opens one. */
  reopen(): void {
    this.#step(async () => {
      await this.#sync();
      await this.#options.file.close();
    });
  }

  /** Takes what still comes, finishes it, and closes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#options.clock.clearTimer(this.#timer);
    const stopped = this.#options.source.stop();
    this.#step(() => this.#sync());
    await stopped;
    this.#step(async () => {
      await this.#sync();
      await this.#options.file.close();
    });
    await this.#steps;
  }

  async #drain(): Promise<void> {
    this.#drainPlanned = false;
    const { file, source, messagesMax } = this.#options;
    const messages = this.#arrived;
    this.#arrived = [];
    for (const message of messages) {
      if (file.needsRotation()) {
        await file.rotate();
        await this.#sync();
      }
      file.write(message.body);
      file.write(lineFeed);
      this.#written.push(message);
      if (this.#written.length >= messagesMax) await this.#sync();
    }
    if (this.#stopping || source.isStarved) await this.#sync();
  }

  async #tick(): Promise<void> {
    const { file, skipEmptyFiles } = this.#options;
    if (file.needsRotation()) {
      if (skipEmptyFiles) {
        await this.#sync();
        await file.close();
      } else {
        await file.rotate();
      }
    }
    await this.#sync();
  }

  async #sync(): Promise<void> {
    if (this.#written.length === 0) return;
    const { log, file } = this.#options;
    log.info(`syncing ${this.#written.length} records to disk`);
    await file.sync();
    const written = this.#written;
    this.#written = [];
    for (let i = written.length - 1; i >= 0; i--) written[i]!.finish();
  }

  #planTick(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#step(() => this.#tick());
      this.#planTick();
    }, this.#options.syncIntervalMs);
  }

  #step(step: () => Promise<void>): void {
    this.#steps = this.#steps.then(async () => {
      if (this.#failed) return;
      try {
        await step();
      } catch (error) {
        this.#failed = true;
        this.#options.clock.clearTimer(this.#timer);
        this.#options.onFailure(error as Error);
      }
    });
  }
}
