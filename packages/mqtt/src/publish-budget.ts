/**
 * How fast one client may publish, where an administrator has set a limit: two buckets, of messages and of bytes, that fill
 * with time and hold what one second brings. Time is looked at once per chunk, so a message costs two subtractions.
 */

import type { MqttLimits } from "./limits.ts";

/** Shortest pause, in milliseconds, so that a client at its limit is read in portions. */
const pauseMsMin = 20;

export class PublishBudget {
  readonly #messagesPerSecond: number;
  readonly #bytesPerSecond: number;
  #messages: number;
  #bytes: number;
  #filledMs: number;

  private constructor(messagesPerSecond: number, bytesPerSecond: number, nowMs: number) {
    // Infinity times nothing would be no number.
    this.#messagesPerSecond = this.#messages = Math.min(messagesPerSecond, Number.MAX_SAFE_INTEGER);
    this.#bytesPerSecond = this.#bytes = Math.min(bytesPerSecond, Number.MAX_SAFE_INTEGER);
    this.#filledMs = nowMs;
  }

  /** Undefined: there is no limit. `nowMs`: monotonic. */
  static of({ publishRateMax, publishBytesRateMax }: MqttLimits, nowMs: number): PublishBudget | undefined {
    const isUnlimited = !Number.isFinite(publishRateMax) && !Number.isFinite(publishBytesRateMax);
    return isUnlimited ? undefined : new PublishBudget(publishRateMax, publishBytesRateMax, nowMs);
  }

  fill(nowMs: number): void {
    const seconds = (nowMs - this.#filledMs) / 1000;
    this.#filledMs = nowMs;
    this.#messages = Math.min(this.#messagesPerSecond, this.#messages + seconds * this.#messagesPerSecond);
    this.#bytes = Math.min(this.#bytesPerSecond, this.#bytes + seconds * this.#bytesPerSecond);
  }

  /** A PUBLISH of so many bytes has come. */
  spend(size: number): void {
    this.#messages--;
    this.#bytes -= size;
  }

  /** Less than one message is left, or more bytes came than were due. */
  get isSpent(): boolean {
    return this.#messages < 1 || this.#bytes < 0;
  }

  /** What came was more than was left. */
  get isOverdrawn(): boolean {
    return this.#messages < 0 || this.#bytes < 0;
  }

  /** Until there is something again, in milliseconds. */
  get pauseMs(): number {
    const messagesMs = (1000 * (1 - this.#messages)) / this.#messagesPerSecond;
    const bytesMs = (-1000 * this.#bytes) / this.#bytesPerSecond;
    return Math.max(pauseMsMin, Math.ceil(messagesMs), Math.ceil(bytesMs));
  }
}
