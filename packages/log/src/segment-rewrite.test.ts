import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { batchRecordCount, batchSize } from "./batch.ts";
import { FileWindow } from "./batch-scan.ts";
import { recover } from "./recovery.ts";
import { type Segment, segmentHeaderSize } from "./segment.ts";
import { SegmentRewrite } from "./segment-rewrite.ts";
import { SegmentSet } from "./segment-set.ts";
import { thinnedBatch } from "./sparse-batch.ts";
import { directory, PartitionRig, readAll, segmentPath } from "./testing/partition-rig.ts";
import { verifyPartition } from "./verify.ts";

const identity = { log: "orders", partition: 0 };

/** A closed partition of some segments with batches of three records. */
async function rolled(batchCount = 25): Promise<{ rig: PartitionRig; bases: number[]; end: number }> {
  const rig = new PartitionRig({ segmentSizeMax: 4096 });
  const partition = await rig.open();
  for (let batch = 0; batch < batchCount; batch++) {
    for (const each of ["a", "b", "c"]) rig.append(`${batch}${each} ${"x".repeat(100)}`);
    await partition.sync();
  }
  const end = partition.nextOffset;
  await partition.close();
  const names = (await rig.storage.list(directory))!.filter((name) => name.endsWith(".log"));
  return { rig, bases: names.map((name) => Number(name.slice(0, 20))), end };
}

async function openSet(rig: PartitionRig): Promise<SegmentSet> {
  const set = new SegmentSet(rig.storage, directory, identity);
  await recover(set, { nowMs: rig.clock.nowMs(), mustExist: true });
  return set;
}

/** Rewrites the segment without the records whose place among all is not kept by `keeps`. */
async function rewrite(set: SegmentSet, segment: Segment, keeps: (at: number) => boolean): Promise<Segment> {
  const file = await set.acquire(segment);
  const header = Buffer.alloc(segmentHeaderSize);
  await file.read(header, 0);
  const made = await SegmentRewrite.begin(set, segment.baseOffset, header, 500);
  const window = new FileWindow(file, segment.size);
  let at = 0;
  for (let position = segmentHeaderSize; position < segment.size; ) {
    assert.equal(await window.batchFaultAt(position), undefined);
    const start = position - window.position;
    const kept = Uint8Array.from({ length: batchRecordCount(window.bytes, start) }, () => Number(keeps(at++)));
    const batch = thinnedBatch(window.bytes, start, kept);
    await made.add(batch, 0, batch.length);
    position += batchSize(window.bytes, start);
  }
  set.release(segment);
  return (await made.install({ epoch: 1, linkNext: segment.linkNext, nowMs: 5 }, segment))!;
}

const isKept = (at: number): boolean => at % 11 === 1;

