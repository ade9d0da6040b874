import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import type { EmbeddedLog } from "../embedded-log.ts";
import { Maintenance, type MaintenanceTask } from "./maintenance.ts";

function rig(task: MaintenanceTask["run"]): { clock: ManualClock; maintenance: Maintenance } {
  const clock = new ManualClock();
  const partitions = ["open", "readOnly", "open"].map((status, number) => ({ status, number }));
  const log = { name: "orders", partitions } as unknown as EmbeddedLog;
  const options = { logs: () => [log], clock, logger: silentLogger, intervalMs: 100 };
  return { clock, maintenance: new Maintenance({ ...options, tasks: [{ name: "counting", run: task }] }) };
}

test("visits every open partition once per round", async () => {
  const visited: number[] = [];
  const { clock, maintenance } = rig(async ({ partition }) => void visited.push(partition.number));
  maintenance.start();
  clock.advance(100);
  await maintenance.runRound();
  assert.deepEqual(visited, [0, 2]);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(100);
  await maintenance.runRound();
  assert.deepEqual(visited, [0, 2, 0, 2]);
});

test("goes on after a task that fails", async () => {
  const visited: number[] = [];
  const { maintenance } = rig(async ({ partition }) => {
    visited.push(partition.number);
    throw new Error("no");
  });
  await maintenance.runRound();
  assert.deepEqual(visited, [0, 2]);
});

test("ends between two partitions", async () => {
  const visited: number[] = [];
  const { maintenance } = rig(async (turn) => {
    visited.push(turn.partition.number);
    await Promise.resolve();
    assert.equal(turn.ending, true);
  });
  void maintenance.runRound();
  await maintenance.stop();
  assert.deepEqual(visited, [0]);
});
