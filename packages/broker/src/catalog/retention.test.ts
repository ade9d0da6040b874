/** What retention, emptying and the bound of a log in memory mean for channels. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import type { LogConfig } from "@polylog/log";
import type { Channel } from "../channels/channel.ts";
import { channelSaveIntervalMs } from "../limits.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";
import type { BrokerLog } from "./broker-log.ts";

const small: Partial<LogConfig> = { segmentSizeMax: 4096, retentionBytes: 33_000 };

interface Rig {
  memory: MemoryBroker;
  log: BrokerLog;
}

async function start(config: Partial<LogConfig>, name = "orders"): Promise<Rig> {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create(name, { segmentSizeMax: 4096, ...config });
  await memory.run();
  return { memory, log };
}

/** Records of about 500 bytes, in batches of their own. */
async function produce({ memory, log }: Rig, count: number): Promise<void> {
  const partition = log.partitions[0]!;
  for (let i = 0; i < count; i++) {
    log.appendRecord(partition, { value: Buffer.from(`${partition.nextOffset}:${"x".repeat(400)}`) });
    await memory.run();
  }
  await memory.advance(channelSaveIntervalMs);
  await memory.logs.runMaintenance();
  await memory.run();
}

async function consume({ memory }: Rig, channel: Channel, readyCount: number) {
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 60_000, 600_000);
  channel.setReady(consumer, readyCount);
  await memory.run();
  return { consumer, sink };
}

const lowOf = ({ log }: Rig): number => log.partitions[0]!.lowWatermark;

test("keeps what a channel has not finished", async () => {
  const rig = await start(small);
  const { catalog } = rig.memory.broker;
  const slow = await catalog.ensureChannel(rig.log, "slow");
  const fast = await catalog.ensureChannel(rig.log, "fast");
  await produce(rig, 150);
  const { consumer, sink } = await consume(rig, slow, 1000);
  const quick = await consume(rig, fast, 1000);
  assert.equal(sink.offsets[0], 0);
  for (const offset of quick.sink.offsets) fast.finish(quick.consumer, 0, offset);
  for (const offset of sink.offsets) if (offset !== 40) slow.finish(consumer, 0, offset);
  await produce(rig, 1);
  assert.ok(lowOf(rig) > 20 && lowOf(rig) <= 40);
  assert.ok(rig.log.partitions[0]!.retentionHeldBytes > 0);
  slow.finish(consumer, 0, 40);
  await produce(rig, 1);
  assert.ok(lowOf(rig) > 80);
  assert.deepEqual([slow.counters.dropCount, fast.counters.dropCount], [0, 0]);
});

test("drops when told to, and counts it per channel", async () => {
  const rig = await start({ ...small, retentionUnfinished: "drop" });
  const { catalog } = rig.memory.broker;
  const idle = await catalog.ensureChannel(rig.log, "idle");
  const slow = await catalog.ensureChannel(rig.log, "slow");
  const { consumer, sink } = await consume(rig, slow, 3);
  await produce(rig, 150);
  const low = lowOf(rig);
  assert.ok(low > 60);
  assert.deepEqual([idle.counters.dropCount, slow.counters.dropCount], [low, low - 3]);
  assert.deepEqual([idle.depth, slow.depth], [150 - low, 150 - low]);
  assert.equal(slow.finish(consumer, 0, 0), "done"); // It was in flight, and has been worked off.
  slow.requeue(consumer, 0, 1, 0);
  await rig.memory.run();
  assert.equal(slow.counters.dropCount, low - 2); // It was given back, and is gone.
  assert.deepEqual(sink.offsets, [0, 1, 2, low, low + 1]);
  const metrics = new MetricRegistry();
  rig.memory.broker.registerMetrics(metrics);
  const text = renderPrometheus(metrics);
  assert.match(text, new RegExp(`polylog_channel_dropped_records_total\\{log="orders",channel="idle"\\} ${low}`));
  assert.match(text, new RegExp(`polylog_partition_trimmed_records_total\\{log="orders",partition="0"\\} ${low}`));
  assert.match(text, /polylog_partition_retention_held_bytes\{log="orders",partition="0"\} 0/);
});

test("counts what a stopped server's channels lose as they are loaded", async () => {
  const rig = await start(small);
  const { catalog } = rig.memory.broker;
  await catalog.ensureChannel(rig.log, "idle");
  await produce(rig, 100);
  assert.equal(lowOf(rig), 0);
  await rig.memory.broker.stop();
  // The channel's state is older than the log: as after a power cut.
  await rig.log.partitions[0]!.trimTo(60);
  const restarted = await rig.memory.crash();
  const idle = restarted.broker.catalog.require("orders").channels.get("idle")!;
  assert.deepEqual([idle.counters.dropCount, idle.counters.clampCount, idle.depth], [60, 1, 40]);
});

