/**
 * Who asks, for as long as it is there: a WebSocket connection, or one POST. Whatever waits or runs on a peer's behalf
 * ends with it.
 */

import type { Principal } from "@polylog/broker";
import type { SubscriptionSet } from "./subscriptions/subscription-set.ts";

/** Calls whoever is in it once, when it ends. */
export class Ending {
  #callbacks: Set<() => void> | undefined = new Set();

  get ended(): boolean {
    return this.#callbacks === undefined;
  }

  /** Called at once when it has ended. */
  add(callback: () => void): void {
    if (this.#callbacks === undefined) callback();
    else this.#callbacks.add(callback);
  }

  delete(callback: () => void): void {
    this.#callbacks?.delete(callback);
  }

  end(): void {
    const callbacks = this.#callbacks ?? [];
    this.#callbacks = undefined;
    for (const callback of callbacks) callback();
  }
}

export class Peer {
  readonly principal: Principal;
  /** Where records are sent unasked; undefined over POST. */
  readonly subscriptions: SubscriptionSet | undefined;
  /** Requests that may be without an answer at a time. */
  readonly requestsMax: number;
  /** The peer is gone, or the server stops: nobody waits any longer. */
  readonly ending = new Ending();
  /** Requests that have no answer yet. */
  requestCount = 0;
  /** Bytes that those of them hold in memory, or may. */
  heldBytes = 0;

  constructor(principal: Principal, requestsMax: number, subscriptions?: SubscriptionSet) {
    this.principal = principal;
    this.requestsMax = requestsMax;
    this.subscriptions = subscriptions;
  }
}
