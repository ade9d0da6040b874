import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { JsonParts, joinTexts, textSize } from "./json-parts.ts";

const text = fc.string({ unit: "binary", maxLength: 40 });
const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each));

test("puts texts and bytes together in order", () => {
  const pieces = fc.array(fc.oneof(text, bytes), { maxLength: 20 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 3000 }), (each, times) => {
      const parts = new JsonParts();
      let expected = "";
      for (const piece of each) {
        if (typeof piece === "string") {
          parts.add(piece.repeat(times));
          expected += piece.repeat(times);
        } else {
          const long = Buffer.concat(new Array<Buffer>(times).fill(piece));
          parts.addBase64(long, 0, long.length);
          expected += long.toString("base64");
        }
      }
      const taken = parts.take();
      assert.equal(Buffer.concat(taken).toString(), Buffer.from(expected).toString());
      assert.equal(textSize(taken), Buffer.byteLength(expected));
    }),
    { numRuns: 50 },
  );
});

test("keeps its parts small enough to be sent one by one", () => {
  const parts = new JsonParts();
  const megabyte = Buffer.alloc(1024 * 1024);
  parts.addBase64(megabyte, 0, megabyte.length);
  for (const part of parts.take()) assert.ok(part.length <= 64 * 1024);
});

test("joins short texts as one, and long ones as parts", () => {
  assert.equal(joinTexts(["[", "1", "]"]), "[1]");
  assert.equal(Buffer.concat(joinTexts(["[", [Buffer.from("ä")], "]"]) as Buffer[]).toString(), "[ä]");
});
