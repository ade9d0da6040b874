import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "./index.ts";

test("runs callbacks added at the end of a turn in the same turn", async () => {
  const order: number[] = [];
  await new Promise<void>((resolve) => {
    systemClock.atTurnEnd(() => {
      order.push(1);
      systemClock.atTurnEnd(() => {
        order.push(2);
        resolve();
      });
    });
    setImmediate(() => order.push(3));
  });
  assert.deepEqual(order, [1, 2]);
});
