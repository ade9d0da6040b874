import assert from "node:assert/strict";
import { test } from "node:test";
import { coarseCells, type Interval, mergeIntervals } from "../measure/result.ts";
import { parseThreshold } from "../measure/thresholds.ts";
import { BenchTotals } from "../mqtt/bench-measures.ts";
import { benchProfile } from "../mqtt/bench-profile.ts";
import type { BenchResult } from "../mqtt/bench-result.ts";
import { resultOf } from "../mqtt/bench-result-of.ts";
import { renderReport } from "./report-page.ts";
import { lineChart, pointsMax } from "./svg-chart.ts";

function resultWith(notes: string, seconds: number): BenchResult {
  const totals = new BenchTotals();
  for (let i = 0; i < 1000; i++) totals.histograms.endToEnd.record(1e5 + i * 1e4);
  const generator = { cpuCores: 0.5, loopDelayP99Ns: 0, loopDelayMaxNs: 0, memoryBytes: 0 };
  const cells = coarseCells(totals.histograms.endToEnd.snapshot());
  const intervals = Array.from({ length: seconds }, (_, index): Interval => {
    const latencies = { p50Ns: 1e6, p95Ns: 2e6, p99Ns: 3e6, p99ActualNs: 2e6, meanNs: 1e6, sendLagP99Ns: 1e4 };
    const counts = { sent: 100, received: 100, acked: 0, errors: 0, open: 10, backlog: 0 };
    return { relNs: (index + 1) * 1e9, atMs: 0, ...counts, ...latencies, generator, cells };
  });
  const identity = {
    tool: "mqtt-bench",
    toolVersion: "0",
    runId: "r",
    scenarioId: "s",
    scenario: "fan-in",
    startedAt: "2026-01-01T00:00:00Z",
    endedAt: "",
    settings: { notes },
    environment: { hostname: "h", cores: 2, cpuModel: "", memoryBytes: 0, platform: "", node: "" },
    target: { host: "h", port: 1883, name: "<broker>", version: undefined },
  };
  const account = {
    filter: "a/#",
    isShared: false,
    expected: 1000,
    received: 999,
    duplicates: 0,
    outOfOrder: 0,
    late: 0,
  };
  const accounts = [{ ...account, members: [{ received: 999, corrupt: 0 }] }];
  const measured = { measuredNs: 10e9, connectNs: 1e9, isPartial: false, totals, intervals, accounts, unsent: 0 };
  return resultOf(identity, { ...measured, offeredRate: 100, isStamped: true }, [
    parseThreshold(benchProfile.metrics, "loss=0"),
  ]);
}

test("a report is one file with verdict, charts and data", () => {
  const page = renderReport(benchProfile, [resultWith("x", 10)]);
  assert.match(page, /^<!doctype html>/);
  assert.match(page, /<div class="verdict bad"><b>broken: loss=0; 1 messages were lost<\/b>/);
  for (const title of ["Messages per second", "Latency by percentile", "Latency over time", "Send lag"]) {
    assert.ok(page.includes(title), title);
  }
  assert.doesNotMatch(page, /(?:src|href)="(?!#)|@import|url\(|https?:\/\//);
  assert.doesNotMatch(page, /NaN|Infinity|undefined/);
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
  assert.equal((JSON.parse(data) as BenchResult[])[0]?.delivery.lost, 1);
});

test("nothing in the data can become markup", () => {
  const page = renderReport(benchProfile, [resultWith("</script><script>alert(1)</script>", 3)]);
  assert.doesNotMatch(page, /<script>alert/);
  assert.match(page, /fan-in against &lt;broker&gt;/);
});

test("several results lie over each other and are compared with the first", () => {
  const page = renderReport(benchProfile, [resultWith("a", 5), resultWith("b", 5)]);
  assert.match(page, /2 runs compared/);
  assert.match(page, /<th>1: fan-in against &lt;broker&gt;<\/th><th>2: fan-in against &lt;broker&gt;<\/th>/);
  assert.match(page, /\(\+0\.0 %\)/);
});

test("a run of days makes no larger chart, and keeps its peaks", () => {
  const points = Array.from({ length: 100_000 }, (_, index) => [index, index === 77_777 ? 50 : 1] as const);
  const texts = { title: "t", xLabel: "x", showX: String, showY: String };
  const chart = lineChart([{ name: "a", points }], texts);
  const drawn = /points="([^"]*)"/.exec(chart)?.[1]?.split(" ") ?? [];
  assert.ok(drawn.length <= pointsMax, `${drawn.length}`);
  assert.equal(new Set(drawn.map((point) => point.split(",")[1])).size, 2);
  assert.match(lineChart([{ name: "a", points: [] }], texts), /nothing measured/);
});

test("two intervals become one without losing a count", () => {
  const [a, b] = resultWith("x", 2).intervals as [Interval, Interval];
  const merged = mergeIntervals(a, { ...b, p99Ns: 9e9 });
  assert.deepEqual([merged.relNs, merged.sent, merged.p99Ns], [2e9, 200, 9e9]);
  const total = (cells: readonly number[]) =>
    cells.reduce((sum, value, index) => (index % 2 === 0 ? sum : sum + value), 0);
  assert.equal(total(a.cells), 1000);
  assert.equal(total(merged.cells), 2000);
  assert.ok(merged.cells.length <= 2 * 40, `${merged.cells.length}`);
});
