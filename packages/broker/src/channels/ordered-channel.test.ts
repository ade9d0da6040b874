/** What an ordered channel holds back, and for how long. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { orderedRecordsMax } from "../limits.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";
import { KeyOrder } from "./key-order.ts";

async function start() {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  const channel = await catalog.ensureChannel(log, "workers");
  await catalog.configureChannel(log, "workers", { ordered: true });
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 5000);
  channel.setReady(consumer, 10);
  /** `a1` has the key `a`; `-1` has none. */
  const produce = async (...values: string[]) => {
    for (const value of values) {
      const key = value[0] === "-" ? {} : { key: Buffer.from(value[0]!) };
      log.appendRecord(log.partitions[0]!, { value: Buffer.from(value), ...key });
    }
    await memory.run();
  };
  return { memory, catalog, log, channel, sink, consumer, produce };
}

test("delivers one record of a key at a time", async () => {
  const { memory, channel, sink, consumer, produce } = await start();
  await produce("a1", "a2", "b1", "-1", "a3", "-2", "b2");
  assert.deepEqual(sink.received, ["a1#1", "b1#1", "-1#1", "-2#1"]);
  assert.deepEqual([channel.depth, channel.inFlightCount], [3, 4]);
  assert.equal(channel.finish(consumer, 0, 0), "done");
  assert.equal(channel.finish(consumer, 0, 1), "notInFlight");
  await memory.run();
  assert.deepEqual(sink.received.slice(4), ["a2#1"]);
});

test("holds a key back while its first is deferred", async () => {
  const { memory, channel, sink, consumer, produce } = await start();
  await produce("a1", "a2", "b1");
  channel.requeue(consumer, 0, 0, 500);
  await memory.advance(499);
  assert.deepEqual(sink.received, ["a1#1", "b1#1"]);
  await memory.advance(1);
  assert.deepEqual(sink.received.slice(2), ["a1#2"]);
  channel.finish(consumer, 0, 0);
  await memory.run();
  assert.deepEqual(sink.received.slice(3), ["a2#1"]);
});

test("goes on behind a dead record", async () => {
  const { memory, catalog, log, channel, sink, consumer, produce } = await start();
  await catalog.configureChannel(log, "workers", { maxAttempts: 1 });
  await produce("a1", "a2");
  channel.requeue(consumer, 0, 0, 0);
  await memory.run();
  assert.deepEqual(sink.received, ["a1#1", "a2#1"]);
});

test("takes back what is in flight when the order begins", async () => {
  const { memory, catalog, log, channel, sink, consumer, produce } = await start();
  await catalog.configureChannel(log, "workers", { ordered: false });
  await produce("a1", "a2", "a3");
  assert.equal(channel.inFlightCount, 3);
  await catalog.configureChannel(log, "workers", { ordered: true });
  await memory.run();
  assert.deepEqual(sink.received.slice(3), ["a1#2"]);
  assert.equal(consumer.inFlightCount, 1);
  await catalog.configureChannel(log, "workers", { ordered: false });
  await memory.run();
  assert.deepEqual(sink.received.slice(4).sort(), ["a2#2", "a3#2"]);
});

test("is ordered after a restart, too", async () => {
  const { memory, channel, consumer, produce } = await start();
  await produce("a1", "a2", "b1", "a3");
  channel.requeue(consumer, 0, 0, 500);
  const restarted = await memory.restart();
  const again = restarted.broker.catalog.require("orders").channels.get("workers")!;
  const sink = new RecordingConsumer();
  const handle = again.addConsumer(sink, 1000, 5000);
  again.setReady(handle, 10);
  await restarted.run();
  assert.deepEqual(sink.received, ["b1#2"]);
  await restarted.advance(500);
  assert.deepEqual(sink.received.slice(1), ["a1#2"]);
});

test("keeps an order of so many records only", () => {
  const order = new KeyOrder();
  for (let offset = 0; offset < orderedRecordsMax; offset++) {
    assert.equal(order.isFull, false);
    order.enter(offset, Buffer.from(`key ${offset % 1000}`));
  }
  assert.equal(order.isFull, true);
  assert.equal(order.leave(5), 1005);
  assert.equal(order.isFull, false);
  assert.equal(order.leave(5), -1);
});
