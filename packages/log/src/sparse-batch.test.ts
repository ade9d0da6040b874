import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import fc from "fast-check";
import { batchCount, batchFault, batchRecordCount, batchSize, relinkBatch } from "./batch.ts";
import type { Chunk } from "./chunk.ts";
import { sparseOffsetsMax } from "./limits.ts";
import { RecordCursor } from "./record-cursor.ts";
import { chunkOfBatch, emptyBatch, thinnedBatch } from "./sparse-batch.ts";
import { PartitionRig, type ReadRecord, readRecord } from "./testing/partition-rig.ts";

const link = Buffer.alloc(32, 5);

function recordsOf(chunk: Chunk, offset = chunk.offsetFirst): ReadRecord[] {
  const cursor = new RecordCursor();
  const records: ReadRecord[] = [];
  cursor.reset(chunk, offset);
  while (cursor.next()) records.push(readRecord(cursor));
  return records;
}

/** A chunk with one batch of records with these values, keyed or not. */
async function batchOf(values: readonly string[], keyed: boolean): Promise<Chunk> {
  const rig = new PartitionRig();
  const partition = await rig.open();
  rig.appendEach("in front");
  for (const value of values)
    partition.append({ value: Buffer.from(value), ...(keyed ? { key: Buffer.from(value.slice(0, 2)) } : {}) });
  rig.clock.turn();
  const chunk = partition.cachedChunk(1)!;
  assert.equal(chunk.offsetNext, 1 + values.length);
  return chunk;
}

function thin(chunk: Chunk, keeps: Uint8Array): Chunk {
  const batch = thinnedBatch(chunk.bytes, chunk.start, keeps);
  relinkBatch(batch, 0, batch.length, link);
  assert.equal(batchFault(batch, 0, batch.length), undefined);
  return chunkOfBatch(batch, 0);
}

/** The batches of these chunks one behind another. */
function joined(...chunks: Chunk[]): Chunk {
  const bytes = Buffer.concat(chunks.map((chunk) => chunk.bytes.subarray(chunk.start, chunk.end)));
  const offsetNext = chunks.at(-1)!.offsetNext;
  return { bytes, start: 0, end: bytes.length, offsetFirst: chunks[0]!.offsetFirst, offsetNext };
}

const empty = (offset: number, count: number): Chunk => {
  const times = { timestampFirst: 7, timestampLast: 9 };
  const batch = emptyBatch({ partition: 0, epoch: 1, offset, count, ...times });
  relinkBatch(batch, 0, batch.length, link);
  return chunkOfBatch(batch, 0);
};

describe("a sparse batch", () => {
  it("yields what was kept, from any offset", async () => {
    const property = fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ maxLength: 200 }), fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 300 }),
      fc.boolean(),
      async (rows, keyed) => {
        const whole = await batchOf(
          rows.map(([value]) => value),
          keyed,
        );
        const all = recordsOf(whole);
        const once = thin(
          whole,
          Uint8Array.from(rows, ([, first]) => Number(first)),
        );
        const left = rows.map((row, at) => ({ row, record: all[at]! })).filter(({ row }) => row[1]);
        assert.deepEqual(
          recordsOf(once),
          left.map(({ record }) => record),
        );
        assert.equal(batchCount(once.bytes, 0), rows.length);
        const twice = thin(
          once,
          Uint8Array.from(left, ({ row }) => Number(row[2])),
        );
        const expected = left.filter(({ row }) => row[2]).map(({ record }) => record);
        for (let offset = 0; offset <= twice.offsetNext + 1; offset++) {
          const wanted = expected.filter((record) => record.offset >= offset);
          assert.deepEqual(recordsOf(twice, offset), wanted);
        }
        assert.equal(batchRecordCount(twice.bytes, 0), expected.length);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it("may hold nothing, between others and alone", async () => {
    const whole = await batchOf(["a", "b"], false);
    const chunk = joined(empty(0, 1), whole, empty(3, sparseOffsetsMax), empty(3 + sparseOffsetsMax, 1));
    for (const offset of [0, 1]) assert.deepEqual(recordsOf(chunk, offset).length, 2);
    assert.deepEqual(
      recordsOf(chunk, 2).map(({ value }) => value),
      ["b"],
    );
    for (const offset of [3, 4, 2 ** 31]) assert.deepEqual(recordsOf(chunk, offset), []);
    assert.deepEqual(recordsOf(empty(5, 5), 7), []);
  });

  it("with a record outside of its offsets is damage", async () => {
    const whole = await batchOf(["a", "b", "c"], true);
    const { bytes } = thin(whole, Uint8Array.of(1, 0, 1));
    for (const [at, value] of [
      [84, 3],
      [84, 2],
      [bytes.length - 10, 0],
    ] as const) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      assert.throws(
        () => recordsOf(chunkOfBatch(changed, 0)),
        (error) => isCodedError(error, "log.CORRUPT_BATCH"),
      );
    }
  });

  it("that announces more than it can hold is refused", async () => {
    const whole = await batchOf(["a", "b", "c"], true);
    for (const count of [3, 4, 2 ** 32 - 1]) {
      const { bytes } = thin(whole, Uint8Array.of(1, 0, 0));
      bytes.writeUInt32LE(count, 80);
      relinkBatch(bytes, 0, bytes.length, link);
      assert.equal(batchFault(bytes, 0, bytes.length), "fields");
    }
    const { bytes } = empty(0, sparseOffsetsMax);
    bytes.writeUInt32LE(2 ** 31, 20);
    relinkBatch(bytes, 0, bytes.length, link);
    assert.equal(batchFault(bytes, 0, batchSize(bytes, 0)), "fields");
  });
});
