/**
 * An ordered channel against a plain model, under random schedules. What must hold, whatever is requeued, deferred, timed out
 * or seeks, and over restarts and crashes:
 *
 * - a record with a key is delivered only when every record before it with that key is finished, or dead;
 * - so at most one record of a key is in flight;
 * - nothing is lost, and records without a key wait for nobody.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordCursor } from "@polylog/log";
import fc from "fast-check";
import type { BrokerLog } from "../catalog/broker-log.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import type { Channel } from "./channel.ts";
import type { ChannelConsumer, ConsumerSink } from "./channel-consumer.ts";

const partitionCount = 2;
const consumerCount = 3;
const timeoutMs = 60;
const ttlMs = 90;
/** The last one is that of records without one. */
const keys = ["a", "b", "c", ""] as const;

const small = fc.nat(7);
const step = fc.record({
  do: fc.oneof(
    { weight: 5, arbitrary: fc.constant("produce" as const) },
    { weight: 4, arbitrary: fc.constant("ready" as const) },
    { weight: 7, arbitrary: fc.constant("finish" as const) },
    { weight: 5, arbitrary: fc.constant("requeue" as const) },
    { weight: 3, arbitrary: fc.constant("pass" as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        "leave" as const,
        "restart",
        "crash",
        "seek",
        "configure",
        "turnOff",
        "turnOn",
        "remove",
      ),
    },
  ),
  a: small,
  b: small,
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Entry {
  readonly key: string;
  attempts: number;
  done: boolean;
  /** ms since 1970; 0: never. */
  readonly expiresMs: number;
  /** It has expired, or may have used up its attempts. */
  givenUp: boolean;
}

class Rig {
  memory: MemoryBroker;
  log!: BrokerLog;
  channel!: Channel;
  consumers: { handle: ChannelConsumer; held: (readonly [partition: number, offset: number])[] }[] = [];
  maxAttempts = 0;
  readonly entries: Entry[][] = Array.from({ length: partitionCount }, () => []);
  readonly soughtTo = new Array<number>(partitionCount).fill(0);
  heldSeen = 0;

  constructor(memory: MemoryBroker) {
    this.memory = memory;
  }

  static async start(): Promise<Rig> {
    const rig = new Rig(await MemoryBroker.start());
    const { catalog } = rig.memory.broker;
    const log = catalog.create("orders", { partitions: partitionCount });
    await catalog.ensureChannel(log, "workers");
    await catalog.configureChannel(log, "workers", { ordered: true });
    rig.attach();
    await rig.memory.run();
    return rig;
  }

  attach(): void {
    this.log = this.memory.broker.catalog.require("orders");
    this.channel = this.log.channels.get("workers")!;
    this.consumers = [];
    while (this.consumers.length < consumerCount) this.join();
  }

  join(): void {
    const held: (readonly [number, number])[] = [];
    const sink: ConsumerSink = {
      onRecord: (record, partition, attempts) => {
        this.check(record, partition, attempts);
        held.push([partition, record.offset]);
      },
      onChannelClosed: () => undefined,
    };
    this.consumers.push({ handle: this.channel.addConsumer(sink, timeoutMs, 3 * timeoutMs), held });
  }

  check({ offset }: RecordCursor, partition: number, attempts: number): void {
    const entries = this.entries[partition]!;
    const entry = entries[offset]!;
    entry.attempts = Math.max(entry.attempts, attempts);
    if (entry.key === "" || !this.channel.settings.ordered) return;
    const low = Math.max(this.soughtTo[partition]!, this.log.partitions[partition]!.lowWatermark);
    for (let before = low; before < offset; before++) {
      const other = entries[before]!;
      if (other.key !== entry.key || other.done) continue;
      assert.ok(this.noteGivenUp(other), `${partition}/${offset} of ${entry.key} comes before ${before}`);
    }
  }

  noteGivenUp(entry: Entry): boolean {
    const { attempts, expiresMs } = entry;
    if (this.maxAttempts > 0 && attempts >= this.maxAttempts) entry.givenUp = true;
    if (expiresMs > 0 && expiresMs <= this.memory.clock.nowMs()) entry.givenUp = true;
    return entry.givenUp;
  }

  produce(partition: number, count: number): void {
    const to = this.log.partitions[partition % partitionCount]!;
    for (let i = 0; i < count; i++) {
      const key = keys[(partition + i) % keys.length]!;
      const nowMs = this.memory.clock.nowMs();
      const expiresMs = i === 6 ? nowMs + ttlMs : 0;
      this.log.appendRecord(to, {
        value: Buffer.from("v"),
        ...(key !== "" && { key: Buffer.from(key) }),
        ...(i === 3 && { notBeforeMs: nowMs + 50 }),
        ...(expiresMs > 0 && { expiresMs }),
      });
      this.entries[to.number]!.push({ key, attempts: 0, done: false, givenUp: false, expiresMs });
    }
  }

  take(consumer: number, index: number) {
    const { handle, held } = this.consumers[consumer % consumerCount]!;
    const [place] = held.splice(index % Math.max(1, held.length), 1);
    return place === undefined ? undefined : { handle, partition: place[0], offset: place[1] };
  }

  finish(consumer: number, index: number): void {
    const taken = this.take(consumer, index);
    if (taken === undefined) return;
    const { handle, partition, offset } = taken;
    if (this.channel.finish(handle, partition, offset) === "done") this.entries[partition]![offset]!.done = true;
  }

  async configure(settings: Parameters<Channel["configure"]>[0]): Promise<void> {
    const configured = this.memory.broker.catalog.configureChannel(this.log, "workers", settings);
    this.maxAttempts = settings.maxAttempts;
    for (const entries of this.entries) for (const entry of entries) this.noteGivenUp(entry);
    await this.memory.run();
    await configured;
  }

  async drain(): Promise<void> {
    for (const { handle } of this.consumers) this.channel.setReady(handle, 50);
    for (let round = 0; round < 300 && !this.isIdle(); round++) {
      for (let consumer = 0; consumer < consumerCount; consumer++)
        while (this.consumers[consumer]!.held.length > 0) this.finish(consumer, 0);
      await this.memory.advance(timeoutMs);
    }
  }

  isIdle(): boolean {
    const { depth, inFlightCount, deferredCount, deadCount } = this.channel;
    return depth + inFlightCount + deferredCount + deadCount === 0;
  }
}

async function apply(rig: Rig, { do: action, a, b }: Step): Promise<void> {
  const { memory, channel } = rig;
  const { settings } = channel;
  for (const entries of rig.entries) for (const entry of entries) rig.noteGivenUp(entry);
  if (action === "produce") rig.produce(a, b);
  else if (action === "ready") channel.setReady(rig.consumers[a % consumerCount]!.handle, b);
  else if (action === "finish") rig.finish(a, b);
  else if (action === "requeue") {
    const taken = rig.take(a, b);
    if (taken !== undefined) channel.requeue(taken.handle, taken.partition, taken.offset, (b % 3) * 40);
  } else if (action === "pass") await memory.advance(b * 20);
  else if (action === "leave") {
    const [gone] = rig.consumers.splice(a % consumerCount, 1);
    channel.removeConsumer(gone!.handle);
    rig.join();
  } else if (action === "restart" || action === "crash") {
    await memory.run();
    rig.memory = await (action === "restart" ? memory.restart() : memory.crash());
    rig.attach();
  } else if (action === "seek") {
    const partition = rig.log.partitions[a % partitionCount]!;
    const { lowWatermark: low, highWatermark: high } = partition;
    const offset = low + Math.floor(((high - low) * b) / 7);
    rig.soughtTo[partition.number] = offset;
    for (const entry of rig.entries[partition.number]!.slice(offset))
      Object.assign(entry, { done: false, givenUp: false, attempts: 0 });
    await memory.broker.catalog.seekChannel(rig.log, "workers", { partition: partition.number, offset });
  } else if (action === "configure") await rig.configure({ ...settings, maxAttempts: b % 4 });
  else if (action === "turnOff") await rig.configure({ ...settings, ordered: false });
  else if (action === "turnOn") await rig.configure({ ...settings, ordered: true });
  else {
    for (const entries of rig.entries) for (const entry of entries) entry.done = true;
    await memory.run();
    await memory.broker.catalog.removeRecords(rig.log);
  }
  rig.heldSeen = Math.max(rig.heldSeen, ...rig.channel.windows().map((window) => window.heldCount));
  if (a % 3 !== 0) await rig.memory.run();
}

test("no schedule breaks the order of a key, or loses a record", async () => {
  let heldSeen = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const rig = await Rig.start();
      for (const each of steps) await apply(rig, each);
      await rig.memory.run();
      await rig.drain();
      assert.ok(rig.isIdle(), "something is never delivered");
      for (const [index, window] of rig.channel.windows().entries()) {
        assert.equal(window.floor, rig.log.partitions[index]!.highWatermark);
        assert.equal(window.heldCount, 0);
      }
      heldSeen = Math.max(heldSeen, rig.heldSeen);
    }),
    { numRuns: 300 },
  );
  assert.ok(heldSeen > 3, `${heldSeen} records were held at most`);
});
