/**
 * Who gets a message: topic filters of subscribers and captures on one side, topic names on the other.
 *
 *     topic bytes ──▶ cache of routes ──hit──▶ Route
 *                        │ miss, or a filter that matches the topic has changed
 *                        ▼
 *                     exact filters (map) + wildcard filters (trie) ──▶ new Route, cached
 *
 * `version` rises with every change. A route is current when its version is the router's; whoever keeps one compares
 * the two and asks again when they differ. A route behind by at most 32 changes is compared with the filters that
 * changed, and if none matches its topic it is current again, unchanged: subscribing devices do not make the
 * router resolve the topics of others.
 *
 * Memory is bounded against topics that never come back: the cache starts afresh when it is full by entries or by
 * size, and after as many changes as it has entries, so that it does not keep what has left. Long topics are not cached.
 *
 * Hot: `lookup`. It allocates nothing for a topic seen before. `router.bench.ts` measures it, resolving and memory.
 */

import { ByteMap } from "@polylog/base/bytes";
import { brokerErrors } from "../errors.ts";
import { changesKept, defaultRouterLimits, type RouterLimits } from "../limits.ts";
import { FilterEntry, type MergeOverlapping, mergeCaptures, mergeSubscriptions } from "./filter-entry.ts";
import { FilterTrie } from "./filter-trie.ts";
import { filterMatchesTopic, isWildcardFilter, splitToKeep } from "./topic-rules.ts";

/** Where a topic's messages go. The arrays never change; a change makes a new route. */
export interface Route<Subscription, Capture> {
  readonly topic: string;
  /** The topic as UTF-8. Not to be written to. */
  readonly topicBytes: Uint8Array;
  /** The router's version up to which the route is known to be right; below 0: a route that somebody else made. */
  readonly version: number;
  /** Every one that matches; overlapping ones of one subscriber stand together, merged as the router was told to. */
  readonly subscriptions: readonly Subscription[];
  /** Each once, although several of its filters may match. */
  readonly captures: readonly Capture[];
}

interface CachedRoute<Subscription, Capture> extends Route<Subscription, Capture> {
  version: number;
}

/** What a cached route takes besides topic and subscriptions: objects, two copies of the topic, a slot; in bytes. */
const routeOverhead = 400;

export class Router<Subscription, Capture> {
  readonly #limits: RouterLimits;
  readonly #exact = new Map<string, FilterEntry<Subscription, Capture>>();
  readonly #wildcard = new FilterTrie<FilterEntry<Subscription, Capture>>();
  readonly #routes: ByteMap<CachedRoute<Subscription, Capture>>;
  #routesSize = 0;
  /** The version at which the cache was last empty. */
  #emptiedAt = 0;
  #version = 0;
  /** The filter that changed with version v is at v modulo `changesKept`. */
  readonly #changes: string[] = new Array(changesKept).fill("");
  readonly #found: FilterEntry<Subscription, Capture>[] = [];
  #subscriptionCount = 0;
  readonly #merge: MergeOverlapping<Subscription>;

  /** `merge` is called once per route with overlapping subscriptions of one subscriber; by default all of them stay. */
  constructor(
    limits: Partial<RouterLimits> = {},
    merge: MergeOverlapping<Subscription> = (overlapping) => overlapping,
  ) {
    this.#merge = merge;
    this.#limits = { ...defaultRouterLimits, ...limits };
    this.#routes = new ByteMap(this.#limits.routesMax);
  }

  /** Rises with every change that can alter a route. */
  get version(): number {
    return this.#version;
  }

  /** Filters with at least one subscription or capture. */
  get filterCount(): number {
    return this.#exact.size + this.#wildcard.size;
  }

  get subscriptionCount(): number {
    return this.#subscriptionCount;
  }

  /** Nodes of the trie of wildcard filters. */
  get nodeCount(): number {
    return this.#wildcard.nodeCount;
  }

  get cachedRouteCount(): number {
    return this.#routes.size;
  }

  /**
   * `filter` is valid; a shared one has lost its prefix. Replaces, and returns, the subscription that the same
   * subscriber had to the same filter. Throws `broker.FILTER_TOO_LARGE`.
   */
  subscribe(filter: string, subscriber: object, subscription: Subscription): Subscription | undefined {
    const previous = this.#entryOrNew(filter).put(subscriber, subscription);
    if (previous === undefined) this.#subscriptionCount++;
    this.#onChange(filter);
    return previous;
  }

  /** The same text, which others keep already if somebody has subscribed to it: for subscriptions, of which there are many. */
  sharedText(filter: string): string {
    return this.#entry(filter)?.filter ?? filter;
  }

  /** Returns what was removed; undefined when there was nothing. */
  unsubscribe(filter: string, subscriber: object): Subscription | undefined {
    const entry = this.#entry(filter);
    const removed = entry?.remove(subscriber);
    if (entry === undefined || removed === undefined) return undefined;
    this.#subscriptionCount--;
    this.#removeIfEmpty(filter, entry);
    this.#onChange(filter);
    return removed;
  }

  /** Adding the same capture to the same filter again does nothing. Throws `broker.FILTER_TOO_LARGE`. */
  addCapture(filter: string, capture: Capture): void {
    const entry = this.#entryOrNew(filter);
    if (entry.captures.includes(capture)) return;
    entry.captures = [...entry.captures, capture];
    this.#onChange(filter);
  }

