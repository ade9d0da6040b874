import assert from "node:assert/strict";
import { test } from "node:test";
import { remainingLengthMax } from "./limits.ts";
import { encodedLengthOfRemainingLength, writeRemainingLength } from "./remaining-length.ts";

const rows: readonly (readonly [length: number, hex: string])[] = [
  [0, "00"],
  [127, "7f"],
  [128, "8001"],
  [16_383, "ff7f"],
  [16_384, "808001"],
  [2_097_151, "ffff7f"],
  [2_097_152, "80808001"],
  [remainingLengthMax, "ffffff7f"],
];

test("writes the shortest form at every edge", () => {
  for (const [length, hex] of rows) {
    const buffer = Buffer.alloc(6, 0xaa);
    const end = writeRemainingLength(buffer, 1, length);
    assert.equal(buffer.toString("hex", 1, end), hex);
    assert.equal(encodedLengthOfRemainingLength(length), end - 1);
    assert.equal(buffer[0], 0xaa);
    assert.equal(buffer[end], 0xaa);
  }
});