test("finds nothing wrong with what was finished and then removed", async () => {
  const rig = await start(small);
  const channel = await rig.memory.broker.catalog.ensureChannel(rig.log, "workers");
  await produce(rig, 100);
  await rig.memory.advance(1000);
  const { consumer, sink } = await consume(rig, channel, 1000);
  await rig.memory.advance(1000); // Saved: everything in flight …
  for (const offset of sink.offsets) channel.finish(consumer, 0, offset);
  await rig.memory.advance(1000); // … and finished.
  await produce(rig, 1);
  assert.ok(lowOf(rig) > 0);
  const restarted = await rig.memory.restart();
  const again = restarted.broker.catalog.require("orders").channels.get("workers")!;
  assert.deepEqual([again.counters.clampCount, again.counters.dropCount], [0, 0]);
});

test("does not keep what waits for a first channel beyond the limits", async () => {
  const rig = await start(small);
  await produce(rig, 150);
  const low = lowOf(rig);
  assert.ok(low > 60);
  assert.equal(rig.log.depth, 150 - low);
  const first = await rig.memory.broker.catalog.ensureChannel(rig.log, "first");
  assert.deepEqual([first.depth, first.counters.dropCount], [150 - low, 0]);
});

test("is not held up by an ephemeral channel", async () => {
  const rig = await start(small);
  const tail = await rig.memory.broker.catalog.ensureChannel(rig.log, "tail#ephemeral");
  await produce(rig, 150);
  assert.ok(lowOf(rig) > 60);
  assert.equal(tail.counters.dropCount, lowOf(rig));
});

test("removes nothing before a log's channels are loaded", async () => {
  const rig = await start(small);
  rig.log.loaded = false;
  await produce(rig, 150);
  assert.equal(lowOf(rig), 0);
  rig.log.loaded = true;
  await produce(rig, 1);
  assert.ok(lowOf(rig) > 60);
});

test("bounds an ephemeral log, and counts what its channels lose", async () => {
  const rig = await start({ ephemeralBytes: 32_768 }, "flood#ephemeral");
  const channel = await rig.memory.broker.catalog.ensureChannel(rig.log, "workers");
  await produce(rig, 300);
  const low = lowOf(rig);
  assert.ok(low > 200);
  assert.equal(channel.counters.dropCount, low);
  assert.ok(rig.memory.logs.ephemeralStorage.bytesKept < 60_000);
  const { sink } = await consume(rig, channel, 1000);
  assert.deepEqual([sink.offsets[0], sink.offsets.length], [low, 300 - low]);
});

test("emptying frees the disk and moves channels, offsets go on", async () => {
  const rig = await start({});
  const { catalog } = rig.memory.broker;
  const channel = await catalog.ensureChannel(rig.log, "workers");
  await produce(rig, 30);
  const { consumer, sink } = await consume(rig, channel, 2);
  const emptied = catalog.removeRecords(rig.log);
  await produce(rig, 1);
  await emptied;
  assert.deepEqual([lowOf(rig), channel.depth, channel.counters.dropCount], [30, 1, 28]);
  assert.ok(rig.log.partitions[0]!.storedBytes < 1000);
  for (const offset of sink.offsets) assert.equal(channel.finish(consumer, 0, offset), "done");
  await rig.memory.run();
  assert.equal(sink.offsets.at(-1), 30);
  const restarted = await rig.memory.restart();
  const again = restarted.broker.catalog.require("orders");
  assert.deepEqual([again.partitions[0]!.lowWatermark, again.partitions[0]!.nextOffset], [30, 31]);
  assert.equal(again.channels.get("workers")!.counters.clampCount, 0);
});

test("buries no dead record that was removed, and counts it", async () => {
  const rig = await start({});
  const { catalog } = rig.memory.broker;
  const channel = await catalog.ensureChannel(rig.log, "workers");
  await catalog.configureChannel(rig.log, "workers", { maxAttempts: 1 });
  await produce(rig, 3);
  const { consumer, sink } = await consume(rig, channel, 10);
  assert.equal(sink.offsets.length, 3);
  await rig.log.partitions[0]!.trimTo(3);
  channel.requeue(consumer, 0, 0, 0);
  await rig.memory.run();
  assert.deepEqual([channel.deadCount, channel.counters.dropCount, channel.counters.deadLetterCount], [0, 1, 0]);
});
