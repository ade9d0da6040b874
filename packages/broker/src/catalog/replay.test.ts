import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHeaders } from "@polylog/log";
import type { ConsumerSink } from "../channels/channel-consumer.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";

/** Two partitions of two records, all of them dead-lettered; from then on the consumer notes what it gets. */
async function start() {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.create("orders", { partitions: 2 });
  const channel = await catalog.ensureChannel(log, "workers");
  await catalog.configureChannel(log, "workers", { maxAttempts: 1 });
  const places: (readonly [partition: number, offset: number])[] = [];
  const received: string[] = [];
  const sink: ConsumerSink = {
    onRecord: (record, partition) => {
      places.push([partition, record.offset]);
      const headers = decodeHeaders(record).map(([name, value]) => `${name}=${value}`);
      received.push(
        [partition, record.bytes.toString("utf8", record.valueStart, record.valueEnd), ...headers].join(" "),
      );
    },
    onChannelClosed: () => undefined,
  };
  const consumer = channel.addConsumer(sink, 60_000, 60_000);
  channel.setReady(consumer, 100);
  for (const partition of log.partitions)
    for (const value of ["a", "b"])
      log.appendRecord(partition, { value: Buffer.from(value), headers: [["h", Buffer.from("1")]] });
  await memory.run();
  for (const [partition, offset] of places) channel.requeue(consumer, partition, offset, 0);
  await memory.run();
  received.length = 0;
  /** Turns the clock until the promise has settled. */
  const settled = async <Result>(promise: Promise<Result>): Promise<Result> => {
    await Promise.race([memory.run(), promise.catch(() => undefined)]);
    return promise;
  };
  return { memory, catalog, log, received, settled };
}

test("gives every dead letter back to its partition, once", async () => {
  const { memory, catalog, log, received, settled } = await start();
  assert.equal(await settled(catalog.replayDeadLetters(log)), 4);
  await memory.run();
  assert.deepEqual(received.sort(), [
    "0 a h=1 polylog-replayed-from=orders.dead/0/0",
    "0 b h=1 polylog-replayed-from=orders.dead/0/1",
    "1 a h=1 polylog-replayed-from=orders.dead/0/2",
    "1 b h=1 polylog-replayed-from=orders.dead/0/3",
  ]);
  assert.equal(await settled(catalog.replayDeadLetters(log)), 0);
});

test("remembers over a crash what was replayed", async () => {
  const { memory, catalog, log, settled } = await start();
  await settled(catalog.replayDeadLetters(log));
  const crashed = await memory.crash();
  const again = crashed.broker.catalog;
  assert.equal(await again.replayDeadLetters(again.require("orders")), 0);
});

test("replays a range as often as asked", async () => {
  const { memory, catalog, log, received, settled } = await start();
  const range = { partition: 0, offset: 1, endOffset: 3 };
  for (let i = 0; i < 2; i++) assert.equal(await settled(catalog.replayDeadLetters(log, range)), 2);
  await memory.run();
  assert.equal(received.length, 4);
  assert.equal(await settled(catalog.replayDeadLetters(log)), 4);
});

test("refuses what is not there, and two at a time", async () => {
  const { catalog, log, settled } = await start();
  const range = { partition: 0, offset: 3, endOffset: 5 };
  await assert.rejects(catalog.replayDeadLetters(log, range), { code: "log.OFFSET_OUT_OF_RANGE" });
  const elsewhere = { partition: 1, offset: 0, endOffset: 0 };
  await assert.rejects(catalog.replayDeadLetters(log, elsewhere), { code: "broker.INVALID_PARTITION" });
  await assert.rejects(catalog.replayDeadLetters(catalog.ensure("other")), { code: "broker.LOG_NOT_FOUND" });
  const first = catalog.replayDeadLetters(log);
  await assert.rejects(catalog.replayDeadLetters(log), { code: "broker.REPLAY_RUNNING" });
  assert.equal(await settled(first), 4);
});
