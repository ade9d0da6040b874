/**
 * Rules that give topics of clients another name, before anything else looks at them: routes, captures, access and hooks see
 * what came out. A rule is a topic filter and a template; what a wildcard stands for takes the place of its number.
 *
 *     y/+/z/# ─▶ y/z/{1}/{2}        y/a/z/b/c ─▶ y/z/a/b/c        y/a/z ─▶ y/z/a
 *
 * - The first rule that matches is applied, once.
 * - A topic filter of a client is rewritten when the rule takes in all that it matches, its own wildcards being what the rule's
 *   stand for: y/+/z/# ─▶ y/z/+/#. So who subscribes under the old name gets what is published under it, under the new one.
 * - In `{n}` of a `#` there may be any number of levels, so it stands last; without any, its level goes.
 *
 * There is no regular expression: matching is one pass over the levels. Hot: `topicOf`, a look-up per message for a topic seen
 * before; `publish-path.bench.ts` measures it.
 */

import { ByteMap, bytesEqual } from "@polylog/base/bytes";
import { checkTopicName, fieldSizeMax, isTopicFilter, mqttWireErrors } from "@polylog/mqtt-wire";
import { parseTopicFilter } from "@polylog/mqtt-wire/mqtt5";
import { rewrittenTopicSizeMax, rewrittenTopicsMax } from "./limits.ts";

export const rewriteActions = ["publish", "subscribe", "all"] as const;
export type RewriteAction = (typeof rewriteActions)[number];

export interface RewriteRule {
  /** `publish`: names of messages and wills; `subscribe`: filters of SUBSCRIBE and UNSUBSCRIBE. */
  readonly action: RewriteAction;
  readonly source: string;
  readonly destination: string;
}

interface Compiled {
  readonly source: readonly string[];
  /** A level, or the index of what a wildcard stands for. */
  readonly destination: readonly (string | number)[];
}

interface KnownName {
  readonly name: Buffer;
  /** What it becomes; undefined: it stays. */
  readonly other: Buffer | undefined;
}

const placeholder = /^\{([1-9]\d{0,2})\}$/;

/** What is wrong with a rule, or nothing. */
export function findRewriteProblem({ source, destination }: RewriteRule): string | undefined {
  if (!isTopicFilter(source)) return `"${source}" is not a topic filter`;
  if (source.startsWith("$") || destination.startsWith("$")) return "topics that begin with $ are not rewritten";
  const wildcards = source.split("/").filter((level) => level === "+" || level === "#");
  const levels = destination.split("/");
  const used = new Set<number>();
  for (const [index, level] of levels.entries()) {
    if (/[+#]/.test(level)) return `the destination has a wildcard; write {1} for what the first one stands for`;
    const number = Number(placeholder.exec(level)?.[1] ?? 0);
    if (number === 0 && /[{}]/.test(level))
      return `"${level}": a number in braces is a level of its own, such as a/{1}/b`;
    if (number === 0) continue;
    if (number > wildcards.length) return `{${number}}: the source has ${wildcards.length} wildcards`;
    if (used.has(number)) return `{${number}} is used twice`;
    used.add(number);
    if (wildcards[number - 1] === "#" && index < levels.length - 1)
      return `{${number}} stands for a # and must be the last level`;
  }
  return isTopicFilter(destination) ? undefined : `"${destination}" is not a topic`;
}

/** For rules in which `findRewriteProblem` found nothing. */
export class TopicRewrites {
  readonly #publish: readonly Compiled[];
  readonly #subscribe: readonly Compiled[];
  readonly #known = new ByteMap<KnownName>(rewrittenTopicsMax);
  /** Messages that arrive together are often for one topic. */
  #last: KnownName = { name: Buffer.alloc(0), other: undefined };

  constructor(rules: readonly RewriteRule[]) {
    this.#publish = rules.filter(({ action }) => action !== "subscribe").map(compile);
    this.#subscribe = rules.filter(({ action }) => action !== "publish").map(compile);
  }

  /**
   * What the topic name `bytes[start, end)` of a PUBLISH becomes; undefined: it stays. Throws as `checkTopicName` does, and
   * TOPIC_NAME_INVALID when it becomes too long.
   */
  topicOf(bytes: Buffer, start: number, end: number): Buffer | undefined {
    let known = this.#last;
    if (known.name.length === end - start && bytesEqual(bytes, start, end, known.name, 0)) return known.other;
    known = this.#known.get(bytes, start, end) ?? this.#learn(bytes, start, end);
    this.#last = known;
    return known.other;
  }

  #learn(bytes: Buffer, start: number, end: number): KnownName {
    checkTopicName(bytes, start, end); // [MQTT-3.3.2-2]
    const text = bytes.toString("utf8", start, end);
    const rewritten = rewrite(this.#publish, text);
    const other = rewritten === text ? undefined : Buffer.from(rewritten);
    if (other !== undefined && other.length > fieldSizeMax)
      throw mqttWireErrors.TOPIC_NAME_INVALID({ packet: "PUBLISH", problem: "it is too long once it is rewritten" });
    const known = { name: Buffer.from(text), other };
    if (end - start <= rewrittenTopicSizeMax) this.#known.set(bytes, start, end, known);
    return known;
  }

  /** What the name of a will becomes. */
  nameOf(name: string): string {
    return rewrite(this.#publish, name);
  }

  /** What a topic filter becomes; a shared one keeps its share. */
  filterOf(filter: string): string {
    const parsed = parseTopicFilter(filter);
    if (parsed === undefined) return filter;
    const { shareName, topicFilter } = parsed;
    const other = rewrite(this.#subscribe, topicFilter);
    return shareName === undefined ? other : `$share/${shareName}/${other}`;
  }
}

function compile({ source, destination }: RewriteRule): Compiled {
  const levels = destination.split("/").map((level) => {
    const number = placeholder.exec(level)?.[1];
    return number === undefined ? level : Number(number) - 1;
  });
  return { source: source.split("/"), destination: levels };
}

function rewrite(rules: readonly Compiled[], topic: string): string {
  if (topic.startsWith("$")) return topic;
  const levels = topic.split("/");
  for (const { source, destination } of rules) {
    const parts = match(source, levels);
    const other = parts && render(destination, parts);
    if (other !== undefined && other !== "") return other;
  }
  return topic;
}

/** What each wildcard of `source` stands for; of a `#` undefined when it is no level at all. Undefined: it does not match. */
function match(source: readonly string[], levels: readonly string[]): readonly (string | undefined)[] | undefined {
  const parts: (string | undefined)[] = [];
  for (const [index, wanted] of source.entries()) {
    if (wanted === "#") {
      parts.push(index < levels.length ? levels.slice(index).join("/") : undefined);
      return parts;
    }
    const level = levels[index];
    if (level === undefined || level === "#") return undefined;
    if (wanted === "+") parts.push(level);
    else if (wanted !== level) return undefined;
  }
  return source.length === levels.length ? parts : undefined;
}

function render(destination: Compiled["destination"], parts: readonly (string | undefined)[]): string {
  return destination
    .map((level) => (typeof level === "string" ? level : parts[level]))
    .filter((level) => level !== undefined)
    .join("/");
}
