import assert from "node:assert/strict";
import { test } from "node:test";
import type { BridgeRule } from "./bridge-config.ts";
import { filtersOverlap, TopicMap } from "./topic-map.ts";

const rule = (pattern: string, localPrefix: string, remotePrefix: string): BridgeRule => ({
  pattern,
  direction: "both",
  qos: 1,
  localPrefix,
  remotePrefix,
});

function find(rules: readonly BridgeRule[], direction: "out" | "in", topic: string): string | undefined {
  const bytes = Buffer.from(`..${topic}`);
  const map = new TopicMap(rules, direction);
  const first = map.find(bytes, 2, bytes.length)?.topic.toString();
  assert.equal(map.find(bytes, 2, bytes.length)?.topic.toString(), first);
  return first;
}

const cases: readonly (readonly [rules: readonly BridgeRule[], here: string, there: string | undefined])[] = [
  [[rule("#", "", "")], "a/b", "a/b"],
  [[rule("#", "site/", "plants/7/")], "site/a/b", "plants/7/a/b"],
  [[rule("#", "site/", "plants/7/")], "site", "plants/7"],
  [[rule("#", "site/", "")], "site", undefined],
  [[rule("room/+", "", "x-")], "room/é", "x-room/é"],
  [[rule("a", "", "1/"), rule("#", "", "2/")], "a", "1/a"],
  [[rule("a", "", "1/"), rule("#", "", "2/")], "b", "2/b"],
  [[rule("a/#", "", "")], "b", undefined],
  [[rule("#", "", "")], "$SYS/x", undefined],
];

for (const [rules, here, there] of cases)
  test(`maps ${here} by ${rules.map(({ localPrefix, pattern }) => localPrefix + pattern)}`, () => {
    assert.equal(find(rules, "out", here), there);
    if (there !== undefined) assert.equal(find(rules, "in", there), here);
  });

test("forgets topics when there are many", () => {
  const map = new TopicMap([rule("#", "", "x/")], "out");
  for (let i = 0; i < 10_000; i++) {
    const bytes = Buffer.from(`t/${i}`);
    assert.equal(map.find(bytes, 0, bytes.length)?.topic.toString(), `x/t/${i}`);
  }
});

const overlaps: readonly (readonly [one: string, other: string, overlap: boolean])[] = [
  ["#", "a/b", true],
  ["a/#", "a", true],
  ["a/+", "+/b", true],
  ["a/+", "a", false],
  ["a/b", "a/c", false],
  ["a/+/c", "a/#", true],
  ["+/b", "a/b/c", false],
  ["#", "$SYS/#", false],
  ["$SYS/#", "$SYS/broker", true],
];

for (const [one, other, overlap] of overlaps)
  test(`${one} and ${other} ${overlap ? "overlap" : "do not overlap"}`, () => {
    assert.equal(filtersOverlap(one, other), overlap);
    assert.equal(filtersOverlap(other, one), overlap);
  });
