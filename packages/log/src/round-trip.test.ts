import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EmbeddedPartition } from "./embedded-partition.ts";
import { PartitionRig, type ReadRecord, readAll } from "./testing/partition-rig.ts";
import { type AppendStep, expectedRecords, frame, stepArbitrary, valueArbitrary } from "./testing/record-arbitrary.ts";

/** Appends what the step says; returns the first offset, or undefined for a turn. */
function appendStep(rig: PartitionRig, partition: EmbeddedPartition, step: AppendStep): number | undefined {
  if (step.type === "record") return partition.append(step.fields);
  if (step.type === "value") return partition.appendValue(step.value, 0, step.value.length);
  if (step.type === "topic") return partition.appendTopicValue(step.topic, step.value, 0, step.value.length);
  if (step.type === "framed") {
    const bytes = frame(step.values);
    return partition.appendFramed(bytes, 0, bytes.length, step.values.length);
  }
  rig.clock.advance(step.ms);
  return undefined;
}

describe("records", () => {
  it("are read as they were appended, whatever their shape", async () => {
    const property = fc.asyncProperty(
      fc.array(stepArbitrary, { maxLength: 60 }),
      fc.integer({ min: 1, max: 100_000 }),
      async (steps, bytesMax) => {
        const rig = new PartitionRig({ segmentSizeMax: 64 * 1024 });
        const partition = await rig.open();
        const expected: ReadRecord[] = [];
        for (const step of steps) {
          const timestampMs = rig.clock.nowMs();
          const first = appendStep(rig, partition, step);
          if (first !== undefined) assert.equal(first, expected.length);
          for (const each of expectedRecords(step)) expected.push({ offset: expected.length, timestampMs, ...each });
        }
        await partition.sync();
        assert.deepEqual(await readAll(partition, 0, bytesMax), expected);
        const reopened = await rig.reopen();
        assert.deepEqual(await readAll(reopened, 0, bytesMax), expected);
        const middle = expected.length >> 1;
        assert.deepEqual(await readAll(reopened, middle, bytesMax), expected.slice(middle));
        await reopened.close();
      },
    );
    await fc.assert(property, { numRuns: 120 });
  });

  it("framed in one region equal those appended one by one", async () => {
    const property = fc.asyncProperty(fc.array(valueArbitrary, { minLength: 1, maxLength: 200 }), async (values) => {
      const framed = new PartitionRig();
      const single = new PartitionRig();
      await framed.open();
      await single.open();
      const bytes = frame(values);
      assert.equal(framed.partition.appendFramed(bytes, 0, bytes.length, values.length), 0);
      for (const value of values) single.partition.appendValue(value, 0, value.length);
      framed.clock.turn();
      single.clock.turn();
      assert.deepEqual(await readAll(framed.partition), await readAll(single.partition));
      if (bytes.length < 16_000) assert.deepEqual(framed.segment(), single.segment());
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it("framed in a region of several batches are split between records", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const values = Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000 + i, i));
    const bytes = Buffer.concat([Buffer.alloc(7), frame(values), Buffer.alloc(3)]);
    partition.append({ value: Buffer.from("rich"), key: Buffer.from("k") });
    assert.equal(partition.appendFramed(bytes, 7, bytes.length - 3, values.length), 1);
    partition.append({ value: Buffer.from("rich"), key: Buffer.from("k") });
    await partition.sync();
    const read = await readAll(await rig.reopen(), 0, 1024 * 1024);
    assert.deepEqual(
      read.slice(1, -1).map((record) => record.value.length),
      values.map((value) => value.length),
    );
    assert.deepEqual([read[0]?.key, read.at(-1)?.key, read.length], ["k", "k", 42]);
  });

  it("framed with gaps equal those without", async () => {
    const gaps = fc.integer({ min: 0, max: 70 });
    const property = fc.asyncProperty(
      fc.array(valueArbitrary, { minLength: 1, maxLength: 200 }),
      gaps,
      async (values, gap) => {
        const rig = new PartitionRig();
        const partition = await rig.open();
        const between = Buffer.alloc(gap, "g");
        const bytes = Buffer.concat(values.flatMap((value) => [frame([value]), between]));
        assert.equal(partition.appendFramed(bytes, 0, bytes.length - gap, values.length, gap), 0);
        assert.equal(partition.appendValue(between, 0, gap), values.length);
        rig.clock.turn();
        const read = await readAll(partition);
        assert.deepEqual(
          read.map((record) => record.value),
          [...values, between].map((value) => Buffer.from(value).toString("latin1")),
        );
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it("framed with gaps in a region of several batches are split between records", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const values = Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000 + i, i));
    const bytes = Buffer.concat(values.flatMap((value) => [frame([value]), Buffer.alloc(9)]));
    assert.equal(partition.appendFramed(bytes, 0, bytes.length - 9, values.length, 9), 0);
    await partition.sync();
    const read = await readAll(await rig.reopen(), 0, 1024 * 1024);
    assert.deepEqual(
      read.map((record) => record.value),
      values.map((value) => value.toString("latin1")),
    );
  });

  it("fill batches of the largest number of empty values", async () => {
    const rig = new PartitionRig();
    const partition = await rig.open();
    const count = 300_000;
    const bytes = Buffer.alloc(4 * count);
    assert.equal(partition.appendFramed(bytes, 0, bytes.length, count), 0);
    assert.equal(partition.appendValue(bytes, 0, 0), count);
    await partition.sync();
    assert.equal((await readAll(await rig.reopen(), 0, 1024 * 1024)).length, count + 1);
  });

  it("framed wrongly are refused whole", async () => {
    const partition = await new PartitionRig().open();
    const bytes = frame([Buffer.from("ab"), Buffer.from("c")]);
    const cases: [start: number, end: number, count: number][] = [
      [0, bytes.length, 1],
      [0, bytes.length, 3],
      [0, bytes.length - 1, 2],
      [1, bytes.length, 2],
      [0, 0, 0],
      [0, bytes.length + 1, 2],
    ];
    for (const [start, end, count] of cases)
      assert.throws(() => partition.appendFramed(bytes, start, end, count), { code: "log.FRAMES_INVALID" });
    assert.throws(() => partition.appendFramed(bytes, 0, bytes.length, 2, 1), { code: "log.FRAMES_INVALID" });
    assert.equal(partition.nextOffset, 0);
  });
});
