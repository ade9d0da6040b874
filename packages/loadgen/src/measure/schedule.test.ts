import assert from "node:assert/strict";
import { test } from "node:test";
import { Schedule } from "./schedule.ts";

const second = 1e9;

test("spaces messages evenly at a constant rate", () => {
  const schedule = new Schedule(100, [{ durationNs: 2 * second, rateEnd: 100 }]);
  assert.equal(schedule.total, 200);
  assert.equal(schedule.dueNs(0), 0);
  assert.equal(schedule.dueNs(150), 1.5 * second);
  assert.equal(schedule.dueNs(200), Infinity);
});

test("follows ramps up, holds and ramps down", () => {
  const schedule = new Schedule(0, [
    { durationNs: 10 * second, rateEnd: 100 },
    { durationNs: 10 * second, rateEnd: 100 },
    { durationNs: 10 * second, rateEnd: 0 },
  ]);
  assert.equal(schedule.total, 2000);
  assert.equal(Math.round(schedule.dueNs(500) / 1e6), 10_000);
  assert.equal(Math.round(schedule.dueNs(125) / 1e6), 5000);
  assert.equal(Math.round(schedule.dueNs(1000) / 1e6), 15_000);
  assert.equal(schedule.rateAt(5 * second), 50);
  assert.equal(schedule.rateAt(25 * second), 50);
  assert.equal(schedule.rateAt(30 * second), 0);
  let last = -1;
  for (let index = 0; index < schedule.total; index++) {
    const due = schedule.dueNs(index);
    assert.ok(due > last && due <= schedule.durationNs, `message ${index} is due at ${due}`);
    last = due;
  }
});

test("changes the rate at once in a stage without length", () => {
  const schedule = new Schedule(10, [
    { durationNs: second, rateEnd: 10 },
    { durationNs: 0, rateEnd: 1000 },
    { durationNs: second, rateEnd: 1000 },
  ]);
  assert.equal(schedule.total, 1010);
  assert.equal(schedule.dueNs(9), 0.9 * second);
  assert.equal(schedule.dueNs(10), second);
  assert.equal(Math.round(schedule.dueNs(11)), 1_001_000_000);
});
