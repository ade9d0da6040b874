/**
 * Readers, appends, trims and crashes in random order. A seed gives the same run again: set it in `seedFirst` with
 * `seedCount` 1. Whatever happens, a read yields the records that were appended, or is told that its offset is gone.
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import type { EmbeddedPartition } from "./embedded-partition.ts";
import { RecordCursor } from "./record-cursor.ts";
import { TailCache } from "./tail-cache.ts";
import { PartitionRig, readAll, readRecord } from "./testing/partition-rig.ts";

const seedFirst = 1;
const seedCount = 2000;

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed * 2_654_435_761;
  }
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}

class Race {
  readonly random: Random;
  readonly rig: PartitionRig;
  appended: string[] = [];
  /** The highest low watermark that anybody was told of, and the highest that is durable. */
  raised = 0;
  trimmed = 0;
  readCount = 0;
  goneCount = 0;
  readonly #underWay: Promise<void>[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    // Half of the runs have no cache: every read goes to a file.
    const cache = new TailCache(seed % 2 === 0 ? 0 : undefined);
    this.rig = new PartitionRig({ segmentSizeMax: 4096, cache });
  }

  get partition(): EmbeddedPartition {
    return this.rig.partition;
  }

  append(): void {
    for (let i = this.random.below(6); i >= 0; i--) {
      const value = `${this.appended.length} ${"v".repeat(this.random.below(600))}`;
      this.appended.push(value);
      this.rig.append(value);
    }
    this.rig.clock.turn();
  }

  /** Reads one chunk from an offset that may be gone by then. */
  async read(): Promise<void> {
    const { partition, appended } = this;
    const high = partition.highWatermark;
    const low = partition.lowWatermark;
    const lowest = this.random.below(8) === 0 ? 0 : low;
    const offset = lowest + this.random.below(high + 1 - lowest);
    this.readCount++;
    try {
      const chunk = await partition.readChunk(offset, 1 + this.random.below(5000));
      if (offset === high && chunk === undefined) return;
      assert.ok(offset >= low, `${offset} was gone before it was asked for`);
      const cursor = new RecordCursor();
      let expected = offset;
      for (cursor.reset(chunk!, offset); cursor.next(); expected++) {
        assert.equal(cursor.offset, expected);
        assert.equal(readRecord(cursor).value, appended[expected]);
      }
      assert.equal(expected, chunk!.offsetNext);
    } catch (error) {
      assert.ok(isCodedError(error, "log.OFFSET_OUT_OF_RANGE"), String(error));
      assert.ok(offset < this.partition.lowWatermark, `${offset} is not gone`);
      this.goneCount++;
    }
  }

  async trim(): Promise<void> {
    const { partition, random } = this;
    const { lowWatermark: low, highWatermark: high } = partition;
    const offset = low + random.below(random.below(4) === 0 ? high - low + 1 : (high - low) / 4 + 1);
    this.raised = Math.max(this.raised, offset);
    await partition.trimTo(offset);
    this.trimmed = Math.max(this.trimmed, offset);
  }

  async empty(): Promise<void> {
    const end = this.partition.nextOffset;
    await this.partition.empty();
    this.raised = Math.max(this.raised, end);
    this.trimmed = Math.max(this.trimmed, end);
  }

  async lookUpTime(): Promise<void> {
    const offset = await this.partition.offsetAt(this.rig.clock.nowMs() - this.random.below(100));
    assert.ok(offset >= 0 && offset <= this.partition.highWatermark);
  }

  async step(): Promise<void> {
    const action = this.random.below(20);
    if (action < 7) this.append();
    else if (action < 13) this.#underWay.push(this.read());
    else if (action < 15) this.#underWay.push(this.trim());
    else if (action === 15) this.#underWay.push(this.partition.roll());
    else if (action === 16 && this.random.below(3) === 0) this.#underWay.push(this.empty());
    else if (action === 17) this.#underWay.push(this.lookUpTime());
    else this.rig.clock.advance(this.random.below(40));
    for (let turns = this.random.below(8); turns > 0; turns--) await Promise.resolve();
    if (this.random.below(5) === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async live(): Promise<void> {
    for (let step = 10 + this.random.below(25); step > 0; step--) await this.step();
    await Promise.all(this.#underWay.splice(0));
  }

  /** Restarts, cleanly or not, and compares what is there with what should be. */
  async restart(): Promise<void> {
    const way = this.random.below(3);
    if (way === 0) await this.rig.reopen();
    else await this.rig.reopenAfterCrash(this.random.below(2 ** 31), way === 1 ? "process" : "power");
    const { partition } = this;
    assert.deepEqual([partition.status, partition.recovery!.damages], ["open", []]);
    assert.ok(partition.lowWatermark >= this.trimmed, "what was trimmed is back");
    assert.ok(partition.lowWatermark <= this.raised, "more is gone than was trimmed");
    assert.ok(partition.nextOffset >= partition.lowWatermark);
    const records = await readAll(partition, partition.lowWatermark);
    assert.deepEqual(
      records.map(({ value }) => value),
      this.appended.slice(partition.lowWatermark, partition.nextOffset),
    );
    this.appended.length = partition.nextOffset;
  }
}

it(`a read yields what was appended or is told that it is gone, ${seedCount} seeds`, async () => {
  let reads = 0;
  let gone = 0;
  for (let seed = seedFirst; seed < seedFirst + seedCount; seed++) {
    const race = new Race(seed);
    try {
      await race.rig.open();
      for (let life = 0; life < 2; life++) {
        await race.live();
        await race.restart();
      }
      await race.partition.close();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
    reads += race.readCount;
    gone += race.goneCount;
  }
  assert.ok(gone > seedCount / 4 && reads > 4 * gone, `${gone} of ${reads} reads found their offset gone`);
});
