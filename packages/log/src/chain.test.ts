import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PolylogError } from "@polylog/base/errors";
import { genesisLink } from "./chain.ts";
import type { EmbeddedPartition } from "./embedded-partition.ts";
import { directory, indexPath, PartitionRig, readValues, segmentPath } from "./testing/partition-rig.ts";
import { readRawSegment, relinked, sealed, withCrc } from "./testing/raw-segment.ts";
import { type VerifyReport, verifyPartition } from "./verify.ts";

const identity = { log: "orders", partition: 0 };

/** A partition of one segment with `count` batches of one record, all of one size, closed. */
async function written(count: number): Promise<{ rig: PartitionRig; whole: Buffer }> {
  const rig = new PartitionRig();
  await rig.open();
  for (let i = 0; i < count; i++) rig.appendEach(`value ${i}`);
  await rig.partition.close();
  return { rig, whole: rig.segment() };
}

function batchesOf(segment: Buffer): Buffer[] {
  return readRawSegment(segment).map(({ start, end }) => Buffer.from(segment.subarray(start, end)));
}

/** Batches one behind another with the offsets of their new places and CRCs that fit, their links as they were. */
function rearranged(segment: Buffer, batches: readonly Buffer[]): Buffer {
  const made = batches.map((batch, at) => {
    const copy = Buffer.from(batch);
    copy.writeUInt32LE(at, 24);
    return withCrc(copy);
  });
  return Buffer.concat([segment.subarray(0, 96), ...made]);
}

async function openWith(rig: PartitionRig, content: Buffer): Promise<EmbeddedPartition> {
  await rig.replace(segmentPath(0), content);
  await rig.remove(indexPath(0)).catch(() => undefined);
  rig.build();
  return rig.open();
}

async function verifyWith(rig: PartitionRig, content: Buffer): Promise<VerifyReport> {
  await rig.replace(segmentPath(0), content);
  return verifyPartition(rig.storage, directory, identity);
}

const codes = (errors: readonly PolylogError[]): string[] => errors.map((error) => error.code);

/** Changes that CRCs and offsets do not show. */
function forgeries(segment: Buffer): [what: string, content: Buffer][] {
  const [a, b, c, d] = batchesOf(segment) as [Buffer, Buffer, Buffer, Buffer];
  const replaced = Buffer.from(b);
  replaced[replaced.length - 1]! ^= 1;
  return [
    ["swapped", rearranged(segment, [a, c, b, d])],
    ["removed", rearranged(segment, [a, c, d])],
    ["removed first", rearranged(segment, [b, c, d])],
    ["repeated", rearranged(segment, [a, b, b, c, d])],
    ["replaced", rearranged(segment, [a, replaced, c, d])],
  ];
}

describe("the chain of batches", () => {
  it("begins at the genesis and goes through every batch", async () => {
    const { rig, whole } = await written(4);
    assert.deepEqual(whole.subarray(32, 64), genesisLink);
    assert.deepEqual(relinked(whole, batchesOf(whole)), whole);
    const report = await verifyWith(rig, whole);
    assert.deepEqual([report.faults, report.batchCount, report.offsetNext], [[], 4, 4]);
    assert.equal(report.link, sealed(whole).subarray(-64, -32).toString("hex"));
  });

  it("goes on over a restart", async () => {
    const { rig } = await written(3);
    const partition = await rig.reopen();
    rig.appendEach("later");
    await partition.close();
    assert.deepEqual(relinked(rig.segment(), batchesOf(rig.segment())), rig.segment());
  });

  it("shows batches swapped, removed, repeated and replaced", async () => {
    const { rig, whole } = await written(4);
    for (const [what, content] of forgeries(whole)) {
      assert.ok(codes((await verifyWith(rig, content)).faults).includes("log.CHAIN_BROKEN"), what);
      const partition = await openWith(rig, content);
      assert.equal(partition.status, "readOnly", what);
      assert.equal(partition.recovery?.refusal?.code, "log.CHAIN_BROKEN", what);
      assert.deepEqual(rig.segment(), content);
      await partition.close();
    }
  });

  it("shows them in a sealed segment, footer made to fit", async () => {
    const { rig, whole } = await written(4);
    for (const [what, content] of forgeries(whole))
      assert.ok(codes((await verifyWith(rig, sealed(content))).faults).includes("log.CHAIN_BROKEN"), what);
  });

  it("shows a segment made anew by its successor", async () => {
    const { rig, whole } = await written(4);
    await (await openWith(rig, sealed(whole))).close();
    const [a, b, c, d] = batchesOf(whole) as [Buffer, Buffer, Buffer, Buffer];
    b[b.length - 1]! ^= 1;
    const forged = sealed(relinked(whole, [a, b, c, d]));
    assert.deepEqual(codes((await verifyWith(rig, forged)).faults), ["log.CHAIN_BROKEN"]);
    const partition = await openWith(rig, forged);
    assert.deepEqual(codes(partition.recovery!.damages), ["log.CHAIN_BROKEN"]);
    assert.equal(partition.status, "open");
  });
});

