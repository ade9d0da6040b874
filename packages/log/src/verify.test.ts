import assert from "node:assert/strict";
import { test } from "node:test";
import { directory, PartitionRig, segmentPath } from "./testing/partition-rig.ts";
import { type VerifyOptions, verifyPartition } from "./verify.ts";

const identity = { log: "orders", partition: 0 };

/** Three segments, closed. */
async function closedRig(): Promise<PartitionRig> {
  const rig = new PartitionRig({ segmentSizeMax: 4096 });
  await rig.open();
  for (let i = 0; i < 30; i++) rig.appendEach(`${i} ${"x".repeat(300)}`);
  await rig.partition.sync();
  await rig.partition.close();
  return rig;
}

const verify = (rig: PartitionRig, options?: VerifyOptions) =>
  verifyPartition(rig.storage, directory, identity, options);

test("lists segments, offsets and batches", async () => {
  const rig = await closedRig();
  const read: number[] = [];
  const report = await verify(rig, { onProgress: (bytesRead) => read.push(bytesRead) });
  const { segments, faults } = report;
  assert.deepEqual(faults, []);
  assert.equal(report.offsetNext, 30);
  assert.equal(
    report.batchCount,
    segments.reduce((sum, each) => sum + each.batchCount, 0),
  );
  assert.equal(segments[0]!.offsetFirst, 0);
  for (const [at, segment] of segments.slice(1).entries()) assert.equal(segment.offsetFirst, segments[at]!.offsetNext);
  assert.deepEqual(
    segments.map(({ sealed }) => sealed),
    segments.map((_, at) => at < segments.length - 1),
  );
  assert.equal(segments[0]!.bytes, rig.segment().length);
  assert.deepEqual(
    read,
    [...read].sort((one, other) => one - other),
  );
});

test("goes on after a segment that cannot be read", async () => {
  const rig = await closedRig();
  rig.storage.failAt("read", 1);
  const { faults, offsetNext } = await verify(rig);
  assert.equal(faults[0]?.code, "log.FILE_UNREADABLE");
  assert.equal(offsetNext, 30);
});

test("takes an unsynced torn end for tail, and a synced one for damage", async () => {
  const rig = await closedRig();
  const last = (await verify(rig)).segments.at(-1)!;
  const path = segmentPath(last.offsetFirst);
  const content = rig.storage.content(path)!;
  await rig.replace(path, Buffer.concat([content, content.subarray(96, 150)]));
  const grown = await verify(rig);
  assert.deepEqual([grown.tailBytes, grown.faults], [54, []]);
  await rig.replace(path, content.subarray(0, -1));
  const cut = await verify(rig); // Its index says what was synced.
  assert.ok(cut.faults.some(({ code }) => code === "log.CORRUPT_SEGMENT"));
});

test("passes over what a running server removed", async () => {
  const rig = await closedRig();
  const [first] = (await verify(rig)).segments;
  const list = rig.storage.list.bind(rig.storage);
  rig.storage.list = async (path) => {
    const names = await list(path);
    await rig.remove(segmentPath(first!.offsetFirst)).catch(() => undefined);
    return names;
  };
  const report = await verify(rig, { inUse: true });
  assert.deepEqual(report.faults, []);
  assert.ok(report.offsetFirst > 0);
});
