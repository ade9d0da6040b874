/**
 * Producers with an id against a plain model, under random schedules of calls that are right, repeated, cut otherwise,
 * ahead, or of an old life, with restarts and crashes between them. The model is the list of batches that were taken, and
 * finds every answer by walking it from the beginning.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import fc from "fast-check";
import { directory, PartitionRig, readValues } from "../testing/partition-rig.ts";

const producersMax = 3;
const small = fc.nat(7);
const step = fc.record({
  do: fc.oneof(
    { weight: 8, arbitrary: fc.constant("next" as const) },
    { weight: 5, arbitrary: fc.constant("again" as const) },
    {
      weight: 6,
      arbitrary: fc.constantFrom("ahead", "shorter", "open", "zombie", "plain", "restart", "crash", "cut", "harm"),
    },
  ),
  producer: fc.nat(4),
  count: fc.integer({ min: 1, max: 3 }),
  back: small,
});

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Batch {
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly offset: number;
  readonly count: number;
}

interface Known {
  readonly epoch: number;
  readonly batches: readonly Batch[];
}

/** What a partition must know after these batches: the last `producersMax` that wrote, and who was forgotten. */
function walk(log: readonly Batch[]): { known: Map<string, Known>; forgotten: number } {
  const known = new Map<string, Known>();
  let forgotten = -1;
  for (const batch of log) {
    const before = known.get(batch.id);
    known.delete(batch.id);
    const batches = before?.epoch === batch.epoch ? [...before.batches, batch] : [batch];
    known.set(batch.id, { epoch: batch.epoch, batches });
    const [oldest] = [...known.keys()];
    if (known.size <= producersMax) continue;
    forgotten = Math.max(forgotten, known.get(oldest!)!.epoch);
    known.delete(oldest!);
  }
  return { known, forgotten };
}

/** The answer that a call must get. */
function expectedAnswer(log: readonly Batch[], call: Omit<Batch, "offset">): string | number {
  const { known, forgotten } = walk(log);
  const entry = known.get(call.id);
  if (entry === undefined) return call.sequence === 0 && call.epoch > forgotten ? "new" : "log.PRODUCER_UNKNOWN";
  if (call.epoch < entry.epoch) return "log.PRODUCER_FENCED";
  const own = call.epoch > entry.epoch ? [] : entry.batches;
  const next = own.reduce((sum, { count }) => sum + count, 0);
  if (call.sequence === next) return "new";
  if (call.sequence > next) return "log.SEQUENCE_GAP";
  const same = own.slice(-5).find(({ sequence, count }) => sequence === call.sequence && count === call.count);
  return same?.offset ?? "log.DUPLICATE_SEQUENCE";
}

class Model {
  readonly rig = new PartitionRig({ segmentSizeMax: 4096, producersMax });
  /** Batches of producers, and all values. */
  log: Batch[] = [];
  values: string[] = [];
  readonly calls: Omit<Batch, "offset">[] = [];
  readonly epochs: number[] = [0, 1, 2, 3, 4];
  epochNext = 5;

  call(id: string, epoch: number, sequence: number, count: number): void {
    const call = { id, epoch, sequence, count };
    const expected = expectedAnswer(this.log, call);
    const values = Array.from({ length: count }, (_, i) => `${id} ${epoch} ${sequence + i}`.padEnd(200, "."));
    let answer: string | number;
    try {
      const records = values.map((value) => ({ value: Buffer.from(value) }));
      const { baseOffset, duplicate } = this.rig.partition.appendProduced({ id, epoch, sequence }, records);
      answer = duplicate ? baseOffset : "new";
      if (!duplicate) assert.equal(baseOffset, this.values.length);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      answer = error.code;
    }
    assert.equal(answer, expected);
    this.calls.push(call);
    if (answer !== "new") return;
    this.log.push({ ...call, offset: this.values.length });
    this.values.push(...values);
  }

  /** Where the producer should go on, whatever the partition has forgotten. */
  sequenceOf(id: string, epoch: number): number {
    const own = this.log.filter((batch) => batch.id === id && batch.epoch === epoch);
    return own.reduce((sum, { count }) => sum + count, 0);
  }

  async run({ do: action, producer, count, back }: Step): Promise<void> {
    const { rig } = this;
    const id = `p${producer}`;
    const epoch = this.epochs[producer]!;
    const sequence = this.sequenceOf(id, epoch);
    const earlier = this.calls.at(-1 - back);
    if (action === "next") this.call(id, epoch, sequence, count);
    if (action === "ahead") this.call(id, epoch, sequence + 1 + back, count);
    if (action === "shorter") this.call(id, epoch, Math.max(0, sequence - 1), count);
    if (action === "again" && earlier !== undefined)
      this.call(earlier.id, earlier.epoch, earlier.sequence, earlier.count);
    if (action === "open") this.epochs[producer] = this.epochNext++;
    if (action === "zombie") this.call(id, Math.max(0, epoch - 1 - back), sequence, count);
    if (action === "plain") this.values.push(`plain ${rig.append(`plain ${this.values.length}`)}`);
    if (action === "restart") await rig.reopen();
    if (action === "crash" || action === "cut") await this.crash(back, action === "crash" ? "process" : "power");
    if (action === "harm") await this.harm(back);
    rig.clock.turn();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** What is left is the beginning of what was there, up to the end of some batch. */
  async crash(seed: number, of: "process" | "power"): Promise<void> {
    const { nextOffset } = await this.rig.reopenAfterCrash(seed, of);
    this.values.length = nextOffset;
    this.log = this.log.filter(({ offset }) => offset < nextOffset);
    assert.ok(this.log.every(({ offset, count }) => offset + count <= nextOffset));
  }

  /** A process that died, and one snapshot or all of them gone or spoiled. */
  async harm(back: number): Promise<void> {
    await this.crash(back, "process");
    await this.rig.partition.close();
    const names = ((await this.rig.storage.list(directory)) ?? []).filter((name) => name.endsWith(".producers"));
    for (const name of names.slice(0, 1 + (back & 1))) {
      const bytes = this.rig.storage.content(`${directory}/${name}`)!;
      bytes[bytes.length - 1 - back]! ^= 1;
      if (back < 4) await this.rig.remove(`${directory}/${name}`);
      else await this.rig.replace(`${directory}/${name}`, bytes);
    }
    this.rig.build();
    await this.rig.open();
  }
}

test("producers with an id are answered as a walk over the log says", async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
    const model = new Model();
    await model.rig.open();
    for (const each of steps) await model.run(each);
    await model.rig.reopen();
    assert.deepEqual(await readValues(model.rig.partition), model.values);
    await model.rig.partition.close();
  });
  await fc.assert(property, { numRuns: 150 });
});
