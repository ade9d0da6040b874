import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeIndexSummary, SparseIndex } from "./sparse-index.ts";

const summary = {
  baseOffset: 10,
  segmentSize: 900_000,
  offsetNext: 110,
  timestampLast: 5000,
  batchCount: 100,
  producers: true,
};

function filled(): SparseIndex {
  const index = new SparseIndex();
  for (let i = 0; i < 100; i++) index.add(10 + i, 64 + i * 9000, 1000 + i * 10);
  return index;
}

describe("SparseIndex", () => {
  it("keeps an entry about every 64 KiB", () => {
    assert.equal(filled().size, 13);
    assert.deepEqual(filled().floor(17), { offset: 10, position: 64 });
    assert.deepEqual(filled().floor(18), { offset: 18, position: 64 + 8 * 9000 });
    assert.equal(filled().floor(9), undefined);
  });

  it("finds the last batch older than a time", () => {
    assert.equal(filled().floorTime(1000), undefined);
    assert.deepEqual(filled().floorTime(1001), { offset: 10, position: 64 });
    assert.deepEqual(filled().floorTime(1080), { offset: 10, position: 64 });
    assert.deepEqual(filled().floorTime(1081), { offset: 18, position: 64 + 8 * 9000 });
  });

  it("is read back from its file", () => {
    const bytes = filled().encode(summary);
    assert.deepEqual(decodeIndexSummary(bytes), summary);
    assert.deepEqual(SparseIndex.decode(bytes)?.encode(summary), bytes);
  });

  it("is refused when any bit of its file is flipped", () => {
    const bytes = filled().encode(summary);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const accepted = decodeIndexSummary(bytes) !== undefined && SparseIndex.decode(bytes) !== undefined;
      assert.equal(accepted, false, `bit ${bit}`);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  });
});
