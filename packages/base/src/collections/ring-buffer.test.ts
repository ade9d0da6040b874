import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RingBuffer } from "./index.ts";

test("behaves as a queue under any schedule", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: undefined }), { maxLength: 200 }), (steps) => {
      const ring = new RingBuffer<number>(2);
      const model: number[] = [];
      for (const step of steps) {
        if (step === undefined) assert.equal(ring.shift(), model.shift());
        else {
          ring.push(step);
          model.push(step);
        }
        assert.equal(ring.size, model.length);
        assert.equal(ring.peek(), model[0]);
        if (model.length > 0) assert.equal(ring.at(model.length - 1), model.at(-1));
      }
    }),
  );
});
