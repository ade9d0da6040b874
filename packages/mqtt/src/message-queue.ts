/**
 * Messages of QoS 1 that wait for a session: for its client to come back, or to acknowledge what it has.
 *
 * Bounded by count, by bytes of the session and by bytes of all sessions together. When there is no room the oldest
 * message goes, and if that does not help, the new one; the caller counts both.
 */

import { RingBuffer } from "@polylog/base/collections";
import type { MqttLimits } from "./limits.ts";

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
  readonly #messages = new RingBuffer<Buffer>(4);
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

  /** `bytesBesides`: what the session keeps elsewhere. Returns how many messages were dropped to keep within the bounds. */
  push(message: Buffer, bytesBesides: number): number {
    const { queuedMessagesMax, queuedBytesMax } = this.#limits;
    let dropped = 0;
    while (
      this.#messages.size >= queuedMessagesMax ||
      this.#bytes + bytesBesides + message.length > queuedBytesMax ||
      this.#kept.total + message.length > this.#kept.totalMax
    ) {
      dropped++;
      if (this.shift() === undefined) return dropped;
    }
    this.#messages.push(message);
    this.#bytes += message.length;
    this.#kept.total += message.length;
    return dropped;
  }

  /** Removes and returns the oldest. */
  shift(): Buffer | undefined {
    const message = this.#messages.shift();
    if (message === undefined) return undefined;
    this.#bytes -= message.length;
    this.#kept.total -= message.length;
    return message;
  }

  peek(): Buffer | undefined {
    return this.#messages.peek();
  }

  clear(): void {
    this.#messages.clear();
    this.#kept.total -= this.#bytes;
    this.#bytes = 0;
  }
}
