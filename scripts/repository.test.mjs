// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { isNodeSupported } from "./prepare.mjs";
import { compiledPath, matchesWords } from "./repository.mjs";

test("knows where a source is compiled to", () => {
  assert.equal(compiledPath("packages/base/src/bytes/hash.ts"), "packages/base/dist/bytes/hash.js");
  assert.equal(compiledPath("spec/doors.test.ts"), "spec/dist/doors.test.js");
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
