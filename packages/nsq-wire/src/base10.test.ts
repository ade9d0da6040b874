import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { notDecimal, overlong, readDecimal, readUint64, wrapFreeMaxMs, wrapMilliseconds } from "./base10.ts";

function read(text: string): number {
  const bytes = Buffer.from(`9${text}9`, "latin1");
  return readDecimal(bytes, 1, bytes.length - 1);
}

test("reads digits and nothing else", () => {
  assert.equal(read(""), 0);
  assert.equal(read("007"), 7);
  assert.equal(read("999999999999999"), 999_999_999_999_999);
  assert.equal(read("1000000000000000"), overlong);
  for (const text of ["-1", "+1", " 1", "1.0", "1e3", "/", ":", `${"1".repeat(30)}x`])
    assert.equal(read(text), notDecimal);
});

test("wraps modulo 2^64", () => {
  const digits = (length: number): fc.Arbitrary<string> =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: length }).map((found) => found.join(""));
  fc.assert(
    fc.property(digits(60), (text) => {
      const bytes = Buffer.from(text, "latin1");
      assert.equal(readUint64(bytes, 0, bytes.length), BigInt(text) % 2n ** 64n);
    }),
  );
});

test("wraps nanoseconds to a signed integer", () => {
  assert.equal(wrapMilliseconds(BigInt(wrapFreeMaxMs)), wrapFreeMaxMs);
  assert.ok(wrapMilliseconds(BigInt(wrapFreeMaxMs) + 1n) < 0);
  // 2^64 ns is 18446744073709.551616 ms.
  assert.equal(wrapMilliseconds(18_446_744_073_709n), -1);
  assert.equal(wrapMilliseconds(18_446_744_073_710n), 1);
});
