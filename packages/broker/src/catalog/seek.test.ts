import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";

/** `partitions` with six records each, a second apart, and a channel whose consumer takes two. */
async function start(partitions = 1) {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.create("orders", { partitions });
  const channel = await catalog.ensureChannel(log, "workers");
  const firstMs = memory.clock.nowMs();
  for (let i = 0; i < 6; i++) {
    for (const partition of log.partitions)
      log.appendRecord(partition, { value: Buffer.from(`${partition.number}.${i}`) });
    await memory.advance(1000);
  }
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 60_000, 60_000);
  channel.setReady(consumer, 2);
  await memory.run();
  return { memory, catalog, log, channel, sink, consumer, firstMs };
}

test("seeks to an offset of a partition", async () => {
  const { memory, catalog, log, channel, sink, consumer } = await start();
  await catalog.seekChannel(log, "workers", { partition: 0, offset: 4 });
  assert.equal(channel.finish(consumer, 0, 0), "notInFlight");
  assert.equal(channel.inFlightCount, 0);
  await memory.run();
  assert.deepEqual(sink.received, ["0.0#1", "0.1#1", "0.4#1", "0.5#1"]);
});

test("seeks back over what was finished", async () => {
  const { memory, catalog, log, channel, sink, consumer } = await start();
  channel.finish(consumer, 0, 0);
  channel.finish(consumer, 0, 1);
  await memory.run();
  await catalog.seekChannel(log, "workers", { from: "earliest" });
  await memory.run();
  assert.deepEqual(sink.received.slice(-2), ["0.0#1", "0.1#1"]);
});

test("seeks to a time and to the end", async () => {
  const { memory, catalog, log, channel, sink, firstMs } = await start();
  await catalog.seekChannel(log, "workers", { timestampMs: firstMs + 2500 });
  await memory.run();
  assert.deepEqual(sink.received.slice(-2), ["0.3#1", "0.4#1"]);
  await catalog.seekChannel(log, "workers", { from: "latest" });
  await memory.run();
  assert.deepEqual([channel.depth, channel.inFlightCount, sink.received.length], [0, 0, 4]);
});

test("moves one partition and leaves the others", async () => {
  const { memory, catalog, log, channel, consumer } = await start(2);
  channel.setReady(consumer, 100);
  await memory.run();
  await catalog.seekChannel(log, "workers", { from: "latest", partition: 1 });
  assert.deepEqual([channel.inFlightCount, consumer.inFlightCount], [6, 6]);
  assert.equal(channel.finish(consumer, 1, 5), "notInFlight");
  assert.equal(channel.finish(consumer, 0, 5), "done");
});

test("has saved a seek when it resolves", async () => {
  const { memory, catalog, log } = await start();
  const seeking = catalog.seekChannel(log, "workers", { partition: 0, offset: 5 });
  await memory.run();
  await seeking;
  const crashed = await memory.crash();
  assert.equal(crashed.broker.catalog.require("orders").channels.get("workers")!.depth, 1);
});

test("refuses positions that are not there", async () => {
  const { catalog, log } = await start();
  const refused = (position: Parameters<typeof catalog.seekChannel>[2], code: string) =>
    assert.rejects(catalog.seekChannel(log, "workers", position), { code });
  await refused({ partition: 0, offset: 7 }, "log.OFFSET_OUT_OF_RANGE");
  await refused({ partition: 0, offset: -1 }, "log.OFFSET_OUT_OF_RANGE");
  await refused({ partition: 1, offset: 0 }, "broker.INVALID_PARTITION");
  await refused({ from: "latest", partition: 9 }, "broker.INVALID_PARTITION");
  await assert.rejects(catalog.seekChannel(log, "nobody", { from: "latest" }), { code: "broker.CHANNEL_NOT_FOUND" });
});

test("refuses a channel that is deleted meanwhile", async () => {
  const { memory, catalog, log, firstMs } = await start();
  const seeking = catalog.seekChannel(log, "workers", { timestampMs: firstMs });
  const refused = assert.rejects(seeking, { code: "broker.CHANNEL_CLOSED" });
  const deleted = catalog.deleteChannel(log, "workers");
  await memory.run();
  await Promise.all([refused, deleted]);
});
