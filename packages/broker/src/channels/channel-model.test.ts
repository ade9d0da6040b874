/**
 * Channels against a plain model, under random schedules of everything that can happen to them. What must hold:
 *
 * - a record that the log acknowledged is finished, dead-lettered, passed over by a seek, or still delivered in the end;
 * - what was finished before a clean stop, or before a seek was saved, is not delivered again, unless a seek goes back;
 * - no delivery's number of attempts is above the maximum that was configured last;
 * - nothing before the position of the last seek is delivered.
 *
 * A crash here is the death of the process: the log keeps what it was given, channels what they had saved. Retention keeps
 * as little as it may all the time, so a record that a channel has not finished stays only because of the channel.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordCursor } from "@polylog/log";
import fc from "fast-check";
import type { BrokerLog } from "../catalog/broker-log.ts";
import { channelSaveIntervalMs } from "../limits.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import type { Channel } from "./channel.ts";
import type { ChannelConsumer, ConsumerSink } from "./channel-consumer.ts";

const partitionCount = 2;
const consumerCount = 3;
const timeoutMs = 60;
/** Five of them fill a segment. */
const value = Buffer.alloc(700, "v");

const small = fc.nat(7);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("produce"), a: small, b: small }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("ready"), a: small, b: small }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("finish"), a: small, b: small }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("requeue"), a: small, b: small }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass"), a: small, b: small }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "touch",
        "leave",
        "pause",
        "unpause",
        "restart",
        "crash",
        "seek",
        "seekEnds",
        "configure",
        "retain",
      ),
      a: small,
      b: small,
    }),
  },
);

interface Place {
  readonly partition: number;
  readonly offset: number;
}

const keyOf = ({ partition, offset }: Place) => `${partition}/${offset}`;

class Rig {
  memory: MemoryBroker;
  log!: BrokerLog;
  channel!: Channel;
  consumers: { handle: ChannelConsumer; held: Place[] }[] = [];
  maxAttempts = 0;
  readonly acknowledged = new Set<string>();
  /** Finished since the last seek that went before it. */
  readonly finished = new Set<string>();
  /** … and saved. */
  readonly finishedForGood = new Set<string>();
  /** Finished before a crash that may have forgotten it: delivered once more or not, and not lost. */
  readonly finishedOnce = new Set<string>();
  /** Where the last seek of each partition went. */
  readonly soughtTo: number[] = new Array<number>(partitionCount).fill(0);

  constructor(memory: MemoryBroker) {
    this.memory = memory;
  }

  static async start(): Promise<Rig> {
    const rig = new Rig(await MemoryBroker.start());
    const log = rig.memory.broker.catalog.create("orders", {
      partitions: partitionCount,
      segmentSizeMax: 4096,
      retentionBytes: 1,
    });
    await rig.memory.broker.catalog.ensureChannel(log, "workers");
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
    const held: Place[] = [];
    const sink: ConsumerSink = {
      onRecord: (record, partition, attempts) => {
        this.checkDelivery(record, partition, attempts);
        held.push({ partition, offset: record.offset });
      },
      onChannelClosed: () => undefined,
    };
    this.consumers.push({ handle: this.channel.addConsumer(sink, timeoutMs, 3 * timeoutMs), held });
  }

  checkDelivery({ offset }: RecordCursor, partition: number, attempts: number): void {
    const key = keyOf({ partition, offset });
    if (this.maxAttempts > 0) assert.ok(attempts <= this.maxAttempts, `${key}: attempt ${attempts}`);
    assert.ok(!this.finishedForGood.has(key), `${key} was finished and saved`);
    assert.ok(offset >= this.soughtTo[partition]!, `${key} is before the position`);
    assert.ok(!this.channel.paused, `${key} is delivered while paused`);
  }

  /** What `consumer` holds at `index`, or undefined when it holds nothing. */
  take(consumer: number, index: number): { handle: ChannelConsumer; place: Place } | undefined {
    const { handle, held } = this.consumers[consumer % consumerCount]!;
    const [place] = held.splice(index % Math.max(1, held.length), 1);
    return place === undefined ? undefined : { handle, place };
  }

  finish(consumer: number, index: number): void {
    const taken = this.take(consumer, index);
    if (taken === undefined) return;
    const { partition, offset } = taken.place;
    if (this.channel.finish(taken.handle, partition, offset) === "done") this.finished.add(keyOf(taken.place));
  }

