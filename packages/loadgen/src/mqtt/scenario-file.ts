/**
 * A scenario as a TOML file: any mix of publishers and subscribers.
 *
 *     name = "building"
 *     warmup = "5s"                            default: --warmup
 *     duration = "60s"                         default: --duration
 *
 *     [[publishers]]
 *     count = 100
 *     topic = "floor-{i%10}/sensor-{i}"        {i}: place among these publishers; {i%10}: remainder
 *     rate = 2.5                               messages per second of each; 0: as fast as the broker takes them
 *     stages = "30s:100,1m:100"                as --stages; then `duration` is left out
 *     qos = 1                                  default 0
 *     retain = false
 *     payload-size = 64                        or payload-template = "…"
 *
 *     [[subscribers]]
 *     count = 10
 *     filter = "floor-{i}/+"                   $share/NAME/… makes a group of them
 *     qos = 1
 *
 * A key that is not listed here is refused, with the place at which it stands.
 */

import { isTopicFilter, isTopicName, type QoS } from "@polylog/mqtt-wire";
import { loadgenErrors } from "../errors.ts";
import { parseDuration, parseStages } from "../measure/stages.ts";
import type { BenchPlan, FlowPlan, PublisherPlan, SubscriptionPlan } from "./plan.ts";
import { isStampedPayload, type PayloadPlan, payloadsOf } from "./shape-plan.ts";

/** What a file does not say. */
export interface ScenarioDefaults {
  readonly warmupNs: number;
  readonly durationNs: number;
  readonly clientPrefix: string;
  readonly filling: Uint8Array;
}

type Section = Readonly<Record<string, unknown>>;

const publisherKeys = ["name", "count", "topic", "rate", "stages", "qos", "retain", "payload-size", "payload-template"];
const subscriberKeys = ["name", "count", "filter", "qos"];
const rootKeys = ["name", "description", "warmup", "duration", "publishers", "subscribers"];

/** `path` is for errors. Throws SCENARIO_FILE_INVALID. */
export async function parseScenario(text: string, path: string, defaults: ScenarioDefaults): Promise<BenchPlan> {
  const { parse } = await import("smol-toml");
  let root: Section;
  try {
    root = parse(text);
  } catch (error) {
    throw loadgenErrors.SCENARIO_FILE_INVALID({ path, problem: (error as Error).message }, error);
  }
  return new ScenarioReader(path, defaults).read(root);
}

class ScenarioReader {
  readonly #path: string;
  readonly #defaults: ScenarioDefaults;

  constructor(path: string, defaults: ScenarioDefaults) {
    this.#path = path;
    this.#defaults = defaults;
  }

