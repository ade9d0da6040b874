/** A maximum of attempts, and where records go that have used it up. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHeaders, RecordCursor } from "@polylog/log";
import type { BrokerLog } from "../catalog/broker-log.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";

async function start(maxAttempts: number, logName = "orders") {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure(logName);
  const channel = await catalog.ensureChannel(log, "workers");
  await catalog.configureChannel(log, "workers", { maxAttempts });
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 5000);
  channel.setReady(consumer, 10);
  const produce = async (...values: string[]) => {
    for (const value of values) log.appendRecord(log.partitions[0]!, { value: Buffer.from(value) });
    await memory.run();
  };
  return { memory, catalog, log, channel, sink, consumer, produce };
}

/** Every record of the log's only partition: value, key, topic and headers. */
async function records(log: BrokerLog | undefined) {
  const found = [];
  for (const partition of log?.partitions ?? []) {
    const chunk = await partition.readChunk(0, 1 << 20);
    const cursor = new RecordCursor();
    if (chunk !== undefined) cursor.reset(chunk, 0);
    while (chunk !== undefined && cursor.next()) {
      const text = (from: number, to: number) => (from < 0 ? undefined : cursor.bytes.toString("utf8", from, to));
      found.push({
        value: text(cursor.valueStart, cursor.valueEnd),
        key: text(cursor.keyStart, cursor.keyEnd),
        topic: text(cursor.topicStart, cursor.topicEnd),
        headers: decodeHeaders(cursor).map(([name, value]) => `${name}=${value.toString()}`),
      });
    }
  }
  return found;
}

async function reasons(log: BrokerLog | undefined): Promise<(string | undefined)[]> {
  const found = await records(log);
  return found.map(({ value, headers }) => `${value} ${headers.find((each) => each.includes("reason"))?.slice(20)}`);
}

test("keeps the whole record and says why", async () => {
  const { memory, catalog, log, channel, consumer } = await start(2);
  const fields = { key: Buffer.from("k"), topic: Buffer.from("t/1"), headers: [["h", Buffer.from("1")]] as const };
  log.appendRecord(log.partitions[0]!, { value: Buffer.from("poison"), ...fields });
  await memory.run();
  channel.requeue(consumer, 0, 0, 0);
  await memory.run();
  channel.requeue(consumer, 0, 0, 60_000);
  await memory.run();
  assert.deepEqual(await records(catalog.get("orders.dead")), [
    {
      value: "poison",
      key: "k",
      topic: "t/1",
      headers: [
        "h=1",
        "polylog-dead-log=orders",
        "polylog-dead-channel=workers",
        "polylog-dead-partition=0",
        "polylog-dead-offset=0",
        "polylog-dead-attempts=2",
        "polylog-dead-reason=requeue",
        `polylog-dead-time=${memory.clock.nowMs()}`,
      ],
    },
  ]);
  assert.deepEqual([channel.counters.deadLetterCount, channel.deadCount, channel.depth], [1, 0, 0]);
  assert.equal(channel.windows()[0]!.floor, 1);
});

test("gives up after a time-out and after a disconnect", async () => {
  const { memory, catalog, channel, sink, consumer, produce } = await start(1);
  await produce("a");
  await memory.advance(1000);
  await produce("b");
  channel.removeConsumer(consumer);
  await memory.run();
  assert.deepEqual(await reasons(catalog.get("orders.dead")), ["a timeout", "b disconnect"]);
  assert.deepEqual(sink.received, ["a#1", "b#1"]);
});

test("has no maximum unless told", async () => {
  const { memory, catalog, channel, sink, consumer, produce } = await start(0);
  await produce("a");
  for (let i = 0; i < 50; i++) {
    channel.requeue(consumer, 0, 0, 0);
    await memory.run();
  }
  assert.equal(sink.received.length, 51);
  assert.equal(catalog.get("orders.dead"), undefined);
});

test("is not finished before the dead letter is durable", async () => {
  const { memory, catalog, channel, consumer, produce } = await start(1);
  await produce("a");
  catalog.create("orders.dead", { durability: "synced" });
  await memory.run();
  memory.storage.manual = true;
  channel.requeue(consumer, 0, 0, 0);
  await memory.run();
  assert.deepEqual([channel.deadCount, channel.windows()[0]!.floor], [1, 0]);
  assert.equal(channel.finish(consumer, 0, 0), "notInFlight");
  memory.storage.manual = false;
  for (let i = 0; i < 5; i++) {
    memory.storage.complete();
    await memory.run();
  }
  assert.deepEqual([channel.deadCount, channel.windows()[0]!.floor], [0, 1]);
});

