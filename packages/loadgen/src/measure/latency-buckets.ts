/** The 26 cumulative latency buckets of mqtt-bench's tables: `bucket_100us` counts what took at most 100 µs. */

import type { Histogram } from "./histogram.ts";

export interface LatencyBucket {
  readonly column: string;
  /** Upper bound, inclusive. */
  readonly maxNs: number;
}

export const latencyBuckets: readonly LatencyBucket[] = [
  ["100us", 0.1],
  ["250us", 0.25],
  ["500us", 0.5],
  ["1ms", 1],
  ["2_5ms", 2.5],
  ["5ms", 5],
  ["10ms", 10],
  ["25ms", 25],
  ["50ms", 50],
  ["100ms", 100],
  ["250ms", 250],
  ["500ms", 500],
  ["750ms", 750],
  ["1s", 1000],
  ["1_5s", 1500],
  ["2s", 2000],
  ["2_5s", 2500],
  ["3s", 3000],
  ["4s", 4000],
  ["5s", 5000],
  ["6s", 6000],
  ["7s", 7000],
  ["8s", 8000],
  ["9s", 9000],
  ["10s", 10_000],
  ["inf", Infinity],
].map(([name, ms]) => ({ column: `bucket_${name}`, maxNs: Number(ms) * 1e6 }));

/** Counts in the order of `latencyBuckets`. At a bound a time may fall to the wrong side by the histogram's slot: 0.1 %. */
export function bucketCounts(histogram: Histogram): readonly number[] {
  // A slot begins at its bound, so that what is counted up to the slot before it took less than the bound.
  return latencyBuckets.map(({ maxNs }) => (maxNs === Infinity ? histogram.count : histogram.countUpTo(maxNs - 1)));
}
