/**
 * Everybody who is interested in one filter: subscribers, each with one subscription, and captures.
 *
 * An array of subscriptions is lent to routes instead of being copied for each topic. Before a lent array would change,
 * it is copied once, so that whoever walks a route never sees it change.
 */

/** Above this many subscribers a map finds them; below, a walk is as fast and needs no memory. */
const walkedMax = 16;

/** Never added to. */
const none: never[] = [];

export class FilterEntry<Subscription, Capture> {
  /** The one text of it that all who subscribe share. */
  readonly filter: string;
  captures: readonly Capture[] = none;
  /** `subscribers[i]` has `subscriptions[i]`. Most filters have one subscriber: then it is no array, but the subscriber itself. */
  #subscribers: object[] | object | undefined;
  #subscriptions: Subscription[] = none;
  #lent = false;
  #positions: Map<object, number> | undefined;

  constructor(filter = "") {
    this.filter = filter;
  }

  get size(): number {
    return this.#subscriptions.length;
  }

  get isEmpty(): boolean {
    return this.#subscriptions.length === 0 && this.captures.length === 0;
  }

  /** The subscriptions, in no order. The array does not change any more. */
  lend(): readonly Subscription[] {
    this.#lent = true;
    return this.#subscriptions;
  }

  has(subscriber: object): boolean {
    return this.#positionOf(subscriber) >= 0;
  }

  /** Returns the subscription that this one replaces. */
  put(subscriber: object, subscription: Subscription): Subscription | undefined {
    this.#takeBack();
    const at = this.#positionOf(subscriber);
    if (at >= 0) {
      const previous = this.#subscriptions[at];
      this.#subscriptions[at] = subscription;
      return previous;
    }
    const subscribers = this.#subscribers;
    if (subscribers === undefined) {
      // An array that grows by `push` would make room for 17: 256 bytes more per filter.
      this.#subscribers = subscriber;
      this.#subscriptions = [subscription];
      return undefined;
    }
    const list = Array.isArray(subscribers) ? subscribers : [subscribers];
    this.#subscribers = list;
    this.#positions?.set(subscriber, list.length);
    list.push(subscriber);
    this.#subscriptions.push(subscription);
    if (this.#positions === undefined && list.length > walkedMax) {
      this.#positions = new Map(list.map((each, position) => [each, position]));
    }
    return undefined;
  }

  remove(subscriber: object): Subscription | undefined {
    const at = this.#positionOf(subscriber);
    if (at < 0) return undefined;
    this.#takeBack();
    const removed = this.#subscriptions[at];
    const lastSubscription = this.#subscriptions.pop()!;
    const subscribers = this.#subscribers;
    const isList = Array.isArray(subscribers);
    const lastSubscriber = isList ? subscribers.pop()! : subscriber;
    this.#positions?.delete(subscriber);
    if (isList && at < subscribers.length) {
      subscribers[at] = lastSubscriber;
      this.#subscriptions[at] = lastSubscription;
      this.#positions?.set(lastSubscriber, at);
    }
    if (this.#subscriptions.length === 0) this.#subscribers = this.#positions = undefined;
    return removed;
  }

  /** True when somebody is in both. */
  overlaps(other: FilterEntry<Subscription, Capture>): boolean {
    if (other.size < this.size) return other.overlaps(this);
    for (let i = 0; i < this.size; i++) if (other.has(this.#subscriberAt(i))) return true;
    return false;
  }

  /** Adds each subscription to its subscriber's group. */
  addToGroups(groups: Map<object, Subscription[]>): void {
    for (let i = 0; i < this.size; i++) {
      const subscriber = this.#subscriberAt(i);
      const group = groups.get(subscriber);
      if (group === undefined) groups.set(subscriber, [this.#subscriptions[i]!]);
      else group.push(this.#subscriptions[i]!);
    }
  }

  #subscriberAt(position: number): object {
    const subscribers = this.#subscribers!;
    return Array.isArray(subscribers) ? subscribers[position]! : subscribers;
  }

  #positionOf(subscriber: object): number {
    if (this.#positions !== undefined) return this.#positions.get(subscriber) ?? -1;
    const subscribers = this.#subscribers;
    if (Array.isArray(subscribers)) return subscribers.indexOf(subscriber);
    return subscribers === subscriber ? 0 : -1;
  }

  #takeBack(): void {
    if (!this.#lent) return;
    this.#subscriptions = this.#subscriptions.slice();
    this.#lent = false;
  }
}

/** Above this many filters, looking for overlaps pair by pair costs more than grouping. */
const pairedMax = 8;

/** Of several subscriptions of one subscriber, those that a route gets. */
export type MergeOverlapping<Subscription> = (overlapping: readonly Subscription[]) => readonly Subscription[];

/** The subscriptions of all `entries`; those of one subscriber stand together and are merged. */
export function mergeSubscriptions<Subscription>(
  entries: readonly FilterEntry<Subscription, unknown>[],
  merge: MergeOverlapping<Subscription>,
): readonly Subscription[] {
  const filled = entries.filter((entry) => entry.size > 0);
  if (filled.length === 0) return none;
  if (filled.length === 1) return filled[0]!.lend();
  if (filled.length <= pairedMax && !anyOverlap(filled)) {
    return ([] as Subscription[]).concat(...filled.map((entry) => entry.lend()));
  }
  const groups = new Map<object, Subscription[]>();
  for (const entry of filled) entry.addToGroups(groups);
  return [...groups.values()].flatMap((group) => (group.length > 1 ? merge(group) : group));
}

/** The captures of all `entries`, each once, although several of its filters may match. */
export function mergeCaptures<Capture>(entries: readonly FilterEntry<unknown, Capture>[]): readonly Capture[] {
  let merged: readonly Capture[] = none;
  for (const { captures } of entries) {
    if (captures.length === 0) continue;
    merged = merged.length === 0 ? captures : [...new Set([...merged, ...captures])];
  }
  return merged;
}

function anyOverlap(entries: readonly FilterEntry<unknown, unknown>[]): boolean {
  for (let a = 1; a < entries.length; a++) {
    for (let b = 0; b < a; b++) if (entries[a]!.overlaps(entries[b]!)) return true;
  }
  return false;
}
