// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { findCommands, matchesOutput } from "./markdown-commands.mjs";

const fence = "```";

test("finds only blocks that are marked to be run", () => {
  const markdown = [
    `${fence}sh`,
    "rm -rf everything",
    fence,
    `${fence}sh run background port=4180,1883 needs=curl`,
    "npm start",
    fence,
    `${fence}console run`,
    "$ echo a \\",
    "  b",
    "a b",
    "$ true",
    fence,
  ].join("\n");
  const plain = { background: false, ports: [], needs: [] };
  assert.deepEqual(findCommands(markdown), [
    { line: 5, script: "npm start", output: undefined, background: true, ports: [4180, 1883], needs: ["curl"] },
    { line: 8, script: "echo a \\\n  b", output: "a b", ...plain },
    { line: 11, script: "true", output: undefined, ...plain },
  ]);
});

test("compares output line by line, dots standing for anything", () => {
  const rows = /** @type {const} */ ([
    ["a\nb", "a\nb\n", true],
    ["a\nb", "a\nc\n", false],
    ["a", "a\nb\n", false],
    ["...\nb", "x\ny\nb\n", true],
    ["a\n...", "a\n", true],
    ["took ... ms (x)", "took 12 ms (x)  \n", true],
    ["took ... ms", "took 12 s\n", false],
  ]);
  for (const [expected, printed, same] of rows) {
    assert.equal(matchesOutput(expected, printed), same, `${expected} / ${printed}`);
  }
});
