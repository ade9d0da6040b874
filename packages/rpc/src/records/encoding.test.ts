import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBase64, encodeUtf8 } from "./encoding.ts";

for (const text of ["", "YQ==", "YQ", "YWI=", "YWI", "YWJj", "-_-_", "+/+/"]) {
  test(`takes "${text}" as base64`, () => assert.deepEqual(decodeBase64(text), Buffer.from(text, "base64")));
}

for (const text of ["Y", "YWJjZ", "YQ=", "YQ===", "=", "Y Q=", "YQ==YQ==", "YQ\n", "\u0141A==", "YWJj="]) {
  test(`refuses ${JSON.stringify(text)} as base64`, () => assert.equal(decodeBase64(text), undefined));
}

test("base64 of any bytes comes back", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const decoded = decodeBase64(Buffer.from(bytes).toString("base64"));
      assert.deepEqual(decoded, Buffer.from(bytes));
    }),
  );
});

test("any text is UTF-8 unless half a pair is missing", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => assert.equal(encodeUtf8(text)?.toString(), text)));
  for (const half of ["\ud800", "\udfff", "a\ud800b"]) assert.equal(encodeUtf8(half), undefined);
});
