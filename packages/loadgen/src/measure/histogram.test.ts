import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Histogram, slotEndNs } from "./histogram.ts";
import { bucketCounts, latencyBuckets } from "./latency-buckets.ts";

test("keeps three digits of every quantile", () => {
  const times = fc.array(fc.double({ min: 0, max: 9.9e9, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const histogram = new Histogram();
      for (const value of values) histogram.record(value);
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(share * sorted.length - 1e-9) - 1)]!;
      const got = histogram.quantileNs(share);
      assert.ok(Math.abs(got - exact) <= Math.max(1000, exact / 1000), `${got} for ${exact}`);
    }),
  );
});

test("is exact about count, mean, extremes and spread", () => {
  const histogram = new Histogram();
  for (const ms of [1, 2, 3, 4]) histogram.record(ms * 1e6);
  assert.equal(histogram.count, 4);
  assert.equal(histogram.meanNs, 2.5e6);
  assert.equal(histogram.minNs, 1e6);
  assert.equal(histogram.maxNs, 4e6);
  assert.ok(Math.abs(histogram.stdevNs - Math.sqrt(1.25) * 1e6) < 1);
});

test("counts what is above its range and keeps its size", () => {
  const histogram = new Histogram();
  histogram.record(20e9);
  histogram.record(-5);
  assert.equal(histogram.overflow, 1);
  assert.equal(histogram.quantileNs(1), 20e9);
  assert.equal(histogram.minNs, 0);
  assert.equal(bucketCounts(histogram).at(-2), 1); // The one below 0.
  assert.equal(bucketCounts(histogram).at(-1), 2);
});

test("adds up as if recorded in one place", () => {
  const parts = [new Histogram(), new Histogram()];
  const whole = new Histogram();
  for (let i = 0; i < 3000; i++) {
    const ns = (i * 7919 * 1000) % 8e9;
    parts[i % 2]!.record(ns);
    whole.record(ns);
  }
  const sum = new Histogram();
  for (const part of parts) sum.add(structuredClone(part.snapshot()));
  assert.deepEqual(sum.snapshot().cells, whole.snapshot().cells);
  assert.equal(sum.quantileNs(0.99), whole.quantileNs(0.99));
  sum.clear();
  assert.deepEqual(sum.snapshot(), new Histogram().snapshot());
});

test("slots follow each other without a gap", () => {
  let last = 0;
  for (let slot = 0; slot < 14_000; slot++) {
    const end = slotEndNs(slot);
    assert.ok(end > last);
    const histogram = new Histogram();
    histogram.record(last);
    histogram.record(end - 1);
    assert.equal(histogram.snapshot().cells.length, 2, `slot ${slot}`);
    last = end;
  }
});

test("fills the 26 cumulative buckets", () => {
  const histogram = new Histogram();
  for (const ms of [0.05, 0.2, 0.3, 2, 600, 9500, 11_000]) histogram.record(ms * 1e6);
  const counts = bucketCounts(histogram);
  const of = (column: string) => counts[latencyBuckets.findIndex((bucket) => bucket.column === column)];
  assert.equal(counts.length, 26);
  assert.deepEqual(
    ["bucket_100us", "bucket_250us", "bucket_500us", "bucket_1ms", "bucket_2_5ms"].map(of),
    [1, 2, 3, 3, 4],
  );
  assert.deepEqual(["bucket_750ms", "bucket_9s", "bucket_10s", "bucket_inf"].map(of), [5, 5, 6, 7]);
});