  removeCapture(filter: string, capture: Capture): void {
    const entry = this.#entry(filter);
    if (entry === undefined || !entry.captures.includes(capture)) return;
    entry.captures = entry.captures.filter((each) => each !== capture);
    this.#removeIfEmpty(filter, entry);
    this.#onChange(filter);
  }

  /**
   * The route of the topic `bytes[start, end)` if it was resolved lately, and so was valid then; brought up to date.
   * When this answers undefined, check the name and call `resolve`.
   */
  lookup(bytes: Uint8Array, start: number, end: number): Route<Subscription, Capture> | undefined {
    const route = this.#routes.get(bytes, start, end);
    if (route === undefined) return undefined;
    return route.version === this.#version ? route : this.#bringUpToDate(route);
  }

  /** The route of the topic name `bytes[start, end)`, which must be valid UTF-8. Copies what it keeps. */
  resolve(bytes: Uint8Array, start: number, end: number): Route<Subscription, Capture> {
    const cached = this.lookup(bytes, start, end);
    if (cached !== undefined) return cached;
    const topicBytes = new Uint8Array(bytes.subarray(start, end));
    return this.#resolveNew(decoder.decode(bytes.subarray(start, end)), topicBytes);
  }

  /** As `resolve`, for a topic that came as a string. */
  resolveName(topic: string): Route<Subscription, Capture> {
    const bytes = Buffer.from(topic);
    const cached = this.lookup(bytes, 0, bytes.length);
    return cached ?? this.#resolveNew(topic, new Uint8Array(bytes)); // A small buffer would keep its 8 KiB pool alive.
  }

  #resolveNew(topic: string, topicBytes: Uint8Array): Route<Subscription, Capture> {
    const route = this.#match(topic, topicBytes);
    if (topicBytes.length > this.#limits.routeTopicSizeMax) return route;
    if (this.#routes.size >= this.#limits.routesMax) this.#emptyCache();
    this.#cache(route);
    return route;
  }

  #bringUpToDate(route: CachedRoute<Subscription, Capture>): Route<Subscription, Capture> {
    if (!this.#hasChanged(route)) {
      route.version = this.#version;
      return route;
    }
    const resolved = this.#match(route.topic, route.topicBytes);
    this.#routesSize -= sizeOf(route);
    this.#cache(resolved);
    return resolved;
  }

  #hasChanged({ topic, version }: Route<Subscription, Capture>): boolean {
    if (this.#version - version > changesKept) return true;
    for (let v = version + 1; v <= this.#version; v++) {
      if (filterMatchesTopic(this.#changes[v & (changesKept - 1)]!, topic)) return true;
    }
    return false;
  }

  #match(topic: string, topicBytes: Uint8Array): CachedRoute<Subscription, Capture> {
    const found = this.#found;
    const exact = this.#exact.get(topic);
    if (exact !== undefined) found.push(exact);
    // One level more than a filter can have tells that the topic goes on.
    if (this.#wildcard.size > 0) this.#wildcard.match(topic.split("/", this.#limits.topicLevelsMax + 1), found);
    const subscriptions = mergeSubscriptions(found, this.#merge);
    const captures = mergeCaptures(found);
    found.length = 0;
    return { topic, topicBytes, version: this.#version, subscriptions, captures };
  }

  #cache(route: CachedRoute<Subscription, Capture>): void {
    const size = sizeOf(route);
    if (this.#routesSize + size > this.#limits.routesSizeMax) this.#emptyCache();
    this.#routes.set(route.topicBytes, 0, route.topicBytes.length, route);
    this.#routesSize += size;
  }

  #emptyCache(): void {
    this.#routes.clear();
    this.#routesSize = 0;
    this.#emptiedAt = this.#version;
  }

  #onChange(filter: string): void {
    this.#version++;
    this.#changes[this.#version & (changesKept - 1)] = filter;
    if (this.#version - this.#emptiedAt >= this.#limits.routesMax) this.#emptyCache();
  }

  #entry(filter: string): FilterEntry<Subscription, Capture> | undefined {
    return isWildcardFilter(filter) ? this.#wildcard.get(filter.split("/")) : this.#exact.get(filter);
  }

  #entryOrNew(filter: string): FilterEntry<Subscription, Capture> {
    const existing = this.#entry(filter);
    if (existing !== undefined) return existing;
    const levels = splitToKeep(filter, this.#limits.topicLevelsMax + 1);
    this.#checkFilter(filter, levels.length);
    const entry = new FilterEntry<Subscription, Capture>(filter);
    if (isWildcardFilter(filter)) this.#wildcard.set(levels, entry);
    else this.#exact.set(filter, entry);
    return entry;
  }

  #checkFilter(filter: string, levels: number): void {
    const { filterSizeMax: sizeMax, topicLevelsMax: levelsMax } = this.#limits;
    const size = Buffer.byteLength(filter);
    if (size > sizeMax || levels > levelsMax) {
      throw brokerErrors.FILTER_TOO_LARGE({ size, sizeMax, levelsMax });
    }
  }

  #removeIfEmpty(filter: string, entry: FilterEntry<Subscription, Capture>): void {
    if (!entry.isEmpty) return;
    if (isWildcardFilter(filter)) this.#wildcard.delete(filter.split("/"));
    else this.#exact.delete(filter);
  }
}

/** Counts lent subscriptions as if they were the route's own: too much rather than too little. */
function sizeOf(route: Route<unknown, unknown>): number {
  return routeOverhead + 3 * route.topicBytes.length + 8 * route.subscriptions.length;
}

/** Keeps U+FEFF, which is a character like any other here [MQTT-1.5.4-3]. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
