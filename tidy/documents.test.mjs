// @ts-check
import { test } from "node:test";
import { findBrokenPaths, findMissingScripts, findPackageGaps, findUntaggedHabits } from "./documents.mjs";
import { plantTree } from "./planted-tree.mjs";
import { expectNone, expectProblems } from "./problems.mjs";
import { Tree } from "./tree.mjs";

const tree = new Tree();

test("every path named in Markdown exists", () => expectNone(findBrokenPaths(tree)));
test("every npm script named in Markdown exists", () => expectNone(findMissingScripts(tree)));
test("every habit in STYLE.md says who holds it", () => expectNone(findUntaggedHabits(tree)));
test("every package has a README and its row in the tables", () => expectNone(findPackageGaps(tree)));

const fence = "```";

test("finds planted paths that do not exist", (t) => {
  const planted = plantTree(t, {
    "README.md": [
      "[a](docs/gone.md) and [b](docs/here.md#no-such-heading)",
      "`packages/a/src/gone.ts`, `layers.mjs` and `scripts/*.sh`",
      fence,
      "`packages/a/src/output.ts`",
      fence,
    ].join("\n"),
    "docs/here.md": "# Here it is\n",
  });
  expectProblems(findBrokenPaths(planted), [
    /README\.md:1 links to docs\/gone\.md/,
    /README\.md:1 links to docs\/here\.md#no-such-heading; there is no such heading/,
    /README\.md:2 `packages\/a\/src\/gone\.ts` does not exist/,
    /README\.md:2 `layers\.mjs`/,
    /README\.md:2 `scripts\/\*\.sh`/,
  ]);
});

test("finds paths from the root, from the document and below it", (t) => {
  const planted = plantTree(t, {
    "packages/a/package.json": {},
    "packages/a/README.md": [
      "`packages/a/src/bytes/hash.ts`, `src/bytes/hash.ts`, `hash.ts`, `bytes/hash.ts`, `src/*/hash.ts`, `../a/README.md`",
      "[up](../../docs/here.md#here-it-is-2) [web](https://example.org/x.md) `packages/NAME/src` `packages/a/dist/x.js`",
      "`orders.json` `application/json` `a/b` `packages/<name>/src/index.ts` `x.test.ts` `bytes/*.ts` `*.ts`",
    ].join("\n"),
    "packages/a/src/bytes/hash.ts": "",
    "docs/here.md": "# Here it is, 2\n",
  });
  expectNone(findBrokenPaths(planted));
});

test("finds planted npm scripts that do not exist", (t) => {
  const planted = plantTree(t, {
    "package.json": { scripts: { test: "", "test:interop": "" } },
    "README.md": `npm test\nnpm run test:interop\n${fence}\nnpm run deploy\nnpm start -- --help\n${fence}\n`,
  });
  expectProblems(findMissingScripts(planted), [/README\.md:4 .* deploy/, /README\.md:5 .* start/]);
});

test("finds packages without README or table row", (t) => {
  const planted = plantTree(t, {
    "README.md": "| Package | what |\n|---|---|\n| [`a`](packages/a) | x |\n| `packages/old` | y |\n\ntext\n",
    "packages/a/package.json": {},
    "packages/a/README.md": "# a\n",
    "packages/b/package.json": {},
  });
  expectProblems(findPackageGaps(planted), [
    /packages\/b\/README\.md is missing/,
    /README\.md: .* lacks b/,
    /README\.md: .* names old/,
  ]);
});

test("finds a planted habit without a tag", (t) => {
  const planted = plantTree(t, {
    "STYLE.md":
      "- One concept, one file. *(tidy)*\n- Two lines,\n  one habit. *(tidy for the name, review)*\n- Be good.\n  Always.\n",
  });
  expectProblems(findUntaggedHabits(planted), [/STYLE\.md:4/]);
});
