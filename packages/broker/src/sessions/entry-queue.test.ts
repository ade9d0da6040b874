import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { QoS } from "../publication.ts";
import { BlockArena, EntryQueue, QueueEntry } from "./entry-queue.ts";

interface Plain {
  offset: number;
  readonly size: number;
  readonly qos: QoS;
  readonly expiresAtS: number;
  readonly isHole: boolean;
}

const hole: Plain = { offset: 0, size: 0, qos: 0, expiresAtS: 0, isHole: true };

function entries(queue: EntryQueue, from = queue.first, to = queue.next): (Plain & { sequence: number })[] {
  const found: (Plain & { sequence: number })[] = [];
  queue.walk(from, to, ({ sequence, offset, size, qos, expiresAtS, isHole }) =>
    found.push({ sequence, offset: isHole ? 0 : offset, size, qos, expiresAtS, isHole }),
  );
  return found;
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      gap: fc.oneof(fc.nat(3), fc.nat(100_000), fc.nat(2 ** 40)),
      size: fc.oneof(fc.nat(100), fc.nat(32 * 1024 * 1024)),
      qos: fc.constantFrom<QoS>(0, 1, 2),
      expiresAtS: fc.constantFrom(0, 1, 2_000_000_000, 2 ** 32 + 5),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("shift" as const), count: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("hole" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("move" as const), upTo: fc.nat(60), every: fc.integer({ min: 1, max: 5 }) }),
  },
);

test("is a queue, whatever is pushed, taken and moved", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const queue = new EntryQueue(new BlockArena());
      let model: Plain[] = [];
      let [first, offset] = [0, 0];
      const entry = new QueueEntry();
      for (const each of steps) {
        if (each.do === "push") {
          offset = Math.min(2 ** 46, offset + each.gap);
          model.push({ offset, size: each.size, qos: each.qos, expiresAtS: each.expiresAtS, isHole: false });
          queue.push(offset, each.size, each.qos, each.expiresAtS);
        } else if (each.do === "hole") {
          model.push(hole);
          queue.pushHole();
        } else if (each.do === "shift") {
          for (let i = 0; i < each.count && queue.peek(entry); i++) {
            const wanted = model.shift()!;
            assert.deepEqual([entry.sequence, entry.isHole, entry.size], [first, wanted.isHole, wanted.size]);
            queue.shift(entry);
            first++;
          }
        } else {
          const last = first + each.upTo;
          const movedTo = ({ sequence, offset: at }: { sequence: number; offset: number }): number =>
            sequence <= last && sequence % each.every === 0 ? at + 1_000_000 : at;
          queue.replaceOffsets(last, movedTo);
          model = model.map((plain, i) =>
            plain.isHole ? plain : { ...plain, offset: movedTo({ sequence: first + i, offset: plain.offset }) },
          );
        }
        const wanted = model.map((plain, i) => ({ sequence: first + i, ...plain }));
        assert.deepEqual(entries(queue), wanted);
        assert.deepEqual(entries(queue, first + 3, first + 40), wanted.slice(3, 40));
        assert.equal(queue.count, model.filter((plain) => !plain.isHole).length);
        assert.equal(queue.isEmpty, model.length === 0);
      }
    }),
    { numRuns: 150 },
  );
});

test("uses blocks again", () => {
  const arena = new BlockArena();
  const queue = new EntryQueue(arena);
  const entry = new QueueEntry();
  for (let i = 0; i < 300_000; i++) {
    queue.push(i, 100, 1, 0);
    if (i >= 1000 && queue.peek(entry)) queue.shift(entry);
  }
  assert.equal(queue.count, 1000);
  queue.clear();
  assert.ok(arena.size <= 256 * 1024, `${arena.size}`);
});
