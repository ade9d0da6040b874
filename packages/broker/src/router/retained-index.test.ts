import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RetainedIndex } from "./retained-index.ts";
import { filterMatchesTopic } from "./topic-rules.ts";

interface Message {
  readonly topic: string;
}

function filledIndex(topics: readonly string[]): RetainedIndex<Message> {
  const index = new RetainedIndex<Message>();
  for (const topic of topics) index.set(topic, { topic });
  return index;
}

function find(index: RetainedIndex<Message>, filter: string): string[] {
  return [...index.match(filter)].map(({ topic }) => topic).sort();
}

test("keeps the last value of a topic", () => {
  const index = new RetainedIndex<Message>();
  const [first, second] = [{ topic: "first" }, { topic: "second" }];
  index.set("a/b", first);
  index.set("a/b", second);
  assert.equal(index.get("a/b"), second);
  assert.equal(index.get("a"), undefined);
  assert.equal(index.size, 1);
  assert.equal(index.delete("a/b"), second);
  assert.equal(index.delete("a/b"), undefined);
  assert.equal(index.delete("a"), undefined);
  assert.deepEqual([index.size, index.nodeCount], [0, 0]);
});

test("agrees with a search through all topics", () => {
  const level = fc.constantFrom("", "a", "b", "$x");
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join("/"));
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }), fc.boolean())
    .map(([levels, open]) => (open ? [...levels, "#"] : levels).join("/"));
  const step = fc.record({ set: fc.boolean(), topic, filter });
  const property = fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
    const index = new RetainedIndex<Message>();
    const topics = new Set<string>();
    for (const { set, topic: name, filter: each } of steps) {
      if (set) index.set(name, { topic: name });
      else index.delete(name);
      if (set) topics.add(name);
      else topics.delete(name);
      assert.deepEqual(find(index, each), [...topics].filter((one) => filterMatchesTopic(each, one)).sort());
    }
    assert.equal(index.size, topics.size);
    for (const name of topics) index.delete(name);
    assert.deepEqual([index.size, index.nodeCount], [0, 0]);
  });
  fc.assert(property, { numRuns: 400 });
});

test("finds topics that stay while others come and go", () => {
  const staying = Array.from({ length: 50 }, (_, i) => `stay/${i % 5}/${i}`);
  const going = Array.from({ length: 50 }, (_, i) => `go/${i % 5}/${i}`);
  for (const filter of ["#", "+/+/+", "stay/#", "+/3/#"]) {
    const index = filledIndex([...staying, ...going].sort());
    const found: string[] = [];
    let steps = 0;
    for (const { topic } of index.match(filter)) {
      found.push(topic);
      if (going[steps] !== undefined) index.delete(going[steps]!);
      if (steps % 3 === 0 && going[steps - 3] !== undefined) index.set(going[steps - 3]!, { topic: "again" });
      if (steps < 20) index.set(`new/${steps}/${steps}`, { topic: "new" });
      steps++;
    }
    const stayed = found.filter((topic) => topic.startsWith("stay"));
    assert.deepEqual(stayed.sort(), staying.filter((topic) => filterMatchesTopic(filter, topic)).sort());
  }
});

test("pauses while it finds nothing", () => {
  const index = filledIndex(Array.from({ length: 10_000 }, (_, i) => `device/${i}/on`));
  const steps = [...index.matchPaced("device/+/off")];
  assert.ok(steps.length >= 9);
  assert.ok(steps.every((step) => step === undefined));
  assert.equal([...index.match("device/+/off")].length, 0);
  assert.equal([...index.match("device/+/on")].length, 10_000);
});

test("can be left in the middle of a match", () => {
  const index = filledIndex(["a", "b", "c"]);
  for (const { topic } of index.match("#")) {
    index.delete(topic);
    break;
  }
  assert.equal(index.size, 2);
});

test("refuses topics of too many levels", () => {
  const index = new RetainedIndex<Message>(3);
  index.set("a/b/c", { topic: "deepest" });
  for (const topic of ["a/b/c/d", "/".repeat(60_000)]) {
    assert.throws(() => index.set(topic, { topic }), { code: "broker.TOPIC_TOO_DEEP" });
    assert.equal(index.get(topic), undefined);
  }
  assert.deepEqual([index.size, index.nodeCount], [1, 3]);
  assert.deepEqual([...index.match("+/".repeat(60_000))], []);
});
