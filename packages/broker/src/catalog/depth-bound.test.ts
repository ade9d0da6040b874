/** A log that holds only so much for its channels. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogConfig } from "@polylog/log";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";

async function start(config: Partial<LogConfig>) {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create("orders", config);
  let produced = 0;
  const produce = async (count: number) => {
    for (let i = 0; i < count; i++, produced++)
      log.appendRecord(log.partitions[0]!, { value: Buffer.from(`${produced}`.padStart(100, "-")) });
    await memory.run();
  };
  const full = { code: "broker.LOG_FULL", retryable: true };
  return { memory, catalog: memory.broker.catalog, log, produce, full };
}

test("refuses what would wait for a first channel", async () => {
  const { memory, catalog, log, produce, full } = await start({ depthRecords: 3 });
  await produce(3);
  await assert.rejects(produce(1), full);
  assert.deepEqual([log.refusedCount, log.messageCount], [1, 3]);
  await catalog.empty(log);
  await produce(2);
  const channel = await catalog.ensureChannel(log, "workers");
  await produce(1);
  await assert.rejects(produce(1), full);
  assert.equal(channel.depth, 3);
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 5000);
  channel.setReady(consumer, 3);
  await memory.run();
  await assert.rejects(produce(1), full);
  channel.finish(consumer, 0, 4);
  await produce(1);
  await assert.rejects(produce(1), full);
});

test("counts what the channel that has most to do has not finished", async () => {
  const { memory, catalog, log, produce, full } = await start({ depthRecords: 3 });
  const fast = await catalog.ensureChannel(log, "fast");
  await catalog.ensureChannel(log, "slow");
  await catalog.ensureChannel(log, "watcher#ephemeral");
  const sink = new RecordingConsumer();
  const consumer = fast.addConsumer(sink, 1000, 5000);
  fast.setReady(consumer, 10);
  await produce(3);
  for (const offset of sink.offsets) fast.finish(consumer, 0, offset);
  await assert.rejects(produce(1), full);
  await catalog.deleteChannel(log, "slow");
  await produce(3);
  await assert.rejects(produce(1), full);
  await memory.run();
  for (const offset of sink.offsets.slice(3)) fast.finish(consumer, 0, offset);
  await produce(3);
});

test("drops the oldest of each channel, and counts them", async () => {
  const { memory, catalog, log, produce } = await start({ depthRecords: 3, whenFull: "drop" });
  const channel = await catalog.ensureChannel(log, "workers");
  await produce(5);
  assert.deepEqual([channel.depth, channel.counters.dropCount], [3, 2]);
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 5000);
  channel.setReady(consumer, 1);
  await memory.run();
  await produce(4);
  assert.deepEqual([sink.offsets, channel.depth, channel.inFlightCount], [[2], 3, 1]);
  assert.equal(channel.finish(consumer, 0, 2), "done");
  await memory.run();
  assert.deepEqual(sink.offsets, [2, 6]);
  assert.equal(log.refusedCount, 0);
});

test("keeps the newest for a first channel", async () => {
  const { catalog, log, produce } = await start({ depthRecords: 3, whenFull: "drop" });
  await produce(10);
  assert.equal(log.depth, 3);
  assert.equal((await catalog.ensureChannel(log, "workers")).depth, 3);
});

test("bounds by bytes as well", async () => {
  const { catalog, log, produce, full } = await start({ depthBytes: 5000 });
  await catalog.ensureChannel(log, "workers");
  await assert.rejects(async () => {
    for (let i = 0; i < 1000; i++) await produce(1);
  }, full);
  assert.ok(log.messageCount >= 20 && log.messageCount <= 50, `${log.messageCount}`);
  await catalog.alter(log, { depthBytes: 0 });
  await produce(100);
});

test("takes again what is appended once the bound is gone", async () => {
  const { catalog, log, produce, full } = await start({ depthRecords: 1 });
  await produce(1);
  await assert.rejects(produce(1), full);
  await catalog.alter(log, { whenFull: "drop" });
  await produce(1);
  assert.equal(log.depth, 1);
});

for (const whenFull of ["refuse", "drop"] as const)
  test(`holds one record that is larger than the bound, and ${whenFull}s the next`, async () => {
    const { memory, catalog, log, produce, full } = await start({ depthBytes: 50, whenFull });
    const channel = await catalog.ensureChannel(log, "workers");
    const sink = new RecordingConsumer();
    const consumer = channel.addConsumer(sink, 1000, 5000);
    for (let offset = 0; offset < 3; offset++) {
      await produce(1);
      if (whenFull === "refuse") await assert.rejects(produce(1), full);
      channel.setReady(consumer, 1);
      await memory.run();
      assert.deepEqual(sink.offsets.at(-1), offset);
      assert.equal(channel.finish(consumer, 0, offset), "done");
      await memory.run();
    }
  });

test("answers a producer's call that was taken before although it is full", async () => {
  const { memory, log, full } = await start({ depthRecords: 2 });
  const [partition] = log.partitions;
  const stamp = { id: "p", epoch: await memory.broker.producers.open("p"), sequence: 0 };
  const call = [{ value: Buffer.from("a") }, { value: Buffer.from("b") }];
  const produce = (sequence: number) => memory.broker.produceOnce(log, partition!, { ...stamp, sequence }, call);
  assert.deepEqual(produce(0), { baseOffset: 0, duplicate: false });
  await memory.run();
  assert.deepEqual(produce(0), { baseOffset: 0, duplicate: true });
  assert.throws(() => produce(2), full);
  assert.throws(() => produce(5), { code: "log.SEQUENCE_GAP" });
  assert.deepEqual([log.refusedCount, log.messageCount], [1, 2]);
});
