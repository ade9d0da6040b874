/**
 * One direction's topics: which of a bridge's rules a topic falls under, and what it is called on the other side. Of rules
 * that overlap the first one counts.
 *
 *     pattern #, prefix here "site/", prefix there "plants/7/":      site/a ─▶ plants/7/a        site ─▶ plants/7
 */

import { type QoS, topicMatches } from "@polylog/mqtt-wire";
import type { BridgeRule } from "./bridge-config.ts";
import { mappedTopicSizeMax, mappedTopicsMax } from "./limits.ts";

export interface MappedTopic {
  readonly topic: Buffer;
  /** The rule's. */
  readonly qos: QoS;
}

interface Entry {
  readonly filter: string;
  readonly prefix: string;
  readonly otherPrefix: string;
  readonly qos: QoS;
}

export class TopicMap {
  readonly #entries: readonly Entry[];
  readonly #known = new Map<string, MappedTopic | undefined>();

  constructor(rules: readonly BridgeRule[], direction: "out" | "in") {
    this.#entries = rulesOf(rules, direction).map((rule) => {
      const [prefix, otherPrefix] =
        direction === "out" ? [rule.localPrefix, rule.remotePrefix] : [rule.remotePrefix, rule.localPrefix];
      return { filter: prefix + rule.pattern, prefix, otherPrefix, qos: rule.qos };
    });
  }

  /** What to subscribe to. */
  get filters(): readonly { readonly filter: string; readonly qos: QoS }[] {
    return this.#entries;
  }

  /** Undefined: no rule takes the topic `bytes[start, end)` over. */
  find(bytes: Buffer, start: number, end: number): MappedTopic | undefined {
    const key = bytes.toString("latin1", start, end);
    const known = this.#known.get(key);
    if (known !== undefined || this.#known.has(key)) return known;
    const mapped = this.#map(bytes.toString("utf8", start, end));
    if (end - start <= mappedTopicSizeMax) {
      if (this.#known.size >= mappedTopicsMax) this.#known.clear();
      this.#known.set(key, mapped);
    }
    return mapped;
  }

  #map(name: string): MappedTopic | undefined {
    for (const { filter, prefix, otherPrefix, qos } of this.#entries) {
      if (!topicMatches(filter, name)) continue;
      const topic = exchangePrefix(name, prefix, otherPrefix);
      if (topic !== "") return { topic: Buffer.from(topic), qos };
    }
    return undefined;
  }
}

/** The filter `a/#` also matches `a`, which lacks the end of the prefix `a/`; so does what takes its place. */
function exchangePrefix(name: string, prefix: string, otherPrefix: string): string {
  if (name.startsWith(prefix)) return otherPrefix + name.slice(prefix.length);
  return otherPrefix.endsWith("/") ? otherPrefix.slice(0, -1) : otherPrefix;
}

/** Those that go that way. */
export function rulesOf(rules: readonly BridgeRule[], direction: "out" | "in"): readonly BridgeRule[] {
  return rules.filter((rule) => rule.direction === "both" || rule.direction === direction);
}

/** True when a topic may match both filters. */
export function filtersOverlap(one: string, other: string): boolean {
  const left = one.split("/");
  const right = other.split("/");
  if (isWildcard(left[0]) && other.startsWith("$")) return false; // [MQTT-4.7.2-1]
  if (isWildcard(right[0]) && one.startsWith("$")) return false;
  for (let level = 0; ; level++) {
    const [a, b] = [left[level], right[level]];
    if (a === "#" || b === "#") return true;
    if (a === undefined || b === undefined) return a === b;
    if (a !== b && a !== "+" && b !== "+") return false;
  }
}

function isWildcard(level: string | undefined): boolean {
  return level === "+" || level === "#";
}
