/** Channels over a log of which compaction removed records. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordCursor } from "@polylog/log";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";

const config = { cleanup: "compact", segmentSizeMax: 4096, tombstoneRetentionMs: 0 } as const;

/** Values `0` to before `count` under five keys, in many segments, and 40 without one behind them. */
async function startWithRecords(count: number, retentionUnfinished: "keep" | "drop" = "drop") {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create("prices", { ...config, retentionUnfinished });
  await memory.broker.catalog.ensureChannel(log, "workers");
  const partition = log.partitions[0]!;
  for (let i = 0; i < count; i++) {
    log.appendRecord(partition, { value: Buffer.from(`${i}`), key: Buffer.from(`k${i % 5}`) });
    await memory.run();
  }
  for (let i = 0; i < 40; i++) {
    log.appendRecord(partition, { value: Buffer.alloc(500, "x") });
    await memory.run();
  }
  return memory;
}

async function compacted(memory: MemoryBroker): Promise<MemoryBroker> {
  await memory.advance(10_000);
  for (let i = 0; i < 100; i++) await memory.run();
  return memory.restart();
}

test("delivers the survivors to a channel that is behind", async () => {
  const memory = await compacted(await startWithRecords(200));
  const channel = memory.broker.catalog.require("prices").channels.get("workers")!;
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 1000);
  channel.setReady(consumer, 1000);
  for (let i = 0; i < 20; i++) await memory.run();
  assert.deepEqual(sink.offsets.slice(0, 6), [195, 196, 197, 198, 199, 200]);
  assert.equal(sink.received.length, 45);
  assert.deepEqual([channel.depth, channel.inFlightCount], [0, 45]);
  for (const offset of sink.offsets) assert.equal(channel.finish(consumer, 0, offset), "done");
  assert.deepEqual(
    channel.windows().map(({ floor, cursor }) => [floor, cursor]),
    [[240, 240]],
  );
});

test("keeps what a channel has not finished, unless told to drop it", async () => {
  const memory = await compacted(await startWithRecords(200, "keep"));
  const channel = memory.broker.catalog.require("prices").channels.get("workers")!;
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 1000);
  channel.setReady(consumer, 1000);
  for (let i = 0; i < 20; i++) await memory.run();
  assert.equal(sink.received.length, 240);
  for (const offset of sink.offsets) assert.equal(channel.finish(consumer, 0, offset), "done");
  const after = await compacted(memory);
  const again = after.broker.catalog.require("prices").partitions[0]!;
  const cursor = new RecordCursor();
  cursor.reset((await again.readChunk(0, 1))!, 0);
  assert.equal(cursor.next(), false);
});

test("forgets an unfinished record that is gone", async () => {
  const before = await startWithRecords(200);
  const channel = before.broker.catalog.require("prices").channels.get("workers")!;
  const consumer = channel.addConsumer(new RecordingConsumer(), 60_000, 60_000);
  channel.setReady(consumer, 20);
  await before.run();
  const memory = await compacted(before);
  const again = memory.broker.catalog.require("prices").channels.get("workers")!;
  assert.equal(again.windows()[0]?.readyCount, 20);
  const sink = new RecordingConsumer();
  again.setReady(again.addConsumer(sink, 1000, 1000), 1000);
  for (let i = 0; i < 20; i++) await memory.run();
  assert.equal(sink.offsets[0], 195);
  assert.equal(again.depth, 0);
});
