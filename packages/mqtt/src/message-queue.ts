/**
 * Messages of QoS 1 and 2 that wait in memory until a client has acknowledged what it has.
 *
 * Bounded by count, by bytes of the session and by bytes of all sessions together. When there is no room the oldest
 * messages go, or the new one, as the limits say; the caller counts both.
 */

import { RingBuffer } from "@polylog/base/collections";
import type { MqttLimits } from "./limits.ts";
import type { WaitingMessage } from "./waiting-message.ts";

/** Bytes kept for all sessions of a server. */
export class KeptBytes {
  readonly totalMax: number;
  total = 0;

  constructor(totalMax: number) {
    this.totalMax = totalMax;
  }
}

export class MessageQueue {
  readonly #limits: MqttLimits;
  readonly #kept: KeptBytes;
  readonly #messages = new RingBuffer<WaitingMessage>(4);
  #bytes = 0;

  constructor(limits: MqttLimits, kept: KeptBytes) {
    this.#limits = limits;
    this.#kept = kept;
  }

  get size(): number {
    return this.#messages.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Returns how many messages were dropped to keep within the bounds. */
  push(message: WaitingMessage): number {
    const size = message.bytes.length;
    let dropped = 0;
    while (!this.#takes(size)) {
      dropped++;
      if (this.#limits.whenFull !== "drop-oldest" || this.shift() === undefined) return dropped;
    }
    this.#messages.push(message);
    this.#bytes += size;
    this.#kept.total += size;
    return dropped;
  }

  #takes(size: number): boolean {
    const { queuedMessagesMax, queuedBytesMax } = this.#limits;
    if (this.#messages.size >= queuedMessagesMax || this.#bytes + size > queuedBytesMax) return false;
    return this.#kept.total + size <= this.#kept.totalMax;
  }

  /** Removes and returns the oldest. */
  shift(): WaitingMessage | undefined {
    const message = this.#messages.shift();
    if (message === undefined) return undefined;
    this.#bytes -= message.bytes.length;
    this.#kept.total -= message.bytes.length;
    return message;
  }

  peek(): WaitingMessage | undefined {
    return this.#messages.peek();
  }

  clear(): void {
    this.#messages.clear();
    this.#kept.total -= this.#bytes;
    this.#bytes = 0;
  }
}
