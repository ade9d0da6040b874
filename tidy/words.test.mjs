// @ts-check
import { test } from "node:test";
import { plantTree } from "./planted-tree.mjs";
import { expectNone, expectProblems } from "./problems.mjs";
import { Tree } from "./tree.mjs";
import { findBadNames, findBannedWords, findMachinePaths } from "./words.mjs";

const tree = new Tree();

test("code uses no banned words", () => expectNone(findBannedWords(tree)));
test("files and folders are named after concepts", () => expectNone(findBadNames(tree)));
test("nothing names a path of one machine", () => expectNone(findMachinePaths(tree)));

/** Put together, so that the rules do not find them here. */
const [work, ignore, fix] = [`/wo${"rk"}/`, `@ts-ig${"nore"}`, `FIX${"ME"}`];

test("finds planted words, each with its replacement", (t) => {
  const planted = plantTree(t, {
    "packages/a/package.json": {},
    "packages/a/src/a.ts": [
      'console.log("x");',
      "const a = Date.now();",
      "setTimeout(() => {}, 1);",
      "const r = Math.random();",
      'export * from "./b.ts";',
      "export default a;",
      "const b = a as any;",
      "const c: any = b;",
      `// ${ignore}`,
      `// ${fix}: later`,
      'import { setTimeout as wait } from "node:timers/promises";',
      "const t = performance.now();",
    ].join("\n"),
    "packages/a/src/a.test.ts": 'test.only("x", () => {});\n',
  });
  expectProblems(findBannedWords(planted), [
    /a\.ts:1 "console\."; use instead: the injected Logger/,
    /a\.ts:2 "Date\.now"/,
    /a\.ts:3 "setTimeout\("; use instead: the Clock/,
    /a\.ts:4 "Math\.random"/,
    /a\.ts:5 "export \*"; use instead: a list of names/,
    /a\.ts:6 "export default"/,
    /a\.ts:7 "as any"/,
    /a\.ts:8 ": any"/,
    /a\.ts:9 .* @ts-expect-error/,
    /a\.ts:10 /,
    /a\.ts:11 /,
    /a\.ts:12 .*monotonicMs/,
    /a\.test\.ts:1 "\.only\("/,
  ]);
});

test("allows words in comments, strings, tests and the clock", (t) => {
  const planted = plantTree(t, {
    "packages/a/package.json": {},
    "packages/a/src/a.ts":
      '// like console.log, or Date.now()\nconst text = "as any setTimeout(";\nconst many: string = text;\n',
    "packages/a/src/a.test.ts": "setTimeout(() => Date.now(), 1);\n",
    "packages/a/src/a.bench.ts": "performance.now();\n",
    "packages/base/package.json": {},
    "packages/base/src/clock/clock.ts": "setImmediate(() => {});\n",
  });
  expectNone(findBannedWords(planted));
});

test("finds planted names of files and folders", (t) => {
  const planted = plantTree(t, {
    "packages/a/package.json": {},
    "packages/a/src/FrameReader.ts": "",
    "packages/a/src/frame_reader.ts": "",
    "packages/a/src/utils/bytes.ts": "",
    "packages/a/src/topic-trie.test.ts": "",
  });
  expectProblems(findBadNames(planted), [/FrameReader\.ts/, /frame_reader\.ts/, /src\/utils\/: name folders/]);
});

test("finds a planted path of one machine", (t) => {
  const planted = plantTree(t, {
    "README.md": `see ${work}notes.md\n`,
    "docs/a.md": `docs${work}a.md and https://example.org${work}b are fine\n`,
  });
  expectProblems(findMachinePaths(planted), [/README\.md:1/]);
});
