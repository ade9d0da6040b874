import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeFromCompressedBase64, type Histogram as HdrHistogram, HistogramLogReader } from "hdr-histogram-js";
import { encodeHdr, maxMillisecondsOf, renderHdrLog } from "./hdr-log.ts";
import { Histogram } from "./histogram.ts";

function of(...ns: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const each of ns) histogram.record(each);
  return histogram;
}

/** The end of the slot, which is what HdrHistogram answers and ours are below. */
const quantileUs = (histogram: Histogram, share: number) => Math.floor(histogram.quantileNs(share) / 1000);

test("HdrHistogram reads what is encoded, to the same percentiles", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 12_000_000_000 }), { minLength: 1, maxLength: 200 }), (times) => {
      const ours = of(...times);
      const { cells } = ours.snapshot();
      const theirs = decodeFromCompressedBase64(encodeHdr(cells)) as HdrHistogram;
      assert.equal(theirs.totalCount, times.length);
      for (const share of [0.5, 0.9, 0.99]) {
        const us = theirs.getValueAtPercentile(share * 100);
        // Ours are cut at the largest time; theirs are not, and hold times above 10 s in their last slot.
        const wanted = Math.min(quantileUs(ours, share), 10_000_000);
        assert.ok(us >= wanted && us - wanted <= Math.max(1, wanted / 1000), `${us} for ${wanted}`);
      }
      assert.ok(maxMillisecondsOf(cells) <= 10_000);
    }),
  );
});

test("keeps slots as they are, empty and large counts included", () => {
  const cells = [0, 3, 2047, 2 ** 40, 2048, 1, 14_532, 7];
  const theirs = decodeFromCompressedBase64(encodeHdr(cells), 64) as HdrHistogram;
  assert.equal(theirs.totalCount, 2 ** 40 + 11);
  assert.deepEqual([theirs.getValueAtPercentile(1), theirs.getValueAtPercentile(50)], [2047, 2047]);
  assert.equal(Math.round((theirs.maxValue - 10_000_000) / 1e4), 0);
  assert.equal((decodeFromCompressedBase64(encodeHdr([])) as HdrHistogram).totalCount, 0);
});

test("HistogramLogReader reads the log, tag by tag", () => {
  const rows = [
    { ms: 3, tag: "endToEnd", startSeconds: 0 },
    { ms: 9, tag: "ack", startSeconds: 0 },
    { ms: 5, tag: "endToEnd", startSeconds: 1 },
  ].map(({ ms, ...row }) => {
    const { cells } = of(ms * 1e6).snapshot();
    return { ...row, lengthSeconds: 1, maxMilliseconds: maxMillisecondsOf(cells), histogram: encodeHdr(cells) };
  });
  const text = renderHdrLog(1_795_000_000_000, ["a run\nof two"], rows);
  const reader = new HistogramLogReader(text);
  const seen: unknown[] = [];
  for (let each = reader.nextIntervalHistogram(); each !== null; each = reader.nextIntervalHistogram()) {
    const { tag, startTimeStampMsec, endTimeStampMsec, maxValue } = each as HdrHistogram;
    seen.push([tag, startTimeStampMsec - 1_795_000_000_000, endTimeStampMsec - startTimeStampMsec, maxValue]);
  }
  assert.deepEqual(seen, [
    ["endToEnd", 0, 1000, 3001],
    ["ack", 0, 1000, 9007],
    ["endToEnd", 1000, 1000, 5003],
  ]);
  assert.match(text, /^#a run of two\n#\[Histogram log format version 1\.3\]\n/);
});
