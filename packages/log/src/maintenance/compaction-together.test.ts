/** Key compaction beside trimming, compression and producers with an id. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { EmbeddedPartition } from "../embedded-partition.ts";
import { RecordCursor } from "../record-cursor.ts";
import { directory, PartitionRig, readAll, segmentPath } from "../testing/partition-rig.ts";
import { verifyPartition } from "../verify.ts";
import type { CompactionOptions } from "./compaction.ts";

const value = (text: string): Buffer => Buffer.from(text.padEnd(text === "" ? 0 : 300));

function put(rig: PartitionRig, key: string | undefined, text: string): void {
  rig.partition.append({ value: value(text), ...(key !== undefined && { key: Buffer.from(key) }) });
  rig.clock.turn();
}

function compact(rig: PartitionRig, options: Partial<CompactionOptions> = {}) {
  return rig.partition.compactor.run({
    clock: rig.clock,
    tombstoneRetentionMs: 0,
    neededFrom: () => Number.POSITIVE_INFINITY,
    isEnding: () => false,
    ...options,
  });
}

async function opened(): Promise<PartitionRig> {
  const rig = new PartitionRig({ segmentSizeMax: 4096 });
  await rig.open();
  return rig;
}

/** 60 records under 4 keys, in several segments, and more without a key behind them. */
async function fill(rig: PartitionRig): Promise<void> {
  for (let i = 0; i < 60; i++) {
    put(rig, `k${i % 4}`, `${i}`);
    await rig.partition.sync();
  }
  for (let i = 0; i < 30; i++) put(rig, undefined, "x");
  await rig.partition.sync();
}

const filesOf = async (rig: PartitionRig): Promise<string[]> => (await rig.storage.list(directory))!;

async function assertWhole(rig: PartitionRig): Promise<void> {
  assert.deepEqual((await verifyPartition(rig.storage, directory, { log: "orders", partition: 0 })).faults, []);
}

/** Keys and values of what is left of the first 60 records, opened anew. */
async function survivors(partition: EmbeddedPartition): Promise<string[]> {
  const records = await readAll(partition, partition.lowWatermark);
  return records.filter(({ key }) => key !== undefined).map(({ key, value }) => `${key}=${value.trimEnd()}`);
}

test("rewrites compressed segments as plain ones", async () => {
  const rig = await opened();
  await fill(rig);
  while ((await rig.partition.compressNext(() => false)) !== undefined);
  const before = (await filesOf(rig)).filter((name) => name.endsWith(".lz4"));
  assert.ok(before.length > 3);
  const read = rig.partition.readChunk(0, 4096);
  assert.equal((await compact(rig))?.recordsRemoved, 56);
  assert.equal((await read)?.offsetFirst, 0);
  assert.deepEqual((await filesOf(rig)).includes(before[0]!), false);
  assert.ok((await filesOf(rig)).includes(before[0]!.slice(0, -4)));
  while ((await rig.partition.compressNext(() => false)) !== undefined);
  const partition = await rig.reopen();
  assert.deepEqual(partition.recovery?.damages, []);
  assert.deepEqual(await survivors(partition), ["k0=56", "k1=57", "k2=58", "k3=59"]);
  await assertWhole(rig);
});

test("leaves one whole form of a compressed segment at any call", async () => {
  for (const call of ["open", "read", "write", "sync", "rename", "removeFile", "syncDirectory"] as const)
    for (let nth = 1, ended = false; !ended && nth < 60; nth++) {
      const rig = await opened();
      await fill(rig);
      while ((await rig.partition.compressNext(() => false)) !== undefined);
      rig.storage.failAt(call, nth);
      ended = await compact(rig).then(
        () => true,
        () => false,
      );
      const partition = await rig.reopenAfterCrash(nth, nth % 2 === 0 ? "process" : "power");
      assert.deepEqual([partition.status, partition.recovery?.damages], ["open", []], `${call} ${nth}`);
      const kept = await survivors(partition);
      assert.deepEqual(kept.slice(-4), ["k0=56", "k1=57", "k2=58", "k3=59"], `${call} ${nth}`);
      const names = await filesOf(rig);
      const doubles = names.filter((name) => name.endsWith(".tmp") || names.includes(`${name}.lz4`));
      assert.deepEqual(doubles, [], `${call} ${nth}`);
      await assertWhole(rig);
    }
});

