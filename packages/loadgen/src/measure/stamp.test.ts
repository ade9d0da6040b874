import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checksumOfBody, StampReader, StampWriter, stampSize, stampStates } from "./stamp.ts";

const terms = { runTag: 0xdeadbeef, wallOffsetNs: 1_795_000_000_123_456_789n };

function stamped(size: number, nowNs: number, dueNs: number, sender: number, sequence: number): Buffer {
  const payload = Buffer.alloc(size, 0x55);
  const writer = new StampWriter(terms);
  writer.setNow(nowNs);
  writer.write(payload, 0, sender, sequence, dueNs, true, checksumOfBody(payload, 0, size));
  return payload;
}

test("begins with the time of sending since 1970", () => {
  const payload = stamped(64, 5_000_000_007, 5_000_000_007, 1, 2);
  assert.equal(payload.readBigUInt64LE(0), terms.wallOffsetNs + 5_000_000_007n);
});

test("reads back what was written", () => {
  const times = fc.double({ min: 0, max: 9e15, noNaN: true }).map(Math.floor);
  const sequences = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  fc.assert(
    fc.property(
      fc.integer({ min: stampSize, max: 400 }),
      times,
      fc.nat(1e9),
      fc.nat(),
      sequences,
      (size, now, lag, sender, sequence) => {
        const reader = new StampReader(terms);
        const payload = stamped(size, now, now - lag, sender, sequence);
        assert.equal(reader.read(payload, 0, size), stampStates.fine);
        const { sentNs, isMeasured } = reader;
        assert.deepEqual([sentNs, reader.sender, reader.sequence, isMeasured], [now, sender, sequence, true]);
        assert.ok(Math.abs(reader.dueNs - (now - lag)) <= 500);
      },
    ),
  );
});

test("notices any changed bit and another length", () => {
  const payload = stamped(71, 1e15, 1e15, 7, 123_456);
  const reader = new StampReader(terms);
  for (let bit = 0; bit < payload.length * 8; bit++) {
    payload[bit >> 3]! ^= 1 << (bit & 7);
    assert.notEqual(reader.read(payload, 0, payload.length), stampStates.fine, `bit ${bit}`);
    payload[bit >> 3]! ^= 1 << (bit & 7);
  }
  assert.equal(reader.read(payload, 0, payload.length - 1), stampStates.corrupt);
});

test("knows messages of another run", () => {
  const payload = stamped(64, 1, 1, 1, 1);
  const reader = new StampReader({ ...terms, runTag: 5 });
  assert.equal(reader.read(payload, 0, 64), stampStates.foreign);
});
