import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { resolveLimits } from "./limits.ts";
import { KeptBytes, MessageQueue } from "./message-queue.ts";
import type { WaitingMessage } from "./waiting-message.ts";

function messageOf(size: number): WaitingMessage {
  const bytes = Buffer.alloc(size);
  return { bytes, propertiesAt: 0, payloadAt: 0, qos: 1, retain: false, expiresMs: 0, identifiers: [] };
}

test("keeps the newest within every bound", () => {
  const limits = { ...resolveLimits(), queuedMessagesMax: 5, queuedBytesMax: 100 };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 120 })), (sizes) => {
      const kept = new KeptBytes(90);
      const queue = new MessageQueue(limits, kept);
      let model: number[] = [];
      const sum = () => model.reduce((total, size) => total + size, 0);
      const fits = () => model.length <= 5 && sum() <= 100 && sum() <= 90;
      let dropped = 0;
      for (const size of sizes) {
        dropped += queue.push(messageOf(size));
        model.push(size);
        while (!fits()) model = model.slice(1);
      }
      assert.equal(queue.size, model.length);
      assert.equal(dropped, sizes.length - model.length);
      assert.deepEqual([queue.bytes, kept.total], [sum(), sum()]);
      const left: number[] = [];
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) left.push(next.bytes.length);
      assert.deepEqual(left, model);
      assert.equal(kept.total, 0);
    }),
  );
});

test("gives back what it kept when cleared", () => {
  const kept = new KeptBytes(1_000);
  const queue = new MessageQueue(resolveLimits(), kept);
  queue.push(messageOf(10));
  assert.equal(kept.total, 10);
  queue.clear();
  assert.deepEqual([kept.total, queue.size], [0, 0]);
});

test("keeps the oldest when the limits say so", () => {
  const limits = { ...resolveLimits(), queuedMessagesMax: 2, whenFull: "drop-newest" } as const;
  const queue = new MessageQueue(limits, new KeptBytes(1_000));
  assert.deepEqual(
    [1, 2, 3].map((size) => queue.push(messageOf(size))),
    [0, 0, 1],
  );
  assert.equal(queue.shift()?.bytes.length, 1);
});
