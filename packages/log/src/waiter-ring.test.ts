import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { logErrors } from "./errors.ts";
import { WaiterLog } from "./testing/partition-rig.ts";
import { WaiterRing } from "./waiter-ring.ts";

describe("WaiterRing", () => {
  it("tells everyone once, in order, whatever the offsets", () => {
    const step = fc.record({ push: fc.boolean(), offset: fc.nat(50) });
    const property = fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = new WaiterRing();
      const waiter = new WaiterLog();
      let pushed = 0;
      for (const { push, offset } of steps) {
        if (push) ring.push(offset, waiter, pushed++);
        else ring.settle(offset);
      }
      ring.settle(50);
      assert.equal(ring.size, 0);
      assert.deepEqual(
        waiter.durable,
        Array.from({ length: pushed }, (_, token) => token),
      );
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("tells nobody before his offset is reached", () => {
    const ring = new WaiterRing();
    const waiter = new WaiterLog();
    ring.push(5, waiter, 1);
    ring.push(9, waiter, 2);
    ring.settle(4);
    assert.deepEqual(waiter.durable, []);
    ring.settle(8);
    assert.deepEqual(waiter.durable, [1]);
    assert.equal(ring.firstEndOffset, 9);
  });

  it("fails everyone in order", () => {
    const ring = new WaiterRing();
    const waiter = new WaiterLog();
    for (let token = 0; token < 20; token++) ring.push(token, waiter, token);
    ring.fail(logErrors.LOG_EXISTS({ name: "x" }));
    assert.equal(waiter.failed.length, 20);
    assert.equal(waiter.failed[19]?.token, 19);
  });

  it("lets a waiter wait again while it is told", () => {
    const ring = new WaiterRing();
    const told: number[] = [];
    const waiter = {
      onDurable: (token: number): void => {
        told.push(token);
        if (token < 40) ring.push(token + 1, waiter, token + 1);
      },
    };
    ring.push(0, waiter, 0);
    ring.settle(30);
    assert.equal(told.length, 31);
  });
});
