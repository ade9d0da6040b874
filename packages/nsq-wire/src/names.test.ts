import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTopicOrChannelName, isTopicOrChannelNameString } from "./names.ts";

function isName(text: string): boolean {
  const bytes = Buffer.from(`<${text}>`, "latin1");
  return isTopicOrChannelName(bytes, 1, bytes.length - 1);
}

const valid = ["a", ".", "-", "_", "Z9.a-b_c", "a".repeat(64), "a#ephemeral", `${"a".repeat(54)}#ephemeral`];
const invalid = [
  "",
  "#ephemeral",
  "a#",
  "a#ephemera",
  "a#ephemeralx",
  "a#ephemeral#ephemeral",
  "a".repeat(65),
  `${"a".repeat(55)}#ephemeral`,
  "a b",
  "a\n",
  "a:b",
  "\xe9",
  "a/b",
];

test("accepts names", () => {
  for (const name of valid) assert.ok(isName(name) && isTopicOrChannelNameString(name), name);
});

test("refuses what is no name", () => {
  for (const name of invalid) assert.ok(!isName(name) && !isTopicOrChannelNameString(name), name);
});

test("agrees on bytes and on strings", () => {
  const part = fc.constantFrom("a", "Z", "0", ".", "-", "_", "#", "#ephemeral", "$", "\xe9", "\n");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 70 }), (parts) => {
      const text = parts.join("");
      assert.equal(isName(text), isTopicOrChannelNameString(text));
    }),
  );
});
