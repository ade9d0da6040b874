import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { InFlight } from "./in-flight.ts";
import { resolveLimits } from "./limits.ts";
import { KeptBytes, MessageQueue } from "./message-queue.ts";

test("keeps the newest within every bound", () => {
  const limits = { ...resolveLimits(), queuedMessagesMax: 5, queuedBytesMax: 100 };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 120 })), fc.nat({ max: 50 }), (sizes, bytesBesides) => {
      const kept = new KeptBytes(90);
      const queue = new MessageQueue(limits, kept);
      let model: number[] = [];
      const sum = () => model.reduce((total, size) => total + size, 0);
      const fits = () => model.length <= 5 && sum() + bytesBesides <= 100 && sum() <= 90;
      let dropped = 0;
      for (const size of sizes) {
        dropped += queue.push(Buffer.alloc(size), bytesBesides);
        model.push(size);
        while (!fits()) model = model.slice(1);
      }
      assert.equal(queue.size, model.length);
      assert.equal(dropped, sizes.length - model.length);
      assert.deepEqual([queue.bytes, kept.total], [sum(), sum()]);
      const left: number[] = [];
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) left.push(next.length);
      assert.deepEqual(left, model);
      assert.equal(kept.total, 0);
    }),
  );
});

test("gives back what it kept when cleared", () => {
  const kept = new KeptBytes(1_000);
  const queue = new MessageQueue(resolveLimits(), kept);
  const inFlight = new InFlight(kept);
  queue.push(Buffer.alloc(10), 0);
  inFlight.add(Buffer.alloc(20));
  inFlight.add(undefined);
  assert.equal(kept.total, 30);
  queue.clear();
  inFlight.clear();
  assert.deepEqual([kept.total, queue.size, inFlight.size], [0, 0, 0]);
});

test("counts bytes in flight until they are acknowledged", () => {
  const kept = new KeptBytes(1_000);
  const inFlight = new InFlight(kept);
  const identifier = inFlight.add(Buffer.alloc(20));
  assert.equal(inFlight.bytes, 20);
  assert.deepEqual([inFlight.remove(identifier), inFlight.remove(identifier)], [true, false]);
  assert.deepEqual([inFlight.bytes, kept.total], [0, 0]);
});
