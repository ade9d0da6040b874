/**
 * The subscriptions of one session by their filter, as the client wrote it. Most sessions have one or a few and there may be a
 * million sessions, so a map, of 225 bytes and more, is made only for many (`npm run bench -- mqtt --rows=offline,subscriptions`).
 *
 *     none ─▶ one: itself ─▶ few: an array, walked ─▶ more than `walkedMax`: a map, until all have gone
 */

import type { Subscription } from "@polylog/broker";

const walkedMax = 8;

export class SubscriptionSet {
  #held: Subscription | Subscription[] | Map<string, Subscription> | undefined;

  get size(): number {
    const held = this.#held;
    if (held === undefined) return 0;
    if (held instanceof Map) return held.size;
    return Array.isArray(held) ? held.length : 1;
  }

  get(filter: string): Subscription | undefined {
    const held = this.#held;
    if (held === undefined) return undefined;
    if (held instanceof Map) return held.get(filter);
    if (!Array.isArray(held)) return held.filter === filter ? held : undefined;
    return held[positionOf(held, filter)];
  }

  has(filter: string): boolean {
    return this.get(filter) !== undefined;
  }

  /** Replaces the one with the same filter. */
  add(subscription: Subscription): void {
    const held = this.#held;
    if (held === undefined) this.#held = subscription;
    else if (held instanceof Map) held.set(subscription.filter, subscription);
    else if (Array.isArray(held)) this.#addToFew(held, subscription);
    else if (held.filter === subscription.filter) this.#held = subscription;
    else this.#held = [held, subscription];
  }

  #addToFew(held: Subscription[], subscription: Subscription): void {
    const at = positionOf(held, subscription.filter);
    if (at >= 0) held[at] = subscription;
    // As long as it is: what `push` makes room for would be most of it.
    else if (held.length < walkedMax) this.#held = held.concat(subscription);
    else this.#held = new Map([...held, subscription].map((each) => [each.filter, each]));
  }

  /** False: there was none. */
  delete(filter: string): boolean {
    const held = this.#held;
    if (held === undefined) return false;
    if (held instanceof Map) {
      const isDeleted = held.delete(filter);
      if (held.size === 0) this.#held = undefined;
      return isDeleted;
    }
    if (!Array.isArray(held)) {
      if (held.filter !== filter) return false;
      this.#held = undefined;
      return true;
    }
    const at = positionOf(held, filter);
    if (at < 0) return false;
    this.#held = held.length === 2 ? held[1 - at] : held.filter((_, position) => position !== at);
    return true;
  }

  /** In order of their coming. A copy is walked: they may change meanwhile. */
  values(): readonly Subscription[] {
    const held = this.#held;
    if (held === undefined) return [];
    if (held instanceof Map) return [...held.values()];
    return Array.isArray(held) ? [...held] : [held];
  }
}

function positionOf(held: readonly Subscription[], filter: string): number {
  for (let i = 0; i < held.length; i++) if (held[i]!.filter === filter) return i;
  return -1;
}
