import assert from "node:assert/strict";
import { test } from "node:test";
import { distributionOf, skewOf } from "./balance.ts";

const tally = (hits: Record<string, number>) => ({ hits: new Map(Object.entries(hits)), failures: new Map() });

test("lists nodes that were never reached and nodes that nobody knows", () => {
  const { nodes, neverReached, requests } = distributionOf(tally({ a: 6, x: 3 }), ["a", "b"]);
  assert.deepEqual(
    nodes.map(({ name, hits, isKnown }) => [name, hits, isKnown]),
    [
      ["a", 6, true],
      ["x", 3, false],
      ["b", 0, true],
    ],
  );
  assert.deepEqual([neverReached, requests], [["b"], 9]);
});

test("takes every node for known where the cluster cannot be asked", () => {
  assert.deepEqual(distributionOf(tally({ a: 1 }), undefined).nodes, [{ name: "a", hits: 1, share: 1, isKnown: true }]);
});

/** Tails of the chi-square distribution, from a table. */
const skews: readonly (readonly [hits: readonly number[], chiSquare: number, p: number])[] = [
  [[10, 10, 10], 0, 1],
  [[15, 5], 5, 0.025],
  [[20, 10, 10, 0], 20, 0.0002],
  [[16, 10, 4], 7.2, 0.027],
];
for (const [hits, chiSquare, p] of skews)
  test(`gives ${hits.join(" ")} a chi-square of ${chiSquare}`, () => {
    const skew = skewOf(hits);
    assert.ok(Math.abs((skew?.chiSquare ?? -1) - chiSquare) < 0.01);
    assert.ok(Math.abs((skew?.p ?? -1) - p) < 0.01, String(skew?.p));
  });

test("speaks of no skew with one node or no answer", () => {
  assert.equal(skewOf([5]), undefined);
  assert.equal(skewOf([0, 0]), undefined);
});
