import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRuns as compareFigures, median } from "../measure/comparison.ts";
import { renderJunit } from "../measure/junit.ts";
import { parseThreshold as parseFigure } from "../measure/thresholds.ts";
import { BenchTotals } from "./bench-measures.ts";
import { benchProfile } from "./bench-profile.ts";
import type { BenchResult } from "./bench-result.ts";
import { type Measured, type RunIdentity, resultOf } from "./bench-result-of.ts";

const parseThreshold = (text: string) => parseFigure(benchProfile.metrics, text);
const compareRuns = (base: readonly BenchResult[], candidate: readonly BenchResult[], limit: number) =>
  compareFigures(benchProfile, base, candidate, limit);

const identity: RunIdentity = {
  tool: "t",
  toolVersion: "0",
  runId: "r",
  scenarioId: "s",
  scenario: "a & b",
  startedAt: "",
  endedAt: "",
  settings: {},
  environment: { hostname: "", cores: 2, cpuModel: "", memoryBytes: 0, platform: "", node: "" },
  target: { host: "h", port: 1, name: undefined, version: undefined },
};

/** A run of ten seconds with 1000 messages expected, of which `received` came, each after `ms`. */
function runOf(received: number, ms: number, thresholds: readonly string[] = []): BenchResult {
  const totals = new BenchTotals();
  totals.counters.sent = 1000;
  for (let i = 0; i < received; i++) totals.histograms.endToEnd.record(ms * 1e6 + i * 1000);
  const members = [{ received, corrupt: 0 }];
  const account = {
    filter: "f",
    isShared: false,
    members,
    expected: 1000,
    received,
    duplicates: 0,
    outOfOrder: 0,
    late: 0,
  };
  const generator = { cpuCores: 0, loopDelayP99Ns: 0, loopDelayMaxNs: 0, memoryBytes: 0 };
  const intervals = Array.from({ length: 10 }, (_, index) => ({
    relNs: (index + 1) * 1e9,
    received: received / 10,
    p50Ns: ms * 1e6 * (1 + (index % 3) / 100),
    p95Ns: ms * 1e6,
    p99Ns: ms * 1e6,
    meanNs: ms * 1e6,
    generator,
  })) as unknown as Measured["intervals"];
  const measured = {
    measuredNs: 10e9,
    connectNs: 1e9,
    isPartial: false,
    totals,
    intervals,
    accounts: [account],
    unsent: 0,
  };
  return resultOf(identity, { ...measured, offeredRate: 100, isStamped: true }, thresholds.map(parseThreshold));
}

test("judges latencies, counts and shares", () => {
  const kept = [
    "p99<21ms",
    "p99.9<=21000us",
    "mean>0.019s",
    "loss<=1",
    "delivery>99.8%",
    "received=999",
    "received.rate<100",
  ];
  const broken = ["p50<20ms", "loss=0", "delivery=100%", "received>999", "ack.p99<1s"];
  const { thresholds } = runOf(999, 20, [...kept, ...broken]);
  assert.deepEqual(
    thresholds.map(({ text, isKept }) => `${text} ${isKept}`),
    [...kept.map((text) => `${text} true`), ...broken.map((text) => `${text} false`)],
  );
});

for (const [text, problem] of [
  ["p99", /not FIGURE OPERATOR VALUE/],
  ["p98<1ms", /there is no figure p98/],
  ["p99<1", /a time such as 20ms/],
  ["p99<1%", /a time such as 20ms/],
  ["loss=0ms", /with a number/],
  ["loss=1.2.3", /with a number/],
] as const) {
  test(`refuses the threshold ${text}`, () => {
    assert.throws(() => parseThreshold(text), { code: "loadgen.THRESHOLD_INVALID", message: problem });
  });
}

test("writes thresholds as JUnit", () => {
  const xml = renderJunit([runOf(999, 20, ["loss=0", "p99<1s"])]);
  assert.match(xml, /<testsuite name="a &amp; b" id="r" tests="2" failures="1" time="10\.000">/);
  assert.match(xml, /name="p99&lt;1s"\/>/);
  assert.match(xml, /name="loss=0"><failure message="loss=0 is broken: it is 1"\/>/);
});

test("finds what became worse, and nothing where nothing did", () => {
  const base = runOf(1000, 20);
  const same = compareRuns([base], [runOf(1000, 20)], 0.05);
  assert.deepEqual([same.isWorse, same.isByRun], [false, false]);
  const slower = compareRuns(
    [base, base, base],
    [21, 22, 23].map((ms) => runOf(1000, ms + 3)),
    0.05,
  );
  assert.deepEqual([slower.isWorse, slower.isByRun], [true, true]);
  const p99 = slower.figures.find(({ figure }) => figure === "p99");
  assert.equal(p99?.verdict, "worse");
  assert.ok(p99!.changeLow! > 0.15 && p99!.changeHigh! < 0.35, JSON.stringify(p99));
  const faster = compareRuns([runOf(1000, 40)], [base], 0.05);
  assert.equal(faster.figures.find(({ figure }) => figure === "p50")?.verdict, "better");
  assert.equal(faster.isWorse, false);
});

test("the median of an even number lies between two", () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])], [2, 2.5, 7]);
});