describe("a rewritten segment", () => {
  it("keeps its place in the chain and every offset", async () => {
    const { rig, bases, end } = await rolled();
    const set = await openSet(rig);
    const before = rig.segment(bases[1]!).length;
    for (const index of [1, 2]) await rewrite(set, set.list[index]!, isKept);
    assert.ok(rig.segment(bases[1]!).length < before);
    await set.close();
    const report = await verifyPartition(rig.storage, directory, identity);
    assert.deepEqual([report.faults, report.offsetNext], [[], end]);
    const partition = await rig.reopen();
    assert.deepEqual([partition.status, partition.recovery?.damages], ["open", []]);
    const survivors: number[] = [];
    for (let offset = 0; offset < end; offset++) {
      const index = bases.findLastIndex((base) => base <= offset);
      if ((index !== 1 && index !== 2) || isKept(offset - bases[index]!)) survivors.push(offset);
    }
    for (let offset = 0; offset <= end; offset++) {
      const read = await readAll(partition, offset, 300);
      assert.deepEqual(
        read.map((record) => record.offset),
        survivors.filter((each) => each >= offset),
      );
      for (const record of read) assert.ok(record.value.startsWith(`${Math.floor(record.offset / 3)}`));
    }
  });

  it("can be rewritten again, down to nothing", async () => {
    const { rig, bases, end } = await rolled();
    const set = await openSet(rig);
    const once = await rewrite(set, set.list[1]!, isKept);
    assert.equal((await rewrite(set, once, () => false)).batchCount, 1);
    await set.close();
    assert.deepEqual((await verifyPartition(rig.storage, directory, identity)).faults, []);
    const read = await readAll(await rig.reopen());
    assert.equal(read.length, end - (bases[2]! - bases[1]!));
  });

  it("shows every flipped bit", async () => {
    const { rig, bases } = await rolled(20);
    assert.ok(bases.length > 2);
    const set = await openSet(rig);
    await rewrite(set, set.list[0]!, () => false);
    await rewrite(set, set.list[1]!, isKept);
    await set.close();
    const whole = rig.segment(bases[1]!);
    const unnoticed: number[] = [];
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      await rig.replace(segmentPath(bases[1]!), flipped);
      if ((await verifyPartition(rig.storage, directory, identity)).faults.length === 0) unnoticed.push(bit);
    }
    assert.deepEqual(unnoticed, []);
  });

  it("leaves the old file to who reads it", async () => {
    const { rig } = await rolled();
    const set = await openSet(rig);
    const old = set.list[1]!;
    const file = await set.acquire(old);
    const before = Buffer.alloc(old.size);
    await file.read(before, 0);
    const made = await rewrite(set, old, () => false);
    assert.equal(set.list[1], made);
    const after = Buffer.alloc(old.size);
    assert.equal(await file.read(after, 0), old.size);
    assert.deepEqual(after, before);
    set.release(old);
    await set.close();
  });

  it("is followed by a new one when it is the newest", async () => {
    const { rig, bases, end } = await rolled();
    const newest = segmentPath(bases.at(-1)!);
    await rig.remove(newest);
    const set = await openSet(rig);
    const last = bases.length - 2;
    await rewrite(set, set.list[last]!, () => false);
    await set.close();
    await rig.remove(newest); // Opening had made it.
    const partition = await rig.reopen();
    assert.deepEqual([partition.status, partition.nextOffset], ["open", bases.at(-1)]);
    assert.ok(partition.nextOffset < end);
    rig.appendEach("next");
    assert.equal((await readAll(partition, partition.nextOffset - 1))[0]?.value, "next");
    await partition.close();
    assert.deepEqual((await verifyPartition(rig.storage, directory, identity)).faults, []);
  });
});

describe("rewriting that is interrupted", () => {
  it("leaves the one file or the other, whole, at any call", async () => {
    const { rig, bases, end } = await rolled();
    const whole = rig.segment(bases[1]!);
    const outcomes = new Set<number>();
    for (const call of ["open", "read", "write", "sync", "rename", "removeFile", "syncDirectory"] as const) {
      for (let nth = 1; ; nth++) {
        await rig.replace(segmentPath(bases[1]!), whole);
        const set = await openSet(rig);
        rig.storage.failAt(call, nth);
        const done = await rewrite(set, set.list[1]!, isKept).then(
          () => true,
          () => false,
        );
        rig.storage = rig.storage.crash(nth, { of: nth % 2 === 0 ? "process" : "power" });
        const partition = await rig
          .build()
          .open()
          .then(() => rig.partition);
        assert.deepEqual([partition.status, partition.recovery?.damages], ["open", []], `${call} ${nth}`);
        const count = (await readAll(partition)).length;
        assert.ok(count === end || !done || count < end);
        outcomes.add(count);
        await partition.close();
        assert.deepEqual((await verifyPartition(rig.storage, directory, identity)).faults, []);
        const names = (await rig.storage.list(directory))!;
        assert.deepEqual(
          names.filter((name) => name.endsWith(".tmp")),
          [],
        );
        if (done) break;
      }
    }
    assert.equal(outcomes.size, 2);
  });
});
