// @ts-check
/**
 * nsq.tsv lists what NSQ asks of a server, in our words: ids by the section of NSQ's protocol (1) or HTTP API (2), and for scripts what
 * nsqd answers. A rule is tested by a test whose name begins with its id; all of them are.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { listFiles, rootDir } from "../scripts/repository.mjs";

const ids = readFileSync(join(rootDir, "conformance", "nsq.tsv"), "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)
  .map((line) => line.split("\t")[0] ?? "");

/** Ids at the beginning of names of tests; the scripts of the protocol are tests by their own names. */
const tested = listFiles("packages/nsq")
  .filter((path) => path.endsWith(".test.ts") || path.endsWith("/protocol-scripts.ts"))
  .flatMap((path) => [...readFileSync(join(rootDir, path), "utf8").matchAll(/["'`](NSQ-[\d.]+-\d+): /g)])
  .map(([, id]) => id);

test("lists every rule of NSQ once", () => {
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(ids.length, 190);
});

test("tests every rule of NSQ, and names no other", () => {
  assert.deepEqual([...new Set(tested)].sort(), [...ids].sort());
});
