/**
 * Retained messages a session has asked for by subscribing and not been sent yet. They are found as they are sent, a few
 * per turn, so that a subscription to a million topics costs others nothing, and none is cut off.
 */

import type { QoS, RetainedMessage, Subscription } from "@polylog/broker";

interface Pending {
  /** May yield undefined: it has looked at many topics and found nothing so far. */
  readonly messages: Iterator<RetainedMessage | undefined>;
  readonly subscription: Subscription;
}

export class RetainedBacklog {
  /** In the order of subscribing. */
  readonly #pending = new Map<string, Pending>();
  #next: RetainedMessage | undefined;
  #nextOf: Subscription | undefined;
  #nextFilter = "";

  get isEmpty(): boolean {
    return this.#next === undefined && this.#pending.size === 0;
  }

  /** Subscribing to the same filter again starts over [MQTT-3.8.4-3]. */
  add(filter: string, subscription: Subscription, messages: Iterable<RetainedMessage | undefined>): void {
    this.remove(filter);
    this.#pending.set(filter, { messages: messages[Symbol.iterator](), subscription });
  }

  remove(filter: string): void {
    this.#pending.delete(filter);
    if (this.#nextFilter === filter) this.#next = undefined;
  }

  /** The message to send next; undefined when there is none, or when it takes more turns to find (then not `isEmpty`). */
  peek(): RetainedMessage | undefined {
    if (this.#next !== undefined) return this.#next;
    for (const [filter, pending] of this.#pending) {
      const step = pending.messages.next();
      if (step.done !== true) {
        this.#next = step.value;
        this.#nextFilter = filter;
        this.#nextOf = pending.subscription;
        break;
      }
      this.#pending.delete(filter);
    }
    return this.#next;
  }

  /** The QoS at which `peek`'s message is sent: the lower of its own and the granted one [MQTT-3.8.4-6]. */
  get qos(): QoS {
    const own = this.#next?.qos ?? 0;
    return Math.min(own, this.#nextOf?.qos ?? 0) as QoS;
  }

  /** What `peek`'s message is sent with. */
  get identifiers(): readonly number[] {
    return this.#nextOf?.identifiers ?? [];
  }

  /** `peek`'s message was sent. */
  shift(): void {
    this.#next = undefined;
  }
}
