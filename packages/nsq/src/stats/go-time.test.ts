import assert from "node:assert/strict";
import { test } from "node:test";
import { renderDuration, renderRfc3339 } from "./go-time.ts";

const durations: readonly (readonly [ms: number, text: string])[] = [
  [0, "0s"],
  [0.000007, "7ns"],
  [0.0035, "3.5µs"],
  [12.5, "12.5ms"],
  [1000, "1s"],
  [62_345.678901, "1m2.345678901s"],
  [3_600_000, "1h0m0s"],
  [90_061_000, "25h1m1s"],
];

for (const [ms, text] of durations) {
  test(`prints ${ms} ms as ${text}`, () => {
    assert.equal(renderDuration(ms), text);
  });
}

test("prints a time that reads back as itself", () => {
  const text = renderRfc3339(1_700_000_000_000);
  assert.match(text, /^2023-11-1\dT\d\d:\d\d:20(Z|[+-]\d\d:\d\d)$/);
  assert.equal(Date.parse(text), 1_700_000_000_000);
});
