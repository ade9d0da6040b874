import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import type { Channel } from "../channels/channel.ts";
import { dropReportIntervalMs } from "../limits.ts";
import { DropReport } from "./drop-report.ts";

test("says losses at once, and then together", () => {
  const clock = new ManualClock();
  const said: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (_text, fields) => void said.push(fields) };
  const report = new DropReport(clock, logger);
  const [slow, idle] = ["slow", "idle"].map((name) => ({ logName: "orders", name }) as Channel) as [Channel, Channel];
  const line = (channel: string, count: number) => ({ log: "orders", channel, count });
  report.add(slow, 3);
  report.add(slow, 4);
  clock.advance(0);
  assert.deepEqual(said.splice(0), [line("slow", 7)]);
  for (let i = 0; i < 100; i++) {
    report.add(slow, 1);
    report.add(idle, 2);
    clock.advance(dropReportIntervalMs / 200);
  }
  assert.deepEqual(said, []);
  clock.advance(dropReportIntervalMs / 2);
  assert.deepEqual(said.splice(0), [line("slow", 100), line("idle", 200)]);
  clock.advance(10 * dropReportIntervalMs);
  assert.deepEqual(said, []);
  report.add(idle, 1);
  report.flush();
  assert.deepEqual(said, [line("idle", 1)]);
});
