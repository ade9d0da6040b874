/** The subscriptions of one WebSocket connection. */

import { rpcErrors } from "../errors.ts";
import type { EndReason, SubscriptionSink, TailSubscription } from "./tail-subscription.ts";

export class SubscriptionSet {
  readonly sink: SubscriptionSink;
  readonly #countMax: number;
  readonly #subscriptions = new Map<number, TailSubscription>();
  #idNext = 1;

  constructor(sink: SubscriptionSink, countMax: number) {
    this.sink = sink;
    this.#countMax = countMax;
  }

  get size(): number {
    return this.#subscriptions.size;
  }

  /** Makes a subscription under an id of its own; ids are not used again. TOO_MANY_SUBSCRIPTIONS. */
  open(make: (id: number, onEnd: () => void) => TailSubscription): TailSubscription {
    const count = this.#subscriptions.size;
    if (count >= this.#countMax) throw rpcErrors.TOO_MANY_SUBSCRIPTIONS({ count });
    const id = this.#idNext++;
    const subscription = make(id, () => this.#subscriptions.delete(id));
    this.#subscriptions.set(id, subscription);
    return subscription;
  }

  /** SUBSCRIPTION_NOT_FOUND. */
  require(id: number): TailSubscription {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) throw rpcErrors.SUBSCRIPTION_NOT_FOUND({ subscription: id });
    return subscription;
  }

  /** Ends all and tells the client why. */
  endAll(reason: EndReason): void {
    for (const subscription of [...this.#subscriptions.values()]) subscription.end(reason);
  }

  /** Frees all without a word: the peer is gone. */
  close(): void {
    for (const subscription of [...this.#subscriptions.values()]) subscription.close();
  }
}
