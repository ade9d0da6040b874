// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { measure } from "./budgets.mjs";
import { plantTree } from "./planted-tree.mjs";
import { expectNone, expectProblems } from "./problems.mjs";
import { compareWithRatchet, readRatchet, shrinkRatchet } from "./ratchet.mjs";
import { Tree } from "./tree.mjs";

test("files, functions and doors keep their budgets", () => {
  const tree = new Tree();
  expectNone(compareWithRatchet(measure(tree), readRatchet(tree.root)));
});

const lines = (/** @type {number} */ count) => "a();\n".repeat(count);
const exported = (/** @type {number} */ count) =>
  `export { ${Array.from({ length: count }, (_, i) => `a${i}`).join(", ")} } from "./a.ts";\n`;

test("finds planted files, functions and doors that are too large", (t) => {
  const tree = plantTree(t, {
    "packages/a/package.json": {},
    "packages/a/src/long.ts": lines(501),
    "packages/a/src/long.test.ts": lines(601),
    "packages/a/src/function.ts": `export function big(): void {\n${lines(69)}}\n`,
    "packages/a/src/index.ts": exported(41),
    "scripts/long.mjs": `const run = async () => {\n${lines(70)}};\n`,
  });
  expectProblems(compareWithRatchet(measure(tree), {}), [
    /src\/long\.ts: 501 lines, at most 500/,
    /src\/long\.test\.ts: 601 lines, at most 600/,
    /function\.ts:1 big: 71 function lines, at most 70/,
    /index\.ts: 41 exports, at most 40/,
    /long\.mjs:1 run: 72 function lines/,
  ]);
});

test("lets suites of tests and files at the limit be", (t) => {
  const tree = plantTree(t, {
    "packages/a/package.json": {},
    "packages/a/src/long.ts": lines(500),
    "packages/a/src/suite.test.ts": `describe("a", () => {\n${lines(80)}test("b", () => {});\n});\n`,
    "packages/a/src/function.ts": `export function fits(): void {\n${lines(68)}}\n`,
    "packages/a/src/index.ts": exported(40),
  });
  expectNone(compareWithRatchet(measure(tree), {}));
});

test("lets an exception in the ratchet only shrink", (t) => {
  const at = "packages/a/src/long.ts";
  const tree = plantTree(t, { "packages/a/package.json": {}, [at]: lines(550) });
  const judge = (/** @type {number} */ allowed) => compareWithRatchet(measure(tree), { lines: { [at]: allowed } });
  expectNone(judge(550));
  expectProblems(judge(549), [/550 lines, at most 549/]);
  expectProblems(judge(551), [/shrank to 550 lines; lower its entry/]);
});

test("finds a ratchet entry that is no longer needed", (t) => {
  const at = "packages/a/src/short.ts";
  const tree = plantTree(t, { "packages/a/package.json": {}, [at]: lines(20) });
  const ratchet = { lines: { [at]: 550 }, exports: { "gone.ts": 50 } };
  expectProblems(compareWithRatchet(measure(tree), ratchet), [/short\.ts keep the budget now/, /gone\.ts keep the/]);
});

test("shrinks the ratchet and raises nothing", (t) => {
  const { root } = plantTree(t, {
    "packages/a/package.json": {},
    "packages/a/src/shrunk.ts": lines(510),
    "packages/a/src/grown.ts": lines(600),
    "packages/a/src/fine.ts": lines(20),
    "tidy/ratchet.json": {
      lines: { "packages/a/src/shrunk.ts": 550, "packages/a/src/grown.ts": 550, "packages/a/src/fine.ts": 501 },
    },
  });
  shrinkRatchet(root);
  assert.deepEqual(JSON.parse(readFileSync(join(root, "tidy/ratchet.json"), "utf8")), {
    lines: { "packages/a/src/shrunk.ts": 510, "packages/a/src/grown.ts": 550 },
  });
});
