import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EmbeddedPartition } from "../embedded-partition.ts";
import { directory, PartitionRig, type ReadRecord, readAll, segmentPath } from "../testing/partition-rig.ts";
import { readRawSegment } from "../testing/raw-segment.ts";
import { verifyPartition } from "../verify.ts";
import type { CompactionOptions } from "./compaction.ts";
import { KeyTable } from "./key-table.ts";

const retentionMs = 1000;

function newRig(): PartitionRig {
  return new PartitionRig({ segmentSizeMax: 4096 });
}

/** A value with a key, or without one. An empty value with a key is a tombstone. */
function put(partition: EmbeddedPartition, key: string | undefined, value: string): void {
  partition.append({ value: Buffer.from(value), ...(key === undefined ? {} : { key: Buffer.from(key) }) });
}

/** Fills the newest segment and begins another, so that what was appended so far is sealed. */
async function seal(rig: PartitionRig): Promise<void> {
  put(rig.partition, undefined, "f".repeat(3900));
  rig.clock.turn();
  put(rig.partition, undefined, "f".repeat(3900));
  await rig.partition.sync();
}

function compact(rig: PartitionRig, options: Partial<CompactionOptions> = {}) {
  return rig.partition.compactor.run({
    clock: rig.clock,
    tombstoneRetentionMs: retentionMs,
    neededFrom: () => Number.POSITIVE_INFINITY,
    isEnding: () => false,
    ...options,
  });
}

/** Keyed records as `key=value`, in order. */
async function keyed(partition: EmbeddedPartition): Promise<string[]> {
  const records = await readAll(partition);
  return records.filter(({ key }) => key !== undefined).map(({ key, value }) => `${key}=${value}`);
}

/** The partition, opened anew so that nothing is read from memory. */
async function verified(rig: PartitionRig): Promise<EmbeddedPartition> {
  await rig.partition.close();
  assert.deepEqual((await verifyPartition(rig.storage, directory, { log: "orders", partition: 0 })).faults, []);
  rig.build();
  return rig.open();
}

/** What a reader who applies every record in order ends with. */
function stateOf(records: readonly ReadRecord[]): Map<string, string> {
  const state = new Map<string, string>();
  for (const { key, value } of records) {
    if (key === undefined) continue;
    if (value === "") state.delete(key);
    else state.set(key, value);
  }
  return state;
}

