/** Coming and going at the same time: what one caller deletes, another may make again. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";
import type { CatalogWatcher } from "./catalog.ts";

const nobodyWaits = { onDurable: () => undefined };

function produce(memory: MemoryBroker, name: string, value: string): void {
  const bytes = Buffer.from(value);
  memory.broker.produce(memory.broker.catalog.ensure(name), bytes, 0, bytes.length, nobodyWaits, 0);
}

test("gives the next first channel what came while the last one was being deleted", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  await catalog.ensureChannel(log, "old");
  produce(memory, "orders", "for old");
  const deleted = catalog.deleteChannel(log, "old");
  produce(memory, "orders", "for new");
  await Promise.all([deleted, memory.run()]);
  const channel = await catalog.ensureChannel(log, "new");
  const consumer = new RecordingConsumer();
  channel.setReady(channel.addConsumer(consumer, 1000, 5000), 10);
  await memory.run();
  assert.deepEqual(consumer.received, ["for new#1"]);
});

test("answers for a channel only when its log would be found again, too", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  let isSaved = false;
  void log.whenSaved().then(() => {
    isSaved = true;
  });
  const created = catalog.ensureChannel(log, "workers");
  await Promise.all([created, memory.run()]);
  assert.equal(isSaved, true);
  const crashed = await memory.crash();
  assert.equal(crashed.broker.catalog.require("orders").channels.has("workers"), true);
});

test("keeps a channel that is made again while its deletion runs", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  await catalog.ensureChannel(log, "workers");
  const deleted = catalog.deleteChannel(log, "workers");
  await Promise.all([deleted, catalog.ensureChannel(log, "workers"), memory.run()]);
  const crashed = await memory.crash();
  assert.equal(crashed.broker.catalog.require("orders").channels.has("workers"), true);
});

test("makes a log again while it is being deleted, and keeps its records", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  produce(memory, "orders", "old");
  await memory.run();
  const deleted = catalog.delete("orders");
  produce(memory, "orders", "new");
  await Promise.all([deleted, memory.run()]);
  await memory.run();
  const restarted = await memory.restart();
  const log = restarted.broker.catalog.require("orders");
  assert.equal(log.partitions[0]!.nextOffset, 1);
});

test("refuses a channel that could not be saved, and forgets it", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  await memory.run();
  await memory.state.close();
  await assert.rejects(catalog.ensureChannel(log, "workers"), { code: "broker.STATE_WRITE_FAILED" });
  assert.equal(log.channels.size, 0);
});

test("empties the backlog of a log without channels", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  produce(memory, "orders", "old");
  const log = catalog.require("orders");
  await catalog.empty(log);
  assert.equal(log.depth, 0);
  const restarted = await memory.restart();
  assert.equal(restarted.broker.catalog.require("orders").depth, 0);
});

test("works off a partition that was added, from its start, and after a crash", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  const channel = await catalog.ensureChannel(log, "workers");
  const consumer = new RecordingConsumer();
  channel.setReady(channel.addConsumer(consumer, 1000, 5000), 10);
  await Promise.all([catalog.alter(log, { partitions: 3 }), memory.run()]);
  assert.equal(log.partitions.length, 3);
  for (const value of ["a", "b", "c"]) produce(memory, "orders", value);
  await memory.run();
  assert.deepEqual(consumer.received.toSorted(), ["a#1", "b#1", "c#1"]);
  const crashed = await memory.crash();
  const again = crashed.broker.catalog.require("orders");
  assert.equal(again.channels.get("workers")!.windows().length, 3);
  await assert.rejects(crashed.broker.catalog.alter(again, { partitions: 2 }), { code: "log.LOG_CONFIG_INVALID" });
});

test("tells watchers what comes and goes, and in which order", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  catalog.ensure("before");
  const heard: string[] = [];
  const watcher: CatalogWatcher = {
    onLogCreated: ({ name }) => heard.push(`+${name}`),
    onLogDeleted: ({ name }) => heard.push(`-${name}`),
    onChannelCreated: ({ name }, channel) => heard.push(`+${name}/${channel}`),
    onChannelDeleted: ({ name }, channel) => heard.push(`-${name}/${channel}`),
  };
  catalog.watch(watcher);
  const log = catalog.ensure("orders");
  for (const channel of ["a", "b", "b"]) await catalog.ensureChannel(log, channel);
  await catalog.deleteChannel(log, "a");
  await catalog.delete("orders");
  assert.deepEqual(heard, ["+orders", "+orders/a", "+orders/b", "-orders/a", "-orders", "-orders/b"]);
  const once = catalog.ensure("once#ephemeral");
  await catalog.ensureChannel(once, "a");
  await catalog.deleteChannel(once, "a");
  assert.deepEqual(heard.slice(6), ["+once#ephemeral", "+once#ephemeral/a", "-once#ephemeral/a", "-once#ephemeral"]);
  catalog.unwatch(watcher);
  catalog.ensure("after");
  assert.equal(heard.length, 10);
});
