/** What the shared core makes of a load with crate-write's words and figures. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRuns } from "../../measure/comparison.ts";
import { renderJunit } from "../../measure/junit.ts";
import { parseThreshold } from "../../measure/thresholds.ts";
import { renderReport } from "../../report/report-page.ts";
import { resultOf } from "../testing/load-outcomes.ts";
import { loadProfile } from "./load-profile.ts";

const parse = (text: string) => parseThreshold(loadProfile.metrics, text);

test("judges rows, latencies, sizes and what the table says", () => {
  const kept = [
    "rows/s>=999",
    "received.rate<1001",
    "p99<21ms",
    "request.p50>19ms",
    "failed=5",
    "loss<=5",
    "refused=5",
  ];
  const more = ["missing=0", "excess=0", "unknown=0", "confirmed>=99.9%", "generator.memory<105MB", "rows=10000"];
  const broken = ["rows/s>1000", "failed=0", "lag.p99<1s", "confirmed=100%", "generator.memory<100MB"];
  const { thresholds } = resultOf({ rows: 10_000, refused: 5, workers: 2 }, [...kept, ...more, ...broken].map(parse));
  assert.deepEqual(
    thresholds.map(({ text, isKept }) => `${text} ${isKept}`),
    [...[...kept, ...more].map((text) => `${text} true`), ...broken.map((text) => `${text} false`)],
  );
});

test("breaks missing=0 when the table lacks rows", () => {
  const result = resultOf({ rows: 1000, workers: 1 }, [parse("missing=0")], 7);
  assert.deepEqual([result.thresholds[0]?.actual, result.thresholds[0]?.isKept], [7, false]);
  assert.match(renderJunit([result]), /<failure message="missing=0 is broken: it is 7"\/>/);
  assert.match(loadProfile.summaryOf(result), /Threshold missing=0: BROKEN \(7\)/);
  assert.deepEqual(loadProfile.verdictOf(result).isBad, true);
});

for (const [text, problem] of [
  ["duplicates=0", /there is no figure duplicates/],
  ["rows/s>1ms", /with a number/],
  ["generator.memory<100", /a size such as 150MB/],
] as const)
  test(`refuses the threshold ${text}`, () => {
    assert.throws(() => parse(text), { code: "loadgen.THRESHOLD_INVALID", message: problem });
  });

test("compares rates and latencies by interval, and lost rows as they are", () => {
  const base = resultOf({ rows: 10_000, workers: 1 });
  const worse = resultOf({ rows: 5000, refused: 1, workers: 1, ms: 50 }, [], 1);
  const verdicts = (candidate: typeof base) =>
    Object.fromEntries(
      compareRuns(loadProfile, [base], [candidate], 0.05).figures.map((row) => [row.figure, row.verdict]),
    );
  const times = (verdict: string) => ({ p50: verdict, p95: verdict, p99: verdict, mean: verdict });
  assert.deepEqual(verdicts(base), {
    "rows/s": "same",
    ...times("same"),
    failed: "same",
    missing: "same",
    excess: "same",
  });
  assert.deepEqual(verdicts(worse), {
    "rows/s": "worse",
    ...times("worse"),
    failed: "worse",
    missing: "worse",
    excess: "same",
  });
});

test("writes a report in its own words", () => {
  const page = renderReport(loadProfile, [resultOf({ rows: 10_000, refused: 2, workers: 3 })]);
  const text = page.slice(0, page.indexOf('<script type="application/json"'));
  assert.match(text, /<h1>rows into doc\.t of a &lt;double&gt;, not CrateDB<\/h1>/);
  assert.match(text, /<div class="verdict bad"><b>Rows: 10,000 acknowledged, 2 failed, 0 unknown; 10,000 present/);
  for (const title of ["Rows per second", "Latency from when batches were sent", "Workers", "Memory of the generator"])
    assert.ok(text.includes(title), title);
  assert.match(text, /<td>acknowledged: the database confirmed each of them<\/td><td>10,000<\/td>/);
  assert.match(text, /<td>4091<\/td><td>2<\/td><td>a duplicate key<\/td>/);
  assert.doesNotMatch(text, /message|broker|publish|subscri|NaN|Infinity|undefined/i);
  assert.doesNotMatch(page, /(?:src|href)="(?!#)|@import|url\(|<double/);
});

test("lays several loads over each other", () => {
  const results = [resultOf({ rows: 10_000, workers: 1 }), resultOf({ rows: 5000, workers: 1, ms: 50 })];
  const page = renderReport(loadProfile, results);
  assert.match(page, /2 runs compared/);
  assert.match(
    page,
    /<th>rows acknowledged<\/th><td class="good">1,000\/s<\/td><td class="bad">500\/s \(-50\.0 %\)<\/td>/,
  );
});