describe("key compaction", () => {
  it("keeps the last record of every key and all without one", async () => {
    const rig = newRig();
    await rig.open();
    for (let i = 0; i < 60; i++) put(rig.partition, i % 3 === 0 ? undefined : `k${i % 4}`, `${i}`);
    await seal(rig);
    const report = await compact(rig);
    assert.deepEqual([report?.passCount, report?.recordsRemoved], [1, 36]);
    const partition = await verified(rig);
    const read = await readAll(partition);
    assert.deepEqual(
      await keyed(partition),
      ["k0=56", "k1=53", "k3=59", "k2=58"].sort((a, b) => Number(a.slice(3)) - Number(b.slice(3))),
    );
    assert.equal(read.filter(({ key }) => key === undefined).length, 22);
    for (const record of read) if (record.key !== undefined) assert.equal(record.value, `${record.offset}`);
  });

  it("leaves what the newest segment would remove", async () => {
    const rig = newRig();
    await rig.open();
    put(rig.partition, "k", "old");
    await seal(rig);
    put(rig.partition, "k", "new");
    await rig.partition.sync();
    await compact(rig);
    assert.deepEqual(await keyed(await verified(rig)), ["k=old", "k=new"]);
    await seal(rig);
    await compact(rig);
    assert.deepEqual(await keyed(await verified(rig)), ["k=new"]);
  });

  it("removes a tombstone once it is old enough, after what it deletes", async () => {
    const rig = newRig();
    await rig.open();
    put(rig.partition, "k", "value");
    put(rig.partition, "other", "value");
    await seal(rig);
    put(rig.partition, "k", "");
    await seal(rig);
    assert.equal((await compact(rig))?.recordsRemoved, 1);
    assert.equal(await compact(rig), undefined);
    rig.clock.advance(retentionMs);
    assert.equal((await compact(rig))?.recordsRemoved, 1);
    assert.deepEqual(await keyed(await verified(rig)), ["other=value"]);
  });

  it("removes nothing that somebody needs", async () => {
    const rig = newRig();
    await rig.open();
    for (const value of ["1", "2", "3", ""]) put(rig.partition, "k", value);
    await seal(rig);
    rig.clock.advance(retentionMs);
    await compact(rig, { neededFrom: () => 1 });
    assert.deepEqual(await keyed(await verified(rig)), ["k=2", "k=3", "k="]);
  });

  it("leaves a segment that somebody begins to need", async () => {
    const rig = newRig();
    await rig.open();
    for (const value of ["1", "2", "3"]) put(rig.partition, "k", value);
    await seal(rig);
    put(rig.partition, "k", "");
    await seal(rig);
    rig.clock.advance(retentionMs);
    const needed = [100, 0];
    assert.equal((await compact(rig, { neededFrom: () => needed.shift() ?? 100 }))?.recordsRemoved, 0);
    assert.deepEqual(await keyed(await verified(rig)), ["k=1", "k=2", "k=3", "k="]);
  });

  it("counts what goes though a channel has not finished it", async () => {
    const rig = newRig();
    await rig.open();
    for (const value of ["1", "2", "3", "4"]) put(rig.partition, "k", value);
    await seal(rig);
    const report = await compact(rig, { unfinishedFrom: () => 1 });
    assert.deepEqual([report?.recordsRemoved, report?.unfinishedRemoved], [3, 2]);
    assert.equal(rig.partition.compactedUnfinishedCount, 2);
    assert.deepEqual(await keyed(await verified(rig)), ["k=4"]);
  });

  it("keeps tombstones behind a segment that it cannot read", async () => {
    const rig = newRig();
    await rig.open();
    put(rig.partition, "k", "value");
    rig.clock.turn();
    rig.appendEach("to be damaged");
    await seal(rig);
    put(rig.partition, "k", "");
    await seal(rig);
    await rig.partition.close();
    const whole = rig.segment();
    const damaged = Buffer.from(whole);
    damaged[readRawSegment(whole)[1]!.start + 90]! ^= 1;
    await rig.replace(segmentPath(0), damaged);
    rig.build();
    await rig.open();
    rig.clock.advance(retentionMs);
    await compact(rig);
    await rig.partition.close();
    await rig.replace(segmentPath(0), whole);
    assert.deepEqual(await keyed(await verified(rig)), ["k=value", "k="]);
  });

  it("does not cover up a batch that was replaced", async () => {
    const rig = newRig();
    await rig.open();
    for (const value of ["1", "2", "3"]) {
      put(rig.partition, "k", value);
      rig.clock.turn();
    }
    await seal(rig);
    await rig.partition.close();
    const forged = rig.segment();
    const second = readRawSegment(forged)[1];
    forged[second!.start + 48]! ^= 1; // Its link.
    const { crc32 } = await import("node:zlib");
    forged.writeUInt32LE(crc32(forged.subarray(second!.start + 12, second!.end)), second!.start + 8);
    await rig.replace(segmentPath(0), forged);
    rig.build();
    await rig.open();
    await compact(rig);
    assert.deepEqual(rig.segment(), forged);
  });

  it("leaves a segment for which there is no room", async () => {
    const rig = newRig();
    await rig.open();
    for (const value of ["1", "2"]) put(rig.partition, "k", value);
    await seal(rig);
    rig.storage.freeBytesLeft = 1000;
    assert.equal((await compact(rig))?.segmentsRewritten, 0);
    assert.deepEqual(await keyed(await verified(rig)), ["k=1", "k=2"]);
  });

  it("does not come back before half of the bytes are new", async () => {
    const rig = newRig();
    await rig.open();
    for (let i = 0; i < 4; i++) await seal(rig);
    assert.ok((await compact(rig)) !== undefined);
    await seal(rig);
    assert.equal(await compact(rig), undefined);
    for (let i = 0; i < 4; i++) await seal(rig);
    assert.ok((await compact(rig)) !== undefined);
  });

  it("tries again after a failure, but not when a file has its name", async () => {
    const rig = newRig();
    await rig.open();
    for (const value of ["1", "2"]) put(rig.partition, "k", value);
    await seal(rig);
    const failure = { code: "EIO" };
    rig.storage.failAt("write", 1);
    await assert.rejects(compact(rig), failure);
    rig.storage.failAt("rename", 1);
    await assert.rejects(compact(rig), failure);
    assert.equal(await compact(rig), undefined);
    assert.equal(rig.partition.status, "open");
    await rig.reopen();
    assert.equal((await compact(rig))?.recordsRemoved, 1);
    assert.deepEqual(await keyed(await verified(rig)), ["k=2"]);
  });

  it("gives a reader on its way the survivors in order", async () => {
    const rig = newRig();
    await rig.open();
    for (let i = 0; i < 300; i++) put(rig.partition, `k${i % 50}`, `${i} ${"v".repeat(50)}`);
    await seal(rig);
    await rig.reopen();
    const compaction = compact(rig);
    const seen: number[] = [];
    for (let round = 0; round < 20; round++)
      seen.push(...(await readAll(rig.partition, 0, 200)).map(({ offset }) => offset));
    await compaction;
    let last = -1;
    let starts = 0;
    for (const offset of seen) {
      if (offset <= last) starts++;
      last = offset;
    }
    assert.equal(starts, 19);
    assert.equal((await keyed(rig.partition)).length, 50);
  });
});

type Step =
  | { readonly type: "put"; readonly key: number; readonly size: number }
  | { readonly type: "tombstone"; readonly key: number }
  | { readonly type: "plain" }
  | { readonly type: "turn"; readonly ms: number }
  | { readonly type: "seal" }
  | { readonly type: "compact"; readonly keysMax: number; readonly needed: number };