describe("a sealed segment", () => {
  it("is followed by a new one when a crash came between", async () => {
    const { rig, whole } = await written(3);
    const partition = await openWith(rig, sealed(whole));
    assert.deepEqual([partition.status, partition.recovery?.damages], ["open", []]);
    assert.deepEqual(rig.segment(), sealed(whole));
    rig.appendEach("first of the next");
    assert.equal(readRawSegment(rig.segment(3))[0]?.offset, 3);
    assert.equal((await readValues(partition)).length, 4);
    await partition.close();
    assert.deepEqual((await verifyWith(rig, sealed(whole))).faults, []);
  });

  it("loses no batch wherever its footer is cut", async () => {
    const { rig, whole } = await written(3);
    const content = sealed(whole);
    for (let size = whole.length; size < content.length; size++) {
      const partition = await openWith(rig, content.subarray(0, size));
      assert.deepEqual([partition.status, partition.highWatermark], ["open", 3], `cut at ${size}`);
      assert.equal(partition.recovery?.tornBytes, size - whole.length);
      rig.appendEach("new");
      assert.equal((await readValues(partition)).length, 4);
      await partition.close();
      assert.deepEqual((await verifyPartition(rig.storage, directory, identity)).faults, []);
    }
  });

  it("keeps every whole batch wherever it is cut before", async () => {
    const { rig, whole } = await written(4);
    const batches = readRawSegment(whole);
    for (let size = batches[2]!.start; size < whole.length; size++) {
      const partition = await openWith(rig, sealed(whole).subarray(0, size));
      const intact = batches.filter(({ end }) => end <= size).length;
      assert.deepEqual([partition.status, partition.highWatermark], ["open", intact]);
      await partition.close();
    }
  });

  it("shows every flipped bit", async () => {
    const { rig, whole } = await written(2);
    const content = sealed(whole);
    await (await openWith(rig, content)).close();
    const unnoticed: number[] = [];
    for (let bit = 0; bit < content.length * 8; bit++) {
      const flipped = Buffer.from(content);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      if ((await verifyWith(rig, flipped)).faults.length === 0) unnoticed.push(bit);
    }
    assert.deepEqual(unnoticed, []);
  });

  it("needs no index to know where it ends", async () => {
    const { rig, whole } = await written(3);
    await (await openWith(rig, sealed(whole))).close();
    await rig.remove(indexPath(0)).catch(() => undefined);
    const partition = await rig.reopen();
    assert.equal(partition.recovery?.indexesRebuilt, 0);
    assert.equal((await readValues(partition)).length, 3);
  });

  it("is not made by a value that looks like a footer", async () => {
    const { rig, whole } = await written(3);
    const value = sealed(whole).subarray(-128);
    value.writeUInt32LE(whole.length + 84, 40);
    const partition = await openWith(rig, whole);
    partition.appendValue(value, 0, value.length);
    rig.clock.turn();
    await partition.close();
    assert.deepEqual(rig.segment().subarray(-128), value);
    const again = await rig.reopen();
    assert.deepEqual([again.status, again.highWatermark, again.recovery?.damages], ["open", 4, []]);
    rig.appendEach("behind it");
    assert.equal(readRawSegment(rig.segment()).length, 5);
  });
});