test("puts nothing in the place of a segment that was trimmed meanwhile", async () => {
  const rig = await opened();
  await fill(rig);
  const { partition } = rig;
  let calls = 0;
  let trimming: Promise<void> | undefined;
  const neededFrom = (): number => {
    if (++calls === 2) trimming = partition.trimTo(30); // The first segment is written anew and not in its place yet.
    return Number.POSITIVE_INFINITY;
  };
  await compact(rig, { neededFrom });
  await trimming;
  const first = partition.segments[0]!.baseOffset;
  assert.ok(first > 0);
  const names = (await filesOf(rig)).filter((name) => /^\d/.test(name));
  assert.ok(names.every((name) => Number(name.slice(0, 20)) >= first));
  assert.ok(names.every((name) => !name.endsWith(".tmp")));
  await assertWhole(rig);
  assert.deepEqual((await survivors(await rig.reopen())).slice(-4), ["k0=56", "k1=57", "k2=58", "k3=59"]);
});

test("keeps a tombstone while what it deleted was trimmed but might come back", async () => {
  const rig = await opened();
  const { partition } = rig;
  put(rig, "gone", "old");
  for (let i = 0; i < 20; i++) put(rig, undefined, "x");
  await partition.sync();
  put(rig, "gone", "");
  const tombstone = partition.nextOffset - 1;
  for (let i = 0; i < 30; i++) put(rig, undefined, "x");
  await partition.sync();
  rig.storage.failAt("write", 1); // That of the mark.
  await assert.rejects(partition.trimTo(partition.segments[1]!.baseOffset));
  const hasTombstone = async (): Promise<boolean> =>
    (await readAll(partition, partition.lowWatermark)).some(({ offset }) => offset === tombstone);
  assert.equal((await compact(rig))?.recordsRemoved, 0);
  assert.ok(await hasTombstone());
  await partition.trimTo(partition.lowWatermark);
  rig.clock.advance(1);
  for (let i = 0; i < 60; i++) put(rig, undefined, "x");
  await partition.sync();
  assert.equal((await compact(rig))?.recordsRemoved, 1);
});

test("keeps what producers wrote last, also in batches without a record left", async () => {
  const rig = await opened();
  const append = (sequence: number) =>
    rig.partition.appendProduced({ id: "p", epoch: 1, sequence }, [{ value: value("v"), key: Buffer.from("k") }]);
  for (let sequence = 0; sequence < 30; sequence++) {
    append(sequence);
    await rig.partition.sync();
  }
  put(rig, "k", "last");
  for (let i = 0; i < 30; i++) put(rig, undefined, "x");
  await rig.partition.sync();
  assert.equal((await compact(rig))?.recordsRemoved, 30);
  await rig.partition.close();
  for (const name of await filesOf(rig))
    if (name.endsWith(".producers")) await rig.storage.removeFile(`${directory}/${name}`);
  await rig.storage.syncDirectory(directory);
  const flags = rig.segment(0)[64];
  rig.build();
  const partition = await rig.open();
  assert.deepEqual(append(29), { baseOffset: 29, duplicate: true });
  assert.equal(append(30).duplicate, false);
  assert.equal(flags, 0);
  const later = partition.segments[1]!.baseOffset;
  assert.equal(rig.storage.content(segmentPath(later))![64], 1);
  const cursor = new RecordCursor();
  const chunk = (await partition.readChunk(0, 1))!;
  cursor.reset(chunk, 0);
  assert.equal(cursor.next(), false);
  await partition.sync();
  await assertWhole(rig);
});