  read(root: Section): BenchPlan {
    this.#checkKeys("", root, rootKeys);
    const flows: FlowPlan[] = [];
    for (const [index, section] of this.#sections(root, "publishers").entries()) {
      const first = flows.reduce((sum, flow) => sum + flow.publishers.length, 0);
      flows.push(this.#readFlow(`publishers[${index}]`, section, first));
    }
    const subscriptions: SubscriptionPlan[] = [];
    for (const [index, section] of this.#sections(root, "subscribers").entries()) {
      this.#readSubscriptions(`subscribers[${index}]`, section, subscriptions);
    }
    if (flows.length + subscriptions.length === 0) throw this.#invalid("it has neither publishers nor subscribers");
    const lengths = flows.map(({ stages }) => stages.reduce((sum, { durationNs }) => sum + durationNs, 0));
    const given = this.#duration(root, "duration");
    const durationNs = given ?? (Math.max(0, ...lengths) || this.#defaults.durationNs);
    if (lengths.some((length) => length > durationNs)) throw this.#invalid("stages are longer than duration");
    const isStamped = flows.every(({ payloads }) => payloads.every(isStampedPayload));
    const warmupNs = isStamped ? (this.#duration(root, "warmup") ?? this.#defaults.warmupNs) : 0;
    return { name: this.#text("", root, "name") ?? "scenario", flows, subscriptions, warmupNs, durationNs };
  }

  #readFlow(at: string, section: Section, senderFirst: number): FlowPlan {
    this.#checkKeys(at, section, publisherKeys);
    const name = this.#text(at, section, "name") ?? at;
    const topic = this.#text(at, section, "topic");
    if (topic === undefined) throw this.#invalid(`${at} has no topic`);
    const { clientPrefix } = this.#defaults;
    const publishers: PublisherPlan[] = [];
    for (let place = 0; place < this.#count(at, section); place++) {
      const sender = senderFirst + place;
      const filled = fillPlace(topic, place);
      if (!isTopicName(filled)) throw this.#invalid(`${at}.topic: ${JSON.stringify(filled)} is no topic name`);
      publishers.push({ sender, place, clientIdentifier: `${clientPrefix}-pub-${sender}`, topic: filled });
    }
    const stages = parseStages(this.#text(at, section, "stages") ?? "0ms:0");
    if (stages.problem !== undefined) throw this.#invalid(`${at}.stages: ${stages.problem}`);
    const isStaged = section["stages"] !== undefined;
    return {
      name,
      qos: this.#qos(at, section),
      retain: section["retain"] === true,
      rate: this.#number(at, section, "rate") ?? (isStaged ? 0 : 1),
      stages: isStaged ? stages.stages : [],
      payloads: payloadsOf(this.#payload(at, section), publishers),
      publishers,
    };
  }

  #readSubscriptions(at: string, section: Section, all: SubscriptionPlan[]): void {
    this.#checkKeys(at, section, subscriberKeys);
    const filter = this.#text(at, section, "filter");
    if (filter === undefined) throw this.#invalid(`${at} has no filter`);
    const qos = this.#qos(at, section);
    for (let place = 0; place < this.#count(at, section); place++) {
      const filled = fillPlace(filter, place);
      if (!isTopicFilter(filled)) throw this.#invalid(`${at}.filter: ${JSON.stringify(filled)} is no topic filter`);
      const index = all.length;
      all.push({ index, clientIdentifier: `${this.#defaults.clientPrefix}-sub-${index}`, filter: filled, qos });
    }
  }

  #payload(at: string, section: Section): PayloadPlan {
    const template = this.#text(at, section, "payload-template");
    if (template !== undefined) return { template };
    const size = this.#number(at, section, "payload-size") ?? 64;
    if (!Number.isInteger(size) || size < 8 || size > 2 ** 24) {
      throw this.#invalid(`${at}.payload-size is ${size} and not 8 to 16777216`);
    }
    return { size, filling: this.#defaults.filling };
  }

  #sections(root: Section, key: string): readonly Section[] {
    const value = root[key] ?? [];
    if (!Array.isArray(value)) throw this.#invalid(`${key} is written as [[${key}]]`);
    return value as readonly Section[];
  }

  #checkKeys(at: string, section: Section, known: readonly string[]): void {
    const other = Object.keys(section).find((key) => !known.includes(key));
    if (other === undefined) return;
    throw this.#invalid(`${at === "" ? "" : `${at}.`}${other} is not known; there is ${known.join(", ")}`);
  }

  #text(at: string, section: Section, key: string): string | undefined {
    const value = section[key];
    if (value === undefined || typeof value === "string") return value;
    throw this.#invalid(`${at === "" ? "" : `${at}.`}${key} is not a text`);
  }

  #number(at: string, section: Section, key: string): number | undefined {
    const value = section[key];
    if (value === undefined || (typeof value === "number" && value >= 0)) return value;
    throw this.#invalid(`${at}.${key} is not a number from 0 on`);
  }

  #count(at: string, section: Section): number {
    const count = this.#number(at, section, "count") ?? 1;
    if (Number.isInteger(count) && count <= 1_000_000) return count;
    throw this.#invalid(`${at}.count is ${count} and not a whole number up to 1000000`);
  }

  #qos(at: string, section: Section): QoS {
    const qos = this.#number(at, section, "qos") ?? 0;
    if (qos === 0 || qos === 1 || qos === 2) return qos;
    throw this.#invalid(`${at}.qos is ${qos} and not 0, 1 or 2`);
  }

  #duration(root: Section, key: string): number | undefined {
    const text = this.#text("", root, key);
    if (text === undefined) return undefined;
    const ns = parseDuration(text);
    if (ns === undefined) throw this.#invalid(`${key}: ${JSON.stringify(text)} is not a duration such as 30s`);
    return ns;
  }

  #invalid(problem: string): Error {
    return loadgenErrors.SCENARIO_FILE_INVALID({ path: this.#path, problem });
  }
}

/** `{i}` and `{i%10}`. */
export function fillPlace(text: string, place: number): string {
  return text.replace(/\{i(?:%(\d+))?\}/g, (_, modulus: string | undefined) =>
    String(modulus === undefined ? place : place % Math.max(1, Number(modulus))),
  );
}
