import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { structureFault } from "./text-structure.ts";

const isDeeper = (text: string, levelsMax: number): boolean => structureFault(text, levelsMax, 1e9) === "levels";
const hasMore = (text: string, valuesMax: number): boolean => structureFault(text, 1e9, valuesMax) === "values";

test("counts arrays and objects inside each other", () => {
  assert.equal(isDeeper('[{"a":[]}]', 3), false);
  assert.equal(isDeeper('[{"a":[]}]', 2), true);
  assert.equal(isDeeper(`[${"[],".repeat(1000)}[]]`, 2), false);
});

test("does not look into strings", () => {
  const text = '["[[,[[", "\\"[[[,[", "\\\\", "[[\\\\\\"[["]';
  assert.equal(isDeeper(text, 1), false);
  assert.equal(hasMore(text, 5), false);
});

test("takes a string that never ends", () => {
  assert.equal(structureFault('["\\"[[[[[', 2, 2), undefined);
});

test("agrees with a count over the parsed value", () => {
  const isParent = (value: unknown): value is object => typeof value === "object" && value !== null;
  const levelsOf = (value: unknown): number =>
    isParent(value) ? 1 + Math.max(0, ...Object.values(value).map(levelsOf)) : 0;
  const valuesOf = (value: unknown): number =>
    isParent(value) ? Object.values(value).reduce((sum: number, each) => sum + valuesOf(each), 1) : 1;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      const [levels, values, text] = [levelsOf(value), valuesOf(value), JSON.stringify(value)];
      assert.equal(isDeeper(text, levels), false);
      if (levels > 0) assert.equal(isDeeper(text, levels - 1), true);
      // An empty list or object counts as having a value.
      assert.equal(hasMore(text, 2 * values), false);
      assert.equal(hasMore(text, values - 1), true);
    }),
  );
});
