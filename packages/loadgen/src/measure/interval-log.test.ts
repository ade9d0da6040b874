import assert from "node:assert/strict";
import { test } from "node:test";
import { IntervalLog } from "./interval-log.ts";
import type { Interval } from "./result.ts";

function intervalAt(second: number): Interval {
  const generator = { cpuCores: 1, loopDelayP99Ns: 0, loopDelayMaxNs: 0, memoryBytes: 0 };
  const latencies = { p50Ns: 1, p95Ns: 1, p99Ns: second, p99ActualNs: 1, meanNs: 1, sendLagP99Ns: 1 };
  const counts = { sent: 1, received: 1, acked: 0, errors: 0, open: 1, backlog: 0 };
  return { relNs: second * 1e9, atMs: 0, ...counts, ...latencies, generator, cells: [10, 1] };
}

test("keeps a bounded number of intervals and every count", () => {
  for (const length of [1, 8, 9, 16, 17, 100, 1000]) {
    const log = new IntervalLog(8);
    for (let second = 1; second <= length; second++) log.add(intervalAt(second));
    const { intervals } = log;
    assert.ok(intervals.length <= 8, `${intervals.length} of ${length}`);
    assert.equal(
      intervals.reduce((sum, { sent }) => sum + sent, 0),
      length,
    );
    assert.equal(intervals.at(-1)?.relNs, length * 1e9);
    assert.equal(Math.max(...intervals.map(({ p99Ns }) => p99Ns)), length);
    const sizes = intervals.slice(0, -1).map(({ sent }) => sent);
    assert.ok(
      sizes.every((size) => size === sizes[0]),
      `${sizes}`,
    );
  }
});