  produce(partition: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const to = this.log.partitions[partition % partitionCount]!;
      const offset = this.log.appendRecord(to, { value });
      const key = keyOf({ partition: to.number, offset });
      const onDurable = (_token: number, error: unknown) => error === undefined && this.acknowledged.add(key);
      to.whenDurable(offset + 1, "written", { onDurable }, 0);
    }
  }

  savedNow(): void {
    for (const key of this.finished) this.finishedForGood.add(key);
  }

  crashed(): void {
    for (const key of this.finished) {
      if (this.finishedForGood.has(key)) continue;
      this.finished.delete(key);
      this.finishedOnce.add(key);
    }
  }

  /** Works off much of what there is, and has retention remove what it may. */
  async retain(partition: number, share: number): Promise<void> {
    for (const { handle } of this.consumers) this.channel.setReady(handle, 10);
    for (let round = 0; round < 3; round++) {
      this.produce(partition, 5);
      await this.memory.run();
      for (let consumer = 0; consumer < consumerCount; consumer++)
        for (let left = 2 * share; left > 0; left--) this.finish(consumer, 0);
    }
    await this.memory.advance(channelSaveIntervalMs);
    await this.memory.logs.runMaintenance();
  }

  async seek(position: Parameters<MemoryBroker["broker"]["catalog"]["seekChannel"]>[2], partition: number, to: number) {
    for (const key of [...this.finished, ...this.finishedOnce]) {
      const [at, offset] = key.split("/").map(Number) as [number, number];
      if (at !== partition || offset < to) continue;
      this.finished.delete(key);
      this.finishedForGood.delete(key);
      this.finishedOnce.delete(key);
    }
    this.soughtTo[partition] = to;
    // No turn of the clock in between: nothing is delivered from the old position after the model has moved.
    await this.memory.broker.catalog.seekChannel(this.log, "workers", position);
    this.savedNow();
  }

  async configure(maxAttempts: number): Promise<void> {
    const configured = this.memory.broker.catalog.configureChannel(this.log, "workers", { maxAttempts });
    this.maxAttempts = maxAttempts;
    await this.memory.run();
    await configured;
  }

  async deadKeys(): Promise<Set<string>> {
    const keys = new Set<string>();
    const dead = this.memory.broker.catalog.get("orders.dead")?.partitions[0];
    for (let at = 0; dead !== undefined && at < dead.highWatermark; ) {
      const chunk = (await dead.readChunk(at, 1 << 20))!;
      const text = chunk.bytes.toString("latin1", chunk.start, chunk.end);
      const origins = text.matchAll(/polylog-dead-partition.(\d)[\s\S]*?polylog-dead-offset.(\d+)/g);
      for (const [, partition, offset] of origins) keys.add(`${partition}/${offset}`);
      at = chunk.offsetNext;
    }
    return keys;
  }

  /** Everybody is well-behaved from now on. */
  async drain(): Promise<void> {
    this.channel.setPaused(false);
    for (const { handle } of this.consumers) this.channel.setReady(handle, 50);
    for (let round = 0; round < 200 && !this.isIdle(); round++) {
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

async function apply(rig: Rig, { do: action, a, b }: { do: string; a: number; b: number }): Promise<void> {
  const { memory, channel } = rig;
  if (action === "produce") rig.produce(a, b);
  else if (action === "ready") channel.setReady(rig.consumers[a % consumerCount]!.handle, b);
  else if (action === "finish") rig.finish(a, b);
  else if (action === "requeue") {
    const taken = rig.take(a, b);
    if (taken !== undefined) channel.requeue(taken.handle, taken.place.partition, taken.place.offset, (b % 3) * 40);
  } else if (action === "touch") {
    const held = rig.consumers[a % consumerCount]!;
    const place = held.held[b % Math.max(1, held.held.length)];
    if (place !== undefined) channel.touch(held.handle, place.partition, place.offset);
  } else if (action === "leave") {
    const [gone] = rig.consumers.splice(a % consumerCount, 1);
    channel.removeConsumer(gone!.handle);
    rig.join();
  } else if (action === "pause" || action === "unpause") channel.setPaused(action === "pause");
  else if (action === "pass") await memory.advance(b * 20);
  else if (action === "restart" || action === "crash") {
    await memory.run();
    if (action === "restart") rig.savedNow();
    else rig.crashed();
    rig.memory = await (action === "restart" ? memory.restart() : memory.crash());
    rig.attach();
  } else if (action === "seek") {
    const partition = rig.log.partitions[a % partitionCount]!;
    const { lowWatermark: low, highWatermark: high } = partition;
    const offset = low + Math.floor(((high - low) * b) / 7);
    await rig.seek({ partition: partition.number, offset }, partition.number, offset);
  } else if (action === "seekEnds") {
    const partition = rig.log.partitions[a % partitionCount]!;
    const from = b % 2 === 0 ? "earliest" : "latest";
    const to = b % 2 === 0 ? partition.lowWatermark : partition.nextOffset;
    await rig.seek({ from, partition: partition.number }, partition.number, to);
  } else if (action === "retain") {
    await rig.retain(a, b);
  } else await rig.configure(b % 4);
  if (a % 3 !== 0) await rig.memory.run();
}

test("no schedule loses a record, repeats a finished one or exceeds the attempts", async () => {
  let trimmedCount = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const rig = await Rig.start();
      for (const each of steps) await apply(rig, each);
      await rig.memory.run();
      await rig.drain();
      assert.ok(rig.isIdle(), "something is never delivered");
      const dead = await rig.deadKeys();
      for (const key of rig.acknowledged) {
        const [partition, offset] = key.split("/").map(Number) as [number, number];
        const isPassedOver = offset < rig.soughtTo[partition]!;
        const isFinished = rig.finished.has(key) || rig.finishedOnce.has(key);
        assert.ok(isPassedOver || isFinished || dead.has(key), `${key} is lost`);
      }
      for (const [index, window] of rig.channel.windows().entries())
        assert.equal(window.floor, rig.log.partitions[index]!.highWatermark);
      assert.equal(rig.channel.counters.dropCount, 0);
      for (const { lowWatermark } of rig.log.partitions) trimmedCount += lowWatermark;
    }),
    { numRuns: 300 },
  );
  assert.ok(trimmedCount > 200, `${trimmedCount} records were removed`);
});
