import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "@polylog/testkit";
import type { BrokerLog } from "../catalog/broker-log.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";

const nobodyWaits = { onDurable: () => undefined };

function produce(memory: MemoryBroker, log: BrokerLog, ...values: string[]): void {
  for (const value of values) {
    const bytes = Buffer.from(value);
    memory.broker.produce(log, bytes, 0, bytes.length, nobodyWaits, 0);
  }
}

async function startWithChannel() {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.ensure("orders");
  const channel = await memory.broker.catalog.ensureChannel(log, "workers");
  const consumer = new RecordingConsumer();
  const handle = channel.addConsumer(consumer, 1000, 5000);
  return { memory, log, channel, consumer, handle };
}

test("delivers in order up to the ready count", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  produce(memory, log, "a", "b", "c");
  channel.setReady(handle, 2);
  await memory.run();
  assert.deepEqual(consumer.received, ["a#1", "b#1"]);
  channel.finish(handle, 0, 0);
  await memory.run();
  assert.deepEqual(consumer.received, ["a#1", "b#1", "c#1"]);
  assert.equal(channel.inFlightCount, 2);
});

test("delivers nothing before the record is written", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 10);
  produce(memory, log, "a");
  assert.deepEqual(consumer.received, []);
  await memory.run();
  assert.deepEqual(consumer.received, ["a#1"]);
});

test("shares records among consumers with room", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  const other = new RecordingConsumer();
  channel.setReady(handle, 10);
  channel.setReady(channel.addConsumer(other, 1000, 5000), 10);
  produce(memory, log, "a", "b", "c", "d");
  await memory.run();
  assert.equal(consumer.received.length, 2);
  assert.equal(other.received.length, 2);
});

test("gives every channel every record, from where it began", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  produce(memory, log, "a");
  await memory.run();
  const later = await memory.broker.catalog.ensureChannel(log, "later");
  const lateConsumer = new RecordingConsumer();
  later.setReady(later.addConsumer(lateConsumer, 1000, 5000), 10);
  channel.setReady(handle, 10);
  produce(memory, log, "b");
  await memory.run();
  assert.deepEqual(consumer.received, ["a#1", "b#1"]);
  assert.deepEqual(lateConsumer.received, ["b#1"]);
});

test("gives the first channel the whole backlog", async () => {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.ensure("orders");
  produce(memory, log, "a", "b");
  await memory.run();
  assert.equal(log.depth, 2);
  const channel = await memory.broker.catalog.ensureChannel(log, "first");
  assert.equal(channel.depth, 2);
  assert.equal(log.depth, 0);
});

test("delivers again after the time-out, to whoever has room", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 1);
  produce(memory, log, "a");
  await memory.run();
  await memory.advance(999);
  assert.deepEqual(consumer.received, ["a#1"]);
  await memory.advance(1);
  assert.deepEqual(consumer.received, ["a#1", "a#2"]);
  assert.equal(channel.counters.timeoutCount, 1);
});

test("puts the time-out off when touched, up to the lifetime", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 1);
  produce(memory, log, "a");
  await memory.run();
  for (let touched = 0; touched < 9; touched++) {
    await memory.advance(500);
    assert.equal(channel.touch(handle, 0, 0), "done");
  }
  await memory.advance(499);
  assert.equal(consumer.received.length, 1);
  await memory.advance(1);
  assert.equal(consumer.received.length, 2);
});

test("requeues at once and after a delay", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 1);
  produce(memory, log, "a");
  await memory.run();
  assert.equal(channel.requeue(handle, 0, 0, 0), "done");
  await memory.run();
  assert.deepEqual(consumer.received, ["a#1", "a#2"]);
  assert.equal(channel.requeue(handle, 0, 0, 300), "done");
  assert.equal(channel.deferredCount, 1);
  await memory.advance(299);
  assert.equal(consumer.received.length, 2);
  await memory.advance(1);
  assert.deepEqual(consumer.received, ["a#1", "a#2", "a#3"]);
});

test("does not let a record that always fails hold up the rest", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 1);
  produce(memory, log, "poison", "b", "c");
  for (let round = 0; round < 8; round++) {
    await memory.run();
    const offset = consumer.offsets.at(-1)!;
    if (offset === 0) channel.requeue(handle, 0, offset, 0);
    else channel.finish(handle, 0, offset);
  }
  assert.ok(consumer.received.includes("b#1"));
  assert.ok(consumer.received.includes("c#1"));
});

test("gives a leaving consumer's records to the others", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 10);
  produce(memory, log, "a", "b");
  await memory.run();
  const other = new RecordingConsumer();
  channel.setReady(channel.addConsumer(other, 1000, 5000), 10);
  channel.removeConsumer(handle);
  await memory.run();
  assert.equal(consumer.received.length, 2);
  assert.deepEqual(other.received, ["a#2", "b#2"]);
  assert.equal(channel.finish(handle, 0, 0), "notOwner");
});

