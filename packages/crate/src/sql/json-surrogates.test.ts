import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { withoutLoneSurrogates } from "./json-surrogates.ts";

test("replaces halves of pairs and nothing else", () => {
  const replaced = String.raw`["\ufffd","\ufffdx","\ufffd\ufffd","\ud83d\ude00","\\ud83d","\ufffd\ud83d\ude00","\uD7FF\ue000"]`;
  const json = String.raw`["\ud83d","\uDE00x","\ude00\ud83d","\ud83d\ude00","\\ud83d","\ud83d\ud83d\ude00","\uD7FF\ue000"]`;
  assert.equal(withoutLoneSurrogates(json), replaced);
});

test("says what UTF-8 would say of any text", () => {
  const unit = fc.constantFrom("\ud83d", "\ude00", "\\", "u", "d83d", '"', "x", "é");
  fc.assert(
    fc.property(fc.array(unit), (units) => {
      const text = units.join("");
      const escaped = JSON.stringify(text).replace(
        /[\ud800-\udfff]/g,
        (half) => `\\u${half.charCodeAt(0).toString(16)}`,
      );
      assert.equal(JSON.parse(withoutLoneSurrogates(escaped)), Buffer.from(text).toString());
    }),
  );
});
