/** Rows that are not as they were written: each is refused, or is one that could have been written. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Publisher, SessionRig } from "../testing/session-rig.ts";
import { BlockArena, EntryQueue } from "./entry-queue.ts";
import {
  decodeCheckpoint,
  decodeQueue,
  decodeStop,
  encodeCheckpoint,
  encodeQueue,
  parseQueueKey,
} from "./session-rows.ts";

const damaged = { code: "broker.STATE_DAMAGED" };

const wrongNumbers = [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, 1e300, 2 ** 53];

function savedRow(): Buffer {
  const queue = new EntryQueue(new BlockArena());
  queue.clear(7);
  for (let i = 0; i < 5; i++) queue.push(100 + 3 * i, 20, 1, i % 2 === 0 ? 0 : 5000);
  const inFlight = new Map([[6, { sequence: 6, offset: 90, size: 10, qos: 2 as const, released: false }]]);
  const inbound = new Map([[9, 4]]);
  return encodeQueue({ queue, inFlight, inbound, inboundNext: 5, droppedCount: 0 }, Number.POSITIVE_INFINITY, 120);
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

test("refuses numbers in a saved queue that count nothing", () => {
  const fields = { applied: 1, first: 9, next: 17, dropped: 33, inboundNext: 41, sequence: 53, offset: 61 };
  assert.equal(decodeQueue("k", savedRow(), [], () => undefined).next, 12);
  for (const [name, at] of Object.entries(fields))
    for (const value of wrongNumbers) {
      const row = savedRow();
      row.writeDoubleLE(value, at);
      assert.throws(() => decodeQueue("k", row, [], () => undefined), damaged, `${name} ${value}`);
    }
});

test("tells nothing but whole numbers, whichever bit is another", () => {
  const good = savedRow();
  for (let bit = 0; bit < good.length * 8; bit++) {
    const row = Buffer.from(good);
    row[bit >> 3]! ^= 1 << (bit & 7);
    try {
      const { applied, first, next, inFlight } = decodeQueue("k", row, [], (sequence, offset, size) => {
        assert.ok(isWhole(sequence) && isWhole(offset) && isWhole(size));
      });
      assert.ok(isWhole(applied) && isWhole(first) && next >= first);
      for (const entry of inFlight?.values() ?? []) assert.ok(isWhole(entry.sequence) && isWhole(entry.offset));
    } catch (error) {
      assert.equal((error as { code?: string }).code, damaged.code, `bit ${bit}: ${error}`);
    }
  }
});

test("refuses a checkpoint and a stop that are no places", () => {
  for (const value of wrongNumbers) {
    const checkpoint = encodeCheckpoint({ offset: 1, extentsEnd: 2, extents: [{ offset: 0, bytes: 5 }] });
    for (const at of [1, 9, 17, 25]) {
      const row = Buffer.from(checkpoint);
      row.writeDoubleLE(value, at);
      assert.throws(() => decodeCheckpoint(row), damaged);
    }
    const stop = Buffer.alloc(13);
    stop[0] = 1;
    stop.writeDoubleLE(value, 5);
    assert.throws(() => decodeStop(stop), damaged);
  }
});

for (const key of ["session-queue/", "session-queue/x/~", "session-queue/0000000001/", "session-queue/0000000001/7/~"])
  test(`refuses the key ${key}`, () => {
    assert.throws(() => parseQueueKey(key), damaged);
  });

async function stored() {
  const rig = new SessionRig();
  const store = await rig.open();
  const sessions = [await store.create("a", Buffer.from("of a")), await store.create("b", Buffer.from("of b"))];
  new Publisher().publish(store, "secret", sessions[0]!);
  await rig.run();
  return rig;
}

const changes: readonly (readonly [name: string, key: string, row: Buffer])[] = [
  ["two sessions with one number", "session/b", Buffer.from([1, 0, 0, 0, 0])],
  ["a number that was given already", "session-numbers", Buffer.from([1, 0, 0, 0])],
  ["no number at all", "session-numbers", Buffer.alloc(0)],
  ["a session of another version", "session/a", Buffer.from([9, 0, 0, 0, 0])],
  ["an empty row of a session", "session/a", Buffer.alloc(0)],
];

for (const [name, key, row] of changes)
  test(`does not start with ${name}`, async () => {
    const rig = await stored();
    const closed = rig.store.close();
    await rig.run();
    await closed;
    await rig.state.write([{ type: "put", key, value: row }], { sync: true });
    await assert.rejects(rig.open(), damaged);
  });
