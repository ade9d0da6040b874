import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";
import {
  decodeProducerSnapshot,
  encodeProducerSnapshot,
  parseProducerSnapshotName,
  producerSnapshotName,
} from "./producer-snapshot.ts";
import { ProducerTable } from "./producer-table.ts";

const identity = { log: "orders", partition: 3 };
const place = { offset: 2 ** 40, link: Buffer.alloc(32, 0xab) };

function filled(): ProducerTable {
  const table = new ProducerTable(identity, 3);
  for (let i = 0; i < 20; i++)
    table.add({ id: `p.${i % 4}`, epoch: 5 + (i % 4), sequence: Math.floor(i / 4) * 3 }, i * 3, 3);
  return table;
}

describe("a snapshot of producers", () => {
  it("is read back from its file", () => {
    const table = filled();
    const bytes = encodeProducerSnapshot(identity, place, table);
    const read = decodeProducerSnapshot(bytes, identity, place.offset)!;
    assert.deepEqual([...read.table.entries()], [...table.entries()]);
    assert.deepEqual([read.table.epochForgotten, read.table.epochMax], [8, 8]);
    assert.deepEqual([read.offset, read.link], [place.offset, place.link]);
    assert.deepEqual(encodeProducerSnapshot(identity, read, read.table), bytes);
  });

  it("of no producers is read back too", () => {
    const bytes = encodeProducerSnapshot(identity, place, new ProducerTable(identity));
    const { table } = decodeProducerSnapshot(bytes, identity, place.offset)!;
    assert.deepEqual([table.size, table.epochForgotten, table.epochMax], [0, -1, -1]);
  });

  it("is refused when any bit is flipped or it is cut anywhere", () => {
    const bytes = encodeProducerSnapshot(identity, place, filled());
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(decodeProducerSnapshot(flipped, identity, place.offset), undefined, `bit ${bit}`);
    }
    for (let size = 0; size < bytes.length; size++)
      assert.equal(
        decodeProducerSnapshot(bytes.subarray(0, size), identity, place.offset),
        undefined,
        `cut at ${size}`,
      );
  });

  it("is refused when it is of another place", () => {
    const bytes = encodeProducerSnapshot(identity, place, filled());
    assert.equal(decodeProducerSnapshot(bytes, { ...identity, log: "other" }, place.offset), undefined);
    assert.equal(decodeProducerSnapshot(bytes, { ...identity, partition: 4 }, place.offset), undefined);
    assert.equal(decodeProducerSnapshot(bytes, identity, place.offset + 1), undefined);
  });

  it("is never read beyond, whatever a byte says", () => {
    const bytes = encodeProducerSnapshot(identity, place, filled());
    for (let at = 12; at < bytes.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at] = value;
        changed.writeUInt32LE(crc32(changed.subarray(12)), 8);
        decodeProducerSnapshot(changed, identity, place.offset);
      }
    }
  });

  it("is named by its offset", () => {
    assert.equal(producerSnapshotName(42), "00000000000000000042.producers");
    assert.equal(parseProducerSnapshotName("00000000000000000042.producers"), 42);
    for (const name of ["42.producers", "00000000000000000042.log", "99999999999999999999.producers"])
      assert.equal(parseProducerSnapshotName(name), undefined);
  });
});
