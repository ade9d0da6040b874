import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "./index.ts";

test("fires timers in order of their due time", () => {
  const clock = new ManualClock();
  const fired: string[] = [];
  clock.setTimer(() => fired.push("late"), 20);
  clock.setTimer(() => fired.push("early"), 10);
  const cancelled = clock.setTimer(() => fired.push("never"), 5);
  clock.clearTimer(cancelled);
  clock.advance(15);
  assert.deepEqual(fired, ["early"]);
  clock.advance(5);
  assert.deepEqual(fired, ["early", "late"]);
});

test("runs a turn after each timer", () => {
  const clock = new ManualClock();
  const order: string[] = [];
  clock.setTimer(() => {
    order.push("timer");
    clock.atTurnEnd(() => order.push("turn"));
  }, 1);
  clock.setTimer(() => order.push("second"), 2);
  clock.advance(2);
  assert.deepEqual(order, ["timer", "turn", "second"]);
});

test("keeps monotonic time when the wall clock jumps", () => {
  const clock = new ManualClock(1000);
  clock.jumpWallClock(-500);
  assert.equal(clock.nowMs(), 500);
  assert.equal(clock.monotonicMs(), 0);
});
