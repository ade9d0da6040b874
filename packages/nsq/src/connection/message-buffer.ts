/**
 * Messages on their way into a connection's output, held back as nsqd does for a client that asked for it with
 * output_buffer_size or output_buffer_timeout: until the next one would exceed the size, the first one has waited for the
 * time-out, or the client can take no more. To everybody else messages go at the end of the turn, without this.
 *
 *     onRecord ─▶ reserve, commit ─▶ bytes held back ──full, time-out, not ready──▶ output ──end of the turn──▶ socket
 *
 * It has the methods with which `OutputQueue` is written to. Hot: no allocation per message; the buffer is as large as what was
 * sent last from it, and an idle connection has none.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { OutputQueue } from "@polylog/base/transport";
import { messageBufferSizeMin } from "../limits.ts";

export class MessageBuffer {
  readonly #output: OutputQueue;
  readonly #clock: Clock;
  readonly #sizeMax: number;
  readonly #timeoutMs: number;
  #buffer: Buffer | undefined;
  #size = 0;
  #sizeNext = messageBufferSizeMin;
  #timer: Timer | undefined;

  /** `timeoutMs` 0: nothing leaves because of its age. */
  constructor(output: OutputQueue, clock: Clock, sizeMax: number, timeoutMs: number) {
    this.#output = output;
    this.#clock = clock;
    this.#sizeMax = sizeMax;
    this.#timeoutMs = timeoutMs;
  }

  /** Room for `size` bytes: write them at `reservedStart` of the returned buffer, then `commit(size)`, before anything else. */
  reserve(size: number): Buffer {
    if (this.#size > 0 && this.#size + size > this.#sizeMax) this.flush();
    const needed = this.#size + size;
    let buffer = this.#buffer;
    if (buffer === undefined || buffer.length < needed) {
      const larger = Buffer.allocUnsafe(Math.max(needed, buffer === undefined ? this.#sizeNext : 2 * buffer.length));
      buffer?.copy(larger, 0, 0, this.#size);
      this.#buffer = buffer = larger;
    }
    return buffer;
  }

  get reservedStart(): number {
    return this.#size;
  }

  /** Takes the first `size` bytes of what was reserved. */
  commit(size: number): void {
    this.#size += size;
    if (this.#size >= this.#sizeMax) this.flush();
    else if (this.#timeoutMs > 0) this.#timer ??= this.#clock.setTimer(this.#onTimeout, this.#timeoutMs);
  }

  /** Takes `bytes[start, end)`, which must never change afterwards; too much to be held back. */
  push(bytes: Buffer, start: number, end: number): void {
    this.flush();
    this.#output.push(bytes, start, end);
  }

  /** Sends what is held back with the end of this turn. */
  flush(): void {
    this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    if (this.#buffer === undefined) return;
    this.#output.push(this.#buffer, 0, this.#size);
    this.#sizeNext = Math.min(this.#sizeMax, Math.max(messageBufferSizeMin, this.#size));
    this.#buffer = undefined;
    this.#size = 0;
  }

  /** Drops what is held back: nobody is there to get it. */
  close(): void {
    this.#clock.clearTimer(this.#timer);
    this.#buffer = undefined;
    this.#size = 0;
  }

  readonly #onTimeout = (): void => {
    this.#timer = undefined;
    this.flush();
  };
}
