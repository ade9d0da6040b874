/**
 * Crashes at random points of random schedules. A seed gives the same run again: set it in `seedFirst` with `seedCount` 1.
 *
 * What was acknowledged as `written` must be there after the process died, what was acknowledged as `synced` also after
 * the power was cut; what is there must be a prefix of what was appended, without a hole or a change.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Partition } from "./partition.ts";
import { RecordCursor } from "./record-cursor.ts";
import { directory, durable, PartitionRig, readRecord, readValues } from "./testing/partition-rig.ts";
import { verifyPartition } from "./verify.ts";

const seedFirst = 1;
const seedCount = 200;

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
async function live(rig: PartitionRig, random: Random, appended: string[]): Promise<Acknowledged> {
  const { partition, storage, clock } = rig;
  const acknowledged: Acknowledged = { written: partition.highWatermark, synced: partition.highWatermark };
  storage.manual = true;
  const steps = 5 + random.below(60);
  for (let step = 0; step < steps; step++) {
    for (let i = random.below(4); i > 0; i--) {
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
    storage.complete(random.below(3));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return acknowledged;
}

/** The values below `end`, without touching what lies behind the chunks that hold them. */
async function readUpTo(partition: Partition, end: number): Promise<string[]> {
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

async function crashOften(seed: number, kind: Kind, reorder: boolean): Promise<void> {
  const random = new Random(seed);
  const rig = new PartitionRig({ segmentSizeMax: 8192 });
  await rig.open();
  let appended: string[] = [];
  for (let life = 0; life < 4; life++) {
    const acknowledged = await live(rig, random, appended);
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
  for (const [kind, reorder] of [
    ["process", false],
    ["power", false],
    ["either", false],
    ["power", true],
  ] as const) {
    it(`keeps what it acknowledged: ${kind}${reorder ? ", pages in any order" : ""}, ${seedCount} seeds`, async () => {
      for (let seed = seedFirst; seed < seedFirst + seedCount; seed++)
        await crashOften(seed, kind, reorder).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
    });
  }
});
