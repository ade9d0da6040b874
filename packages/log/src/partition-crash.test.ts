/**
 * Crashes at random points of random schedules. A seed gives the same run again: `POLYLOG_SEED=n` runs that one,
 * `POLYLOG_SEEDS=n` as many from 1 on; the default is 200 of each kind, and 500 where CI=true.
 *
 * What was acknowledged as `written` must be there after the process died, what was acknowledged as `synced` also after
 * the power was cut; what is there must be a prefix of what was appended, without a hole or a change.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EmbeddedPartition } from "./embedded-partition.ts";
import { diskRetryMs } from "./limits.ts";
import { RecordCursor } from "./record-cursor.ts";
import type { MemoryStorage } from "./storage/memory-storage.ts";
import { directory, durable, PartitionRig, readRecord, readValues } from "./testing/partition-rig.ts";
import { verifyPartition } from "./verify.ts";

const { POLYLOG_SEED: seedGiven, POLYLOG_SEEDS: seedsGiven, CI } = process.env;
const seedFirst = Number(seedGiven ?? 1);
const seedCount = seedGiven === undefined ? Number(seedsGiven ?? (CI === "true" ? 500 : 200)) : 1;

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}

interface Acknowledged {
  written: number;
  synced: number;
}

/** Appends, completes and waits at random until the schedule ends; returns how far acknowledgements came. */
async function live(rig: PartitionRig, random: Random, appended: string[], isFull: boolean): Promise<Acknowledged> {
  const { partition, storage, clock } = rig;
  const acknowledged: Acknowledged = { written: partition.highWatermark, synced: partition.highWatermark };
  storage.manual = true;
  const steps = 5 + random.below(60);
  for (let step = 0; step < steps; step++) {
    for (let i = random.below(4); i > 0; i--) {
      if (partition.error !== undefined) break;
      const value = `${appended.length} ${"v".repeat(random.below(random.below(8) === 0 ? 5000 : 50))}`;
      appended.push(value);
      const end = rig.append(value) + 1;
      const level = random.below(3) === 0 ? "synced" : "written";
      const note = (): void => {
        acknowledged[level] = Math.max(acknowledged[level], end);
      };
      durable(partition, end, level).then(note, () => undefined);
    }
    if (random.below(2) === 0) clock.turn();
    if (random.below(20) === 0) clock.advance(1000);
    if (isFull && random.below(6) === 0) fillUp(storage, random);
    if (isFull && random.below(4) === 0) clock.advance(diskRetryMs);
    storage.complete(random.below(3));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return acknowledged;
}

/** One of the next calls finds no room, or no descriptor; a write perhaps only for its second half. */
function fillUp(storage: MemoryStorage, random: Random): void {
  const nth = 1 + random.below(3);
  const torn = random.below(2);
  if (torn === 1) storage.failAt("shortWrite", nth);
  storage.failWith("ENOSPC", "write", nth + torn);
  if (random.below(3) === 0) storage.failWith(random.below(2) === 0 ? "ENOSPC" : "EMFILE", "open", 1 + random.below(2));
}

/** The values below `end`, without touching what lies behind the chunks that hold them. */
async function readUpTo(partition: EmbeddedPartition, end: number): Promise<string[]> {
  const values: string[] = [];
  const cursor = new RecordCursor();
  while (values.length < end) {
    const chunk = (await partition.readChunk(values.length, 1))!;
    cursor.reset(chunk, values.length);
    while (cursor.next()) values.push(readRecord(cursor).value);
  }
  return values.slice(0, end);
}

type Kind = "process" | "power" | "either";

async function crashOften(seed: number, kind: Kind, reorder: boolean, isFull: boolean): Promise<void> {
  const random = new Random(seed);
  const zeroAhead = { syncsMin: seed % 2 === 0 ? 1 : 4 };
  const rig = new PartitionRig({ segmentSizeMax: 8192, watchesDisk: isFull, zeroAhead });
  await rig.open();
  let appended: string[] = [];
  for (let life = 0; life < 4; life++) {
    const acknowledged = await live(rig, random, appended, isFull);
    const of = kind !== "either" ? kind : random.below(2) === 0 ? "process" : "power";
    const safe = of === "process" ? Math.max(acknowledged.written, acknowledged.synced) : acknowledged.synced;
    const partition = await rig.reopenAfterCrash(random.below(2 ** 31), of, reorder);
    const values = await readValues(partition).catch(() => undefined);
    if (partition.status === "readOnly" && reorder) {
      // A page that was lost in front of one that was not is damage; what was synced lies before it.
      assert.deepEqual(await readUpTo(partition, safe), appended.slice(0, safe));
      return;
    }
    assert.equal(partition.status, "open");
    assert.ok(values !== undefined && values.length >= safe, `${values?.length} of ${safe} acknowledged`);
    assert.deepEqual(values, appended.slice(0, values.length));
    assert.deepEqual(partition.recovery?.damages, []);
    appended = values;
  }
  await rig.partition.close();
  const { faults } = await verifyPartition(rig.storage, directory, { log: "orders", partition: 0 });
  assert.deepEqual(faults, []);
}

describe("a partition that crashes", () => {
  for (const [kind, reorder, isFull] of [
    ["process", false, false],
    ["power", false, false],
    ["either", false, false],
    ["power", true, false],
    ["either", false, true],
    ["power", true, true],
  ] as const) {
    const special = (reorder ? ", pages in any order" : "") + (isFull ? ", disk full at times" : "");
    it(`keeps what it acknowledged: ${kind}${special}, ${seedCount} seeds`, async () => {
      for (let seed = seedFirst; seed < seedFirst + seedCount; seed++)
        await crashOften(seed, kind, reorder, isFull).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
    });
  }
});