test("holds everything back while paused", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 10);
  channel.setPaused(true);
  produce(memory, log, "a");
  await memory.run();
  assert.deepEqual(consumer.received, []);
  assert.equal(channel.depth, 1);
  channel.setPaused(false);
  await memory.run();
  assert.deepEqual(consumer.received, ["a#1"]);
});

test("waits for the time that the publisher asked for", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 10);
  const fields = { value: Buffer.from("later"), notBeforeMs: memory.clock.nowMs() + 500 };
  memory.broker.produceRecord(log, log.partitions[0]!, fields);
  produce(memory, log, "now");
  await memory.run();
  assert.deepEqual(consumer.received, ["now#1"]);
  await memory.advance(500);
  assert.deepEqual(consumer.received, ["now#1", "later#1"]);
});

test("forgets what is waiting and in flight when emptied", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  channel.setReady(handle, 1);
  produce(memory, log, "a", "b");
  await memory.run();
  channel.empty();
  assert.equal(channel.depth, 0);
  assert.equal(channel.finish(handle, 0, 0), "notInFlight");
  produce(memory, log, "c");
  await memory.run();
  assert.deepEqual(consumer.received, ["a#1", "c#1"]);
});

test("tells its consumers when it is deleted", async () => {
  const { memory, log, consumer } = await startWithChannel();
  await memory.broker.catalog.deleteChannel(log, "workers");
  assert.equal(consumer.closed, true);
  assert.equal(log.channels.size, 0);
});

test("keeps progress, attempts, delays and pause over a restart", async () => {
  const { memory, log, channel, handle } = await startWithChannel();
  channel.setReady(handle, 3);
  produce(memory, log, "a", "b", "c", "d");
  await memory.run();
  channel.finish(handle, 0, 0);
  channel.requeue(handle, 0, 1, 60_000);
  channel.setPaused(true);
  const restarted = await memory.restart();
  const again = restarted.broker.catalog.require("orders").channels.get("workers")!;
  assert.equal(again.paused, true);
  assert.equal(again.deferredCount, 1);
  const consumer = new RecordingConsumer();
  again.setReady(again.addConsumer(consumer, 1000, 5000), 10);
  again.setPaused(false);
  await restarted.run();
  assert.deepEqual([...consumer.received].sort(), ["c#2", "d#1"]);
  await restarted.advance(60_000);
  assert.ok(consumer.received.includes("b#2"));
});

test("forgets at most the last answers in a crash", async () => {
  const { memory, log, channel, handle } = await startWithChannel();
  channel.setReady(handle, 10);
  produce(memory, log, "a", "b", "c");
  await memory.run();
  channel.finish(handle, 0, 0);
  await memory.advance(100); // Saved.
  channel.finish(handle, 0, 1);
  await memory.run();
  const restarted = await memory.crash();
  const again = restarted.broker.catalog.require("orders").channels.get("workers")!;
  const consumer = new RecordingConsumer();
  again.setReady(again.addConsumer(consumer, 1000, 5000), 10);
  await restarted.run();
  assert.deepEqual([...consumer.received].sort(), ["b#2", "c#2"]);
});

test("reads from the segments what has left memory", async () => {
  const { memory, log, channel, consumer, handle } = await startWithChannel();
  const count = 500;
  produce(memory, log, ...Array.from({ length: count }, (_, i) => `v${i}`));
  const restarted = await memory.restart();
  const again = restarted.broker.catalog.require("orders").channels.get("workers")!;
  const late = new RecordingConsumer();
  again.setReady(again.addConsumer(late, 1000, 5000), count);
  await restarted.run();
  assert.equal(late.received.length, count);
  assert.equal(late.received.at(-1), `v${count - 1}#1`);
  assert.deepEqual([consumer.received.length, channel.closed, handle.inFlightCount], [0, true, 0]);
});

test("feeds what it must read in slices, all of it in order", async () => {
  const memory = await MemoryBroker.start({ tailCacheSizeMax: 0 });
  const log = memory.broker.catalog.ensure("orders");
  const channel = await memory.broker.catalog.ensureChannel(log, "workers");
  const values = Array.from({ length: 3000 }, (_, i) => `${i}`.padEnd(1000, "."));
  for (const value of values) {
    produce(memory, log, value);
    if (memory.broker.catalog.require("orders").partitions[0]!.pendingBytes > 100_000) await memory.run();
  }
  await memory.run();
  const consumer = new RecordingConsumer();
  const handle = channel.addConsumer(consumer, 1000, 5000);
  channel.setReady(handle, values.length);
  let slices = 0;
  for (let turn = 0; consumer.received.length < values.length && turn < 1000; turn++) {
    const before = consumer.received.length;
    memory.clock.turn();
    await settle(1);
    if (consumer.received.length > before) slices++;
  }
  // Two of the three megabytes are not in memory.
  assert.ok(slices >= 4, `${slices} slices`);
  assert.deepEqual(
    consumer.received,
    values.map((value) => `${value}#1`),
  );
});
