/**
 * Values by topic name, found by topic filter: what retained messages are kept in.
 *
 * A map answers for one topic; a trie of levels answers for a filter, so that a subscription to `a/+` does not look at
 * every topic there is. A removed topic takes with it the nodes that served it alone. `retained-index.bench.ts`
 * measures both.
 */

import { brokerErrors } from "../errors.ts";
import { defaultRouterLimits, visitsPerStepMax } from "../limits.ts";
import { splitToKeep } from "./topic-rules.ts";

class TopicNode<Value> {
  children: Map<string, TopicNode<Value>> | undefined = undefined;
  value: Value | undefined = undefined;
}

/** Children still to be visited, and the place in the filter they stand at. */
interface Branch<Value> {
  readonly children: Iterator<TopicNode<Value>>;
  readonly level: number;
}

export class RetainedIndex<Value extends object> {
  readonly #levelsMax: number;
  readonly #nodes = new Map<string, TopicNode<Value>>();
  readonly #root = new TopicNode<Value>();
  /** Topics that begin with `$`, out of the way of filters that begin with a wildcard [MQTT-4.7.2-1]. */
  readonly #dollarRoot = new TopicNode<Value>();
  #nodeCount = 0;

  /** `levelsMax`: levels of a topic. Each takes memory of its own, a few hundred bytes for one byte sent. */
  constructor(levelsMax: number = defaultRouterLimits.topicLevelsMax) {
    this.#levelsMax = levelsMax;
  }

  /** Topics. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Nodes of the trie without its roots. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  get(topic: string): Value | undefined {
    return this.#nodes.get(topic)?.value;
  }

  /** Throws `broker.TOPIC_TOO_DEEP` when `set` would. */
  checkDepth(topic: string): void {
    this.#split(topic);
  }

  /** Throws `broker.TOPIC_TOO_DEEP`. */
  set(topic: string, value: Value): void {
    const node = this.#nodes.get(topic) ?? this.#add(topic);
    node.value = value;
  }

  /** Returns the value removed; undefined when there was none. */
  delete(topic: string): Value | undefined {
    const node = this.#nodes.get(topic);
    if (node === undefined) return undefined;
    const { value } = node;
    node.value = undefined;
    this.#nodes.delete(topic);
    this.#prune(topic);
    return value;
  }

  /**
   * The values whose topic matches `filter`, in no order. The index may change between two steps: a topic that is there
   * all the time is found once, one that comes or goes meanwhile is found or not.
   */
  *match(filter: string): Generator<Value, void> {
    for (const value of this.matchPaced(filter)) if (value !== undefined) yield value;
  }

  /**
   * As `match`, and yields undefined after every 1,024 topics or levels that were looked at, so that a filter that finds
   * little among many can be paced too.
   */
  *matchPaced(filter: string): Generator<Value | undefined, void> {
    const levels = filter.split("/");
    const branches: Branch<Value>[] = [];
    let node: TopicNode<Value> | undefined = this.#rootOf(filter);
    let level = 0;
    let visits = 0;
    for (;;) {
      while (node !== undefined) {
        const name: string | undefined = levels[level];
        if ((name === undefined || name === "#") && node.value !== undefined) yield node.value;
        if (name === "+" || name === "#") {
          const next = name === "#" ? level : level + 1;
          if (node.children !== undefined) branches.push({ children: node.children.values(), level: next });
          node = undefined;
        } else {
          node = name === undefined ? undefined : node.children?.get(name);
          level++;
        }
      }
      const branch = branches.at(-1);
      if (branch === undefined) return;
      const step = branch.children.next();
      if (step.done) branches.pop();
      else node = step.value;
      level = branch.level;
      if (++visits % visitsPerStepMax === 0) yield undefined;
    }
  }

  #split(topic: string): string[] {
    const levels = splitToKeep(topic, this.#levelsMax + 1);
    if (levels.length > this.#levelsMax) throw brokerErrors.TOPIC_TOO_DEEP({ levelsMax: this.#levelsMax });
    return levels;
  }

  #add(topic: string): TopicNode<Value> {
    const levels = this.#split(topic);
    let node = this.#rootOf(topic);
    for (const level of levels) {
      node.children ??= new Map();
      let child = node.children.get(level);
      if (child === undefined) {
        child = new TopicNode();
        node.children.set(level, child);
        this.#nodeCount++;
      }
      node = child;
    }
    this.#nodes.set(topic, node);
    return node;
  }

  #rootOf(topicOrFilter: string): TopicNode<Value> {
    return topicOrFilter.startsWith("$") ? this.#dollarRoot : this.#root;
  }

  #prune(topic: string): void {
    const levels = topic.split("/");
    const path = [this.#rootOf(topic)];
    for (const level of levels) path.push(path.at(-1)!.children!.get(level)!);
    for (let i = levels.length; i > 0; i--) {
      const { children, value } = path[i]!;
      if (children !== undefined || value !== undefined) return;
      const parent = path[i - 1]!;
      parent.children!.delete(levels[i - 1]!);
      if (parent.children!.size === 0) parent.children = undefined;
      this.#nodeCount--;
    }
  }
}
