/**
 * Takes what a channel has given up to the log of dead letters. A record counts as finished in the channel only after the
 * append has reached that log's level: a crash in between appends it twice and never loses it.
 *
 *     dead in the window ──read, append──▶ waiting for the level ──reached──▶ finished
 *              ▲                                   │ refused or failed
 *              └───────── a while later ───────────┘
 *
 * Whatever goes wrong (the log of dead letters is full, read-only or cannot be made, the record is damaged or too large
 * with its new headers) leaves the record unfinished, is said once, and is tried again every `deadLetterRetryMs`.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter, RecordFields } from "@polylog/log";
import { deadLetterRetryMs, deadLettersPendingMax } from "../limits.ts";
import type { ChannelFeed } from "./channel-feed.ts";
import { deadLetterFields } from "./dead-letter.ts";

/** The log of dead letters, made when it is not there. */
export interface DeadLetterLog {
  /** True: as durable as that log promises; false: `waiter` hears. Throws what the log refuses with. */
  append(fields: RecordFields, waiter: DurabilityWaiter): boolean;
}

export interface DeadLetterWriterOptions {
  readonly logName: string;
  readonly channelName: string;
  readonly log: DeadLetterLog;
  readonly clock: Clock;
  /** A record is in the log of dead letters, and finished. */
  readonly onBuried: () => void;
  /** The first failure after a success. */
  readonly onFailure: (partition: number, offset: number, error: unknown) => void;
  /** A record was removed before it could be appended, and is finished. */
  readonly onGone: () => void;
  /** There may be more to take: call `pump` at the end of the turn. */
  readonly wake: () => void;
}

export class DeadLetterWriter {
  readonly #options: DeadLetterWriterOptions;
  #pendingCount = 0;
  #failing = false;
  #retry: Timer | undefined;
  #onSettled: (() => void) | undefined;

  constructor(options: DeadLetterWriterOptions) {
    this.#options = options;
  }

  /** Appends what is dead in `feed`, as far as it can be read now. */
  pump(feed: ChannelFeed): void {
    const { window, deadReader: reader } = feed;
    // At level `memory` nothing is ever pending, and an append wakes the channel for the rest.
    for (let taken = 0; taken < deadLettersPendingMax; taken++) {
      if (this.#retry !== undefined || this.#pendingCount >= deadLettersPendingMax) break;
      const offset = window.nextDead();
      if (offset < 0) break;
      const outcome = reader.moveTo(offset);
      if (outcome === "reading") return;
      window.takeDead();
      if (outcome === "there") this.#append(feed, offset);
      else if (outcome === "gap" || offset < feed.partition.lowWatermark) this.#gone(feed, offset);
      else this.#failed(feed, offset, reader.error);
    }
    reader.release();
  }

  get appending(): boolean {
    return this.#pendingCount > 0;
  }

  /** Resolves when every append that is under way has ended, well or not. */
  async settle(): Promise<void> {
    while (this.#pendingCount > 0)
      await new Promise<void>((resolve) => {
        this.#onSettled = resolve;
      });
  }

  close(): void {
    this.#options.clock.clearTimer(this.#retry);
  }

  #append(feed: ChannelFeed, offset: number): void {
    const { window, partition } = feed;
    const { logName: log, channelName: channel, clock } = this.#options;
    const origin = { log, channel, partition: partition.number, offset, timeMs: clock.nowMs() };
    const { moveCount } = window;
    const onDurable = (_token: number, error: PolylogError | undefined): void => {
      this.#pendingCount--;
      if (window.moveCount === moveCount) this.#appended(feed, offset, error);
      if (this.#pendingCount === 0) this.#onSettled?.();
      this.#options.wake();
    };
    this.#pendingCount++;
    try {
      const fields = deadLetterFields(feed.deadReader.record, { ...origin, ...window.deathOf(offset) });
      if (this.#options.log.append(fields, { onDurable })) onDurable(0, undefined);
    } catch (error) {
      this.#pendingCount--;
      this.#failed(feed, offset, error);
    }
  }

  #appended(feed: ChannelFeed, offset: number, error: PolylogError | undefined): void {
    if (error !== undefined) {
      this.#failed(feed, offset, error);
      return;
    }
    this.#failing = false;
    if (feed.window.bury(offset)) this.#options.onBuried();
  }

  #gone(feed: ChannelFeed, offset: number): void {
    if (feed.window.bury(offset)) this.#options.onGone();
  }

  #failed(feed: ChannelFeed, offset: number, error: unknown): void {
    if (!this.#failing) this.#options.onFailure(feed.partition.number, offset, error);
    this.#failing = true;
    feed.window.keepDead(offset);
    this.#retry ??= this.#options.clock.setTimer(() => {
      this.#retry = undefined;
      this.#options.wake();
    }, deadLetterRetryMs);
  }
}