test("dead-letters twice rather than never after a crash", async () => {
  const { memory, channel, consumer, produce } = await start(1);
  await produce("a", "b");
  channel.finish(consumer, 0, 1);
  await memory.advance(100);
  channel.requeue(consumer, 0, 0, 0);
  await memory.run();
  const crashed = await memory.crash();
  await crashed.run();
  const { catalog } = crashed.broker;
  assert.deepEqual(await reasons(catalog.get("orders.dead")), ["a requeue", "a restart"]);
  assert.equal(catalog.require("orders").channels.get("workers")!.depth, 0);
});

test("dead-letters once over a clean restart", async () => {
  const { memory, channel, consumer, produce } = await start(1);
  await produce("a");
  channel.requeue(consumer, 0, 0, 0);
  const restarted = await (await memory.restart()).restart();
  const { catalog } = restarted.broker;
  assert.deepEqual(await reasons(catalog.get("orders.dead")), ["a requeue"]);
  const again = catalog.require("orders").channels.get("workers")!;
  assert.deepEqual([again.depth, again.deadCount, again.settings.maxAttempts], [0, 0, 1]);
});

test("remembers the reason over a restart", async () => {
  const { memory, catalog, channel, consumer, produce } = await start(1);
  for (let i = 0; i < 5; i++) await produce(`v${i}`);
  const dead = catalog.ensure("orders.dead");
  await memory.run();
  memory.logs.get(dead.name)!.partitions[0]!.refuse("test", new Error("full"));
  channel.requeue(consumer, 0, 3, 0);
  await memory.run();
  assert.equal(channel.deadCount, 1);
  channel.removeConsumer(consumer);
  const restarted = await memory.restart();
  const found = await reasons(restarted.broker.catalog.get("orders.dead"));
  assert.deepEqual(found.sort(), ["v0 disconnect", "v1 disconnect", "v2 disconnect", "v3 requeue", "v4 disconnect"]);
});

test("waits and tries again while the log refuses", async () => {
  const { memory, catalog, channel, consumer, produce } = await start(1);
  const dead = catalog.ensure("orders.dead");
  await memory.run();
  memory.logs.get(dead.name)!.partitions[0]!.refuse("test", new Error("full"));
  await produce("a");
  channel.requeue(consumer, 0, 0, 0);
  await memory.advance(5000);
  assert.equal(channel.deadCount, 1);
  const deleted = catalog.delete("orders.dead");
  await memory.run();
  await deleted;
  await memory.advance(1000);
  assert.deepEqual(await reasons(catalog.get("orders.dead")), ["a requeue"]);
});

test("applies a lower maximum at once and a higher one later", async () => {
  const { memory, catalog, log, channel, sink, consumer, produce } = await start(0);
  await produce("a", "b");
  for (let i = 0; i < 3; i++) {
    channel.requeue(consumer, 0, 0, 0);
    await memory.run();
  }
  channel.requeue(consumer, 0, 0, 9000);
  await catalog.configureChannel(log, "workers", { maxAttempts: 2 });
  await memory.run();
  assert.deepEqual(await reasons(catalog.get("orders.dead")), ["a configure"]);
  await catalog.configureChannel(log, "workers", { maxAttempts: 3 });
  for (let i = 0; i < 5; i++) {
    channel.requeue(consumer, 0, 1, 0);
    await memory.run();
  }
  assert.equal(sink.received.at(-1), "b#3");
});

test("refuses a maximum that cannot be", async () => {
  const { catalog } = await start(0);
  const long = catalog.ensure("x".repeat(60));
  await catalog.ensureChannel(long, "workers");
  const refused = (maxAttempts: number, code: string) =>
    assert.rejects(catalog.configureChannel(long, "workers", { maxAttempts }), { code });
  await refused(1, "broker.DEAD_LETTER_NAME");
  await refused(-1, "broker.MAX_ATTEMPTS_INVALID");
  await refused(1.5, "broker.MAX_ATTEMPTS_INVALID");
  await refused(65_536, "broker.MAX_ATTEMPTS_INVALID");
});

test("keeps an ephemeral log's dead letters in memory", async () => {
  const { memory, catalog, channel, consumer, produce } = await start(1, "orders#ephemeral");
  await produce("a");
  channel.requeue(consumer, 0, 0, 0);
  await memory.run();
  assert.deepEqual(await reasons(catalog.get("orders.dead#ephemeral")), ["a requeue"]);
});

test("forgets what was given up when it is moved", async () => {
  const { memory, catalog, log, channel, sink, consumer, produce } = await start(1);
  await produce("a");
  memory.storage.manual = true;
  channel.requeue(consumer, 0, 0, 0);
  memory.clock.turn();
  const sought = catalog.seekChannel(log, "workers", { from: "earliest" });
  memory.storage.manual = false;
  memory.storage.complete();
  await memory.run();
  await sought;
  assert.deepEqual([channel.deadCount, channel.inFlightCount, sink.received], [0, 1, ["a#1", "a#1"]]);
});
