/**
 * Ends life at every single call to the storage while a partition is trimmed or emptied, and again while what is left is
 * recovered. Whatever the crash leaves opens without damage, has every record above the low watermark, and can be trimmed.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import { TailCache } from "./tail-cache.ts";
import { directory, readValues } from "./testing/partition-rig.ts";
import { StoppingStorage } from "./testing/stopping-storage.ts";
import { trimMarkFileName } from "./trim-mark.ts";
import { verifyPartition } from "./verify.ts";

const recordCount = 24;
const values = Array.from({ length: recordCount }, (_, i) => `${i} ${"x".repeat(700)}`);

interface Life {
  readonly memory: MemoryStorage;
  readonly storage: StoppingStorage;
  readonly partition: EmbeddedPartition;
}

function begin(memory: MemoryStorage): Life {
  const storage = new StoppingStorage(memory);
  const options = { log: "orders", number: 0, directory, clock: new ManualClock(), cache: new TailCache() };
  return { memory, storage, partition: new EmbeddedPartition({ ...options, storage, segmentSizeMax: 4096 }) };
}

/** A partition that was trimmed once before if `trimmedTo` is not 0. */
async function filled(trimmedTo: number): Promise<Life> {
  const life = begin(new MemoryStorage({ simulate: true }));
  await life.partition.open();
  for (const value of values) {
    life.partition.append({ value: Buffer.from(value) });
    await life.partition.sync();
  }
  if (trimmedTo > 0) await life.partition.trimTo(trimmedTo);
  return life;
}

/** Runs `work` up to its `nth` call; true when it had as many. */
async function runUntil(life: Life, nth: number, work: () => Promise<unknown>): Promise<boolean> {
  const stopped = life.storage.stopAt(nth).then(() => true);
  const done = work().then(() => false);
  return Promise.race([stopped, done]);
}

async function check(memory: MemoryStorage, lows: readonly number[], label: string): Promise<void> {
  const { partition } = begin(memory);
  await partition.open();
  const low = partition.lowWatermark;
  assert.deepEqual([partition.status, partition.recovery!.damages], ["open", []], label);
  assert.ok(lows.includes(low), `${label}: low watermark ${low}`);
  assert.equal(partition.nextOffset, recordCount, label);
  assert.deepEqual(await readValues(partition, low), values.slice(low), label);
  const offset = partition.append({ value: Buffer.from("next") });
  assert.equal(offset, recordCount, label);
  await partition.sync();
  await partition.empty();
  assert.equal(partition.lowWatermark, recordCount + 1, label);
  const names = (await memory.list(directory))!.filter((name) => !name.endsWith(".producers"));
  assert.deepEqual(names, [`${String(recordCount + 1).padStart(20, "0")}.log`, trimMarkFileName], label);
  await partition.close();
  const { faults } = await verifyPartition(memory, directory, { log: "orders", partition: 0 });
  assert.deepEqual(faults, [], label);
}

const kinds = [{ of: "process" }, { of: "power" }, { of: "power", reorder: true }] as const;

/** Crashes at every call of `work`, and then at some call of the recovery; returns how often. */
async function crashEverywhere(
  before: number,
  work: (partition: EmbeddedPartition) => Promise<void>,
  lows: readonly number[],
): Promise<number> {
  let crashes = 0;
  for (const kind of kinds) {
    let reached = true;
    for (let nth = 1; reached; nth++) {
      for (let seed = 1; seed <= 4; seed++) {
        const life = await filled(before);
        reached = await runUntil(life, nth, () => work(life.partition));
        const label = `${kind.of}, call ${nth}, seed ${seed}`;
        const second = begin(life.memory.crash(seed, kind));
        const recoveryCall = 1 + ((nth * 7 + seed * 13) % 40);
        await runUntil(second, recoveryCall, () => second.partition.open());
        await check(second.memory.crash(seed + 100, kind), lows, `${label}, recovery call ${recoveryCall}`);
        crashes++;
      }
    }
  }
  return crashes;
}

describe("a crash at any call", () => {
  it("of a first trim loses nothing above the low watermark", async () => {
    assert.ok((await crashEverywhere(0, (partition) => partition.trimTo(13), [0, 13])) > 100);
  });

  it("of a later trim loses nothing above the low watermark", async () => {
    assert.ok((await crashEverywhere(7, (partition) => partition.trimTo(19), [7, 19])) > 100);
  });

  it("of emptying loses nothing above the low watermark", async () => {
    assert.ok((await crashEverywhere(2, (partition) => partition.empty(), [2, recordCount])) > 100);
  });

  it("of a failing trim leaves the rest for the next one", async () => {
    for (const call of ["open", "write", "sync", "syncDirectory", "removeFile"] as const) {
      for (let nth = 1; nth <= 4; nth++) {
        const { memory, partition } = await filled(0);
        memory.failAt(call, nth);
        const outcome = await partition.trimTo(20).then(
          () => "done",
          () => "failed",
        );
        assert.deepEqual([partition.status, partition.lowWatermark], ["open", 20], `${call} ${nth}: ${outcome}`);
        await partition.trimTo(0).catch(() => undefined);
        await partition.trimTo(0);
        const base = partition.segments[0]!.baseOffset;
        const left = (await memory.list(directory))!.filter((name) => Number(name.slice(0, 20)) < base);
        assert.deepEqual(left, [], `${call} ${nth}`);
        await check(memory.crash(nth), [20], `${call} ${nth}`);
      }
    }
  });
});
