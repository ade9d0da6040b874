// @ts-check
import { test } from "node:test";
import { findDeadFiles } from "./dead-files.mjs";
import { manifest, plantTree } from "./planted-tree.mjs";
import { expectNone, expectProblems } from "./problems.mjs";
import { Tree } from "./tree.mjs";

test("every file is reached from a door, a bin, a test or a bench", () => expectNone(findDeadFiles(new Tree())));

test("finds planted files that nothing reaches", (t) => {
  const planted = plantTree(t, {
    "package.json": { scripts: { start: "node scripts/start.mjs" } },
    "packages/a/package.json": { ...manifest("a"), bin: { a: "./bin/a.js" } },
    "packages/a/bin/a.js": 'await import(new URL("../dist/main.js", import.meta.url).href);\n',
    "packages/a/src/main.ts": "",
    "packages/a/src/index.ts": 'export { b } from "./b.ts";\n',
    "packages/a/src/b.ts": 'const worker = new URL("./worker.js", import.meta.url);\n',
    "packages/a/src/worker.ts": "",
    "packages/a/src/x.test.ts": 'import "./testing/rows.ts";\n',
    "packages/a/src/testing/rows.ts": "",
    "packages/a/src/dead.ts": 'import "./dead-too.ts";\n',
    "packages/a/src/dead-too.ts": "",
    "spec/a.test.ts": "",
    "spec/lost.ts": "",
    "scripts/start.mjs": "",
    "scripts/old.mjs": "",
  });
  expectProblems(findDeadFiles(planted), [/src\/dead\.ts/, /src\/dead-too\.ts/, /spec\/lost\.ts/, /scripts\/old\.mjs/]);
});
