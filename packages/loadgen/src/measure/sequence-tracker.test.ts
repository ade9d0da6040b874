import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arrivals, SequenceTracker } from "./sequence-tracker.ts";

const { inOrder, outOfOrder, duplicate } = arrivals;

test("tells new, late and repeated messages apart", () => {
  const tracker = new SequenceTracker();
  const seen = [0, 1, 4, 2, 2, 5, 4, 3, 6, 0].map((sequence) => tracker.note(sequence));
  assert.deepEqual(seen, [
    inOrder,
    inOrder,
    inOrder,
    outOfOrder,
    duplicate,
    inOrder,
    duplicate,
    outOfOrder,
    inOrder,
    duplicate,
  ]);
});

test("agrees with a set of all that has come", () => {
  const sequences = fc.array(fc.nat({ max: 3000 }), { maxLength: 400 });
  fc.assert(
    fc.property(sequences, (steps) => {
      const tracker = new SequenceTracker();
      const seen = new Set<number>();
      let newest = -1;
      for (const sequence of steps) {
        const wanted = seen.has(sequence) ? duplicate : sequence > newest ? inOrder : outOfOrder;
        assert.equal(tracker.note(sequence), wanted);
        seen.add(sequence);
        newest = Math.max(newest, sequence);
      }
    }),
  );
});

test("gives up what is missing behind a whole window", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 400 }), { maxLength: 300 }), (steps) => {
      const windowMax = 64;
      const tracker = new SequenceTracker(windowMax);
      const seen = new Set<number>();
      let newest = -1;
      for (const sequence of steps) {
        const isGivenUp = sequence <= newest - windowMax;
        const arrival = tracker.note(sequence);
        const wanted = isGivenUp || seen.has(sequence) ? duplicate : sequence > newest ? inOrder : outOfOrder;
        assert.equal(arrival, wanted, `${sequence} after ${newest}`);
        seen.add(sequence);
        newest = Math.max(newest, sequence);
      }
    }),
  );
});
