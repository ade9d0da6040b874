/**
 * Wildcard filters by level. Each node is a place in a filter; what is kept for a filter hangs on the node it ends at.
 *
 *     a/+/c   root ─"a"─▶ ● ─+─▶ ● ─"c"─▶ ● here
 *     a/#     root ─"a"─▶ ● below
 *
 * A node has no map until it has a named child, and a removed filter takes with it the nodes that served it alone.
 * Walking down a topic visits at most two children of a node and never goes deeper than the deepest filter, which the
 * caller bounds (`topicLevelsMax`), so recursion is bounded too. Hot when a topic is new: `router.bench.ts`.
 */

class TrieNode<Value> {
  children: Map<string, TrieNode<Value>> | undefined = undefined;
  plus: TrieNode<Value> | undefined = undefined;
  /** For the filter that ends here. */
  here: Value | undefined = undefined;
  /** For the filter that goes on with `#`. */
  below: Value | undefined = undefined;
}

export class FilterTrie<Value> {
  #root = new TrieNode<Value>();
  #nodeCount = 0;
  #size = 0;

  /** Filters. */
  get size(): number {
    return this.#size;
  }

  /** Nodes without the root. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** `levels`: the filter, split. */
  get(levels: readonly string[]): Value | undefined {
    return this.#path(levels).at(-1)?.[slotOf(levels)];
  }

  set(levels: readonly string[], value: Value): void {
    const slot = slotOf(levels);
    const depth = slot === "below" ? levels.length - 1 : levels.length;
    let node = this.#root;
    for (let i = 0; i < depth; i++) node = this.#childOrNew(node, levels[i]!);
    if (node[slot] === undefined) this.#size++;
    node[slot] = value;
  }

  delete(levels: readonly string[]): void {
    const path = this.#path(levels);
    const node = path.at(-1);
    const slot = slotOf(levels);
    if (node?.[slot] === undefined) return;
    node[slot] = undefined;
    this.#size--;
    for (let i = path.length - 1; i > 0 && isUnused(path[i]!); i--) {
      this.#removeChild(path[i - 1]!, levels[i - 1]!);
    }
  }

  /** Adds to `found` what is kept for the filters that match the topic, split into `levels`. */
  match(levels: readonly string[], found: Value[]): void {
    const root = this.#root;
    if (levels[0]!.charCodeAt(0) !== 0x24) {
      matchFrom(root, levels, 0, found);
      return;
    }
    const child = root.children?.get(levels[0]!); // [MQTT-4.7.2-1]
    if (child !== undefined) matchFrom(child, levels, 1, found);
  }

  /** The nodes from the root to the filter's end, both included; empty when there is no such end. */
  #path(levels: readonly string[]): TrieNode<Value>[] {
    const depth = slotOf(levels) === "below" ? levels.length - 1 : levels.length;
    const path = [this.#root];
    for (let i = 0; i < depth; i++) {
      const child = childOf(path[i]!, levels[i]!);
      if (child === undefined) return [];
      path.push(child);
    }
    return path;
  }

  #childOrNew(node: TrieNode<Value>, level: string): TrieNode<Value> {
    const existing = childOf(node, level);
    if (existing !== undefined) return existing;
    const child = new TrieNode<Value>();
    this.#nodeCount++;
    if (level === "+") node.plus = child;
    else {
      node.children ??= new Map();
      node.children.set(level, child);
    }
    return child;
  }

  #removeChild(parent: TrieNode<Value>, level: string): void {
    this.#nodeCount--;
    if (level === "+") parent.plus = undefined;
    else {
      parent.children?.delete(level);
      if (parent.children?.size === 0) parent.children = undefined;
    }
  }
}

/** Where on the node at its end a filter's value hangs. */
function slotOf(levels: readonly string[]): "below" | "here" {
  return levels.at(-1) === "#" ? "below" : "here";
}

function childOf<Value>(node: TrieNode<Value>, level: string): TrieNode<Value> | undefined {
  return level === "+" ? node.plus : node.children?.get(level);
}

function isUnused(node: TrieNode<unknown>): boolean {
  return node.here === undefined && node.below === undefined && node.plus === undefined && node.children === undefined;
}

function matchFrom<Value>(node: TrieNode<Value>, levels: readonly string[], at: number, found: Value[]): void {
  if (node.below !== undefined) found.push(node.below);
  if (at === levels.length) {
    if (node.here !== undefined) found.push(node.here);
    return;
  }
  if (node.plus !== undefined) matchFrom(node.plus, levels, at + 1, found);
  const child = node.children?.get(levels[at]!);
  if (child !== undefined) matchFrom(child, levels, at + 1, found);
}