const keyArbitrary = fc.nat(12);
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("put" as const), key: keyArbitrary, size: fc.nat(900) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("tombstone" as const), key: keyArbitrary }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("plain" as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("turn" as const), ms: fc.nat(900) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("seal" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("compact" as const),
      keysMax: fc.integer({ min: 1, max: 20 }),
      needed: fc.integer({ min: 0, max: 300 }),
    }),
  },
);

async function doStep(rig: PartitionRig, step: Step, serial: number): Promise<void> {
  const { partition } = rig;
  if (step.type === "put") put(partition, `k${step.key}`, `${serial} ${"v".repeat(step.size)}`);
  else if (step.type === "tombstone") put(partition, `k${step.key}`, "");
  else if (step.type === "plain") put(partition, undefined, `${serial}`);
  else if (step.type === "turn") {
    rig.clock.advance(step.ms);
    rig.clock.turn();
    await new Promise((resolve) => setImmediate(resolve));
  } else if (step.type === "seal") await seal(rig);
  else await compact(rig, { keysMax: step.keysMax, neededFrom: () => step.needed });
}

describe("key compaction over random schedules", () => {
  it("removes what it may and nothing else", async () => {
    const property = fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 80 }), async (steps) => {
      const rig = newRig();
      await rig.open();
      for (const [serial, step] of steps.entries()) {
        if (step.type !== "compact") {
          await doStep(rig, step, serial);
          continue;
        }
        await rig.partition.sync();
        await rig.reopen(); // So that there is always something new.
        const before = await readAll(rig.partition);
        const names = (await rig.storage.list(directory))!.filter((name) => name.endsWith(".log"));
        const sealedTo = Number(names.at(-1)!.slice(0, 20));
        await doStep(rig, step, serial);
        const last = new Map<string, number>();
        for (const { key, offset } of before) if (key !== undefined && offset < sealedTo) last.set(key, offset);
        const nowMs = rig.clock.nowMs();
        const expected = before.filter(({ key, offset, value, timestampMs }) => {
          if (key === undefined || offset >= sealedTo || offset >= step.needed) return true;
          if (last.get(key) !== offset) return false;
          return value !== "" || timestampMs + retentionMs > nowMs;
        });
        await verified(rig);
        assert.deepEqual(await readAll(rig.partition), expected);
        const from = before.length >> 1;
        assert.deepEqual(
          await readAll(rig.partition, from),
          expected.filter(({ offset }) => offset >= from),
        );
      }
      await rig.partition.close();
    });
    await fc.assert(property, { numRuns: 40 });
  });
});

/** Ends the life of `rig` after so many turns of the loop, wherever compaction is. */
async function crashDuring(rig: PartitionRig, work: Promise<unknown>, turns: number, seed: number): Promise<void> {
  let isDone = false;
  void work.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  for (let i = 0; i < turns && !isDone; i++) await Promise.resolve();
  await rig.reopenAfterCrash(seed, seed % 3 === 0 ? "process" : "power");
}

describe("key compaction that is cut off", () => {
  const seedCount = 60;
  it(`loses nothing live and brings nothing back, ${seedCount} seeds`, async () => {
    for (let seed = 1; seed <= seedCount; seed++) {
      const steps = fc.sample(stepArbitrary, { seed, numRuns: 80 });
      const rig = newRig();
      await rig.open();
      let serial = 0;
      for (const step of steps) {
        if (step.type !== "compact") await doStep(rig, step, serial++);
        else {
          await rig.partition.sync();
          await rig.reopen();
          const before = stateOf(await readAll(rig.partition));
          const work = compact(rig, { keysMax: step.keysMax });
          await crashDuring(rig, work, (seed * 7919 + serial * 104729) % 3000, seed + serial);
          assert.deepEqual(rig.partition.recovery?.damages, [], `seed ${seed}`);
          assert.deepEqual(stateOf(await readAll(rig.partition)), before, `seed ${seed}`);
        }
      }
      await verified(rig);
      await rig.partition.close();
    }
  });
});

describe("the table of keys", () => {
  it("has every key once over all its subsets", async () => {
    const keys = Array.from({ length: 500 }, (_, i) => Buffer.from(`key ${i}`));
    const subsets = [{ bits: 0, value: 0 }];
    const found = new Map<number, number>();
    let passes = 0;
    for (let subset = subsets.pop(); subset !== undefined; subset = subsets.pop(), passes++) {
      const table = new KeyTable(64, subset);
      for (const [at, key] of [...keys, ...keys].entries())
        while (!table.note(key, 0, key.length, at)) subsets.push(await table.halve(async () => undefined));
      assert.ok(table.size <= 64);
      for (const [at, key] of keys.entries()) {
        const last = table.find(key, 0, key.length);
        assert.ok(last === -2 || last === at + 500);
        if (last !== -2) found.set(at, (found.get(at) ?? 0) + 1);
      }
    }
    assert.ok(passes >= 8);
    assert.deepEqual([found.size, Math.max(...found.values())], [500, 1]);
  });
});
