import assert from "node:assert/strict";
import { test } from "node:test";
import type { BenchResult } from "../mqtt/bench-result.ts";
import { renderSearch, searchMaxRate } from "./max-rate.ts";

/** What is looked at of a run against a broker that keeps up until `limit`. */
function resultAt(rate: number, limit: number, warnings: readonly string[]): BenchResult {
  return {
    thresholds: [{ text: "loss=0", figure: "loss", actual: 0, isKept: rate <= limit }],
    generator: { warnings },
    rates: { received: rate },
    timings: { endToEnd: { p99Ns: 1e6 } },
    delivery: { lost: 0 },
  } as unknown as BenchResult;
}

test("closes in on the highest rate that keeps the thresholds", async () => {
  const found = await searchMaxRate(
    100,
    async (rate) => resultAt(rate, 1234, []),
    () => false,
    () => undefined,
  );
  assert.deepEqual(
    found.steps.map(({ rate }) => rate),
    [100, 200, 400, 800, 1600, 1200, 1400, 1300, 1250],
  );
  assert.equal(found.rate, 1200);
  assert.match(renderSearch(found), /highest rate that keeps them: 1200 per publisher\n/);
});

test("says when the generator was the limit", async () => {
  const found = await searchMaxRate(
    100,
    async (rate) => resultAt(rate, Infinity, rate > 300 ? ["late"] : []),
    () => false,
    () => undefined,
  );
  assert.equal(found.rate, 300);
  assert.match(renderSearch(found), /the generator, not the broker, was the limit/);
});

test("finds nothing when the first rate is too high", async () => {
  const found = await searchMaxRate(
    100,
    async (rate) => resultAt(rate, 50, []),
    () => false,
    () => undefined,
  );
  assert.equal(found.rate, undefined);
});
