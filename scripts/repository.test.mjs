// @ts-check
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isNodeSupported } from "./prepare.mjs";
import { compiledPath, listFiles, matchesWords } from "./repository.mjs";

test("knows where a source is compiled to", () => {
  assert.equal(compiledPath("packages/base/src/bytes/hash.ts"), "packages/base/dist/bytes/hash.js");
  assert.equal(compiledPath("spec/doors.test.ts"), "spec/dist/doors.test.js");
});

test("lists neither generated folders nor a worktree's .git", (t) => {
  const root = mkdtempSync(join(tmpdir(), "polylog-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "a/dist"), { recursive: true });
  for (const path of [".git", "a/b.ts", "a/dist/b.js"]) writeFileSync(join(root, path), "");
  assert.deepEqual(listFiles("", root), ["a/b.ts"]);
});

test("matches paths by any of the words", () => {
  assert.equal(matchesWords("packages/log/src/batch.test.ts", []), true);
  assert.equal(matchesWords("packages/log/src/batch.test.ts", ["nsq", "batch"]), true);
  assert.equal(matchesWords("packages/log/src/batch.test.ts", ["nsq"]), false);
});

test("accepts Node.js from the oldest supported version on", () => {
  const rows = /** @type {const} */ ([
    ["18.20.0", false],
    ["20.18.3", false],
    ["20.19.0", true],
    ["22.1.0", true],
    ["24.0.0", true],
  ]);
  for (const [version, supported] of rows) assert.equal(isNodeSupported(version), supported, version);
});
