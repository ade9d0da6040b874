/** Channels whose saved position lies outside of what the log has. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import { EmbeddedLogStore } from "@polylog/log/embedded";
import { MemoryStateStore, MemoryStorage } from "@polylog/log/memory";
import { Broker } from "../broker.ts";
import { channelSaveIntervalMs } from "../limits.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";
import { defaultChannelSettings } from "./channel.ts";
import { encodeWindow, pageKey, windowKey } from "./channel-rows.ts";
import { ChannelStore } from "./channel-store.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

const savedChannel = { logName: "orders", name: "workers", paused: false, settings: defaultChannelSettings };

function savedWindow(floor: number, cursor: number, partition = 0) {
  const value = encodeWindow(new UnfinishedWindow(floor, cursor));
  return { type: "put", key: windowKey("orders", "workers", partition), value } as const;
}

/** A logger that keeps the fields of its warnings. */
function collectWarnings() {
  const warnings: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (_text, fields) => warnings.push(fields), child: () => logger };
  return { warnings, logger };
}

async function startWithRecords(count: number) {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.ensure("orders");
  await memory.broker.catalog.ensureChannel(log, "workers");
  for (let i = 0; i < count; i++) log.appendRecord(log.partitions[0]!, { value: Buffer.from(`v${i}`) });
  await memory.run();
  await memory.advance(1000);
  return memory;
}

test("moves a position beyond the end to the end, counted and said", async () => {
  const memory = await startWithRecords(5);
  await memory.broker.stop();
  await memory.state.write([savedWindow(7, 9)]);
  const { warnings, logger } = collectWarnings();
  const restarted = await memory.crash({ logger });
  const log = restarted.broker.catalog.require("orders");
  const channel = log.channels.get("workers")!;
  assert.equal(channel.counters.clampCount, 1);
  assert.deepEqual(warnings, [
    { log: "orders", channel: "workers", partition: 0, floor: 7, cursor: 9, low: 0, high: 5, dropped: 0 },
  ]);
  const sink = new RecordingConsumer();
  channel.setReady(channel.addConsumer(sink, 1000, 1000), 10);
  log.appendRecord(log.partitions[0]!, { value: Buffer.from("next") });
  await restarted.run();
  assert.deepEqual(sink.received, ["next#1"]);
});

test("moves it once: the next start finds it mended", async () => {
  const memory = await startWithRecords(5);
  await memory.broker.stop();
  await memory.state.write([savedWindow(7, 9)]);
  const again = await (await memory.crash()).restart();
  assert.equal(again.broker.catalog.require("orders").channels.get("workers")!.counters.clampCount, 0);
});

test("moves a position below the first record kept up to it", async () => {
  const state = new MemoryStateStore();
  await state.open();
  const unfinished = Buffer.from([1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const page = { type: "put", key: pageKey("orders", "workers", 0, 0), value: unfinished } as const;
  await state.write([savedWindow(3, 20), page]);
  const store = new ChannelStore(state, new ManualClock(), () => undefined);
  const loaded = await store.loadWindow(savedChannel, 0, { low: 10, high: 30 });
  assert.deepEqual(loaded?.clamped, { floor: 3, cursor: 20 });
  const { window } = loaded!;
  assert.deepEqual([window.floor, window.cursor, window.readyCount, window.nextReady()], [12, 20, 1, 12]);
});

test("leaves a position inside of the log alone", async () => {
  const state = new MemoryStateStore();
  await state.open();
  await state.write([savedWindow(10, 30)]);
  const store = new ChannelStore(state, new ManualClock(), () => undefined);
  const loaded = await store.loadWindow(savedChannel, 0, { low: 10, high: 30 });
  assert.deepEqual([loaded?.clamped, loaded?.window.floor, loaded?.window.cursor], [undefined, 30, 30]);
});

test("leaves the positions of a damaged partition alone", async () => {
  const state = new MemoryStateStore();
  await state.open();
  await state.write([savedWindow(10, 10)]);
  const store = new ChannelStore(state, new ManualClock(), () => undefined);
  const loaded = await store.loadWindow(savedChannel, 0, undefined);
  assert.deepEqual([loaded?.clamped, loaded?.window.cursor], [undefined, 10]);
});

test("starts a first channel at the end when the saved backlog lies beyond", async () => {
  const memory = await startWithRecords(2);
  const { catalog } = memory.broker;
  await catalog.deleteChannel(catalog.require("orders"), "workers");
  await memory.broker.stop();
  const value = Buffer.from(JSON.stringify({ paused: false, backlogOffsets: [9] }));
  await memory.state.write([{ type: "put", key: "log-settings/orders", value }]);
  const restarted = await memory.crash();
  const log = restarted.broker.catalog.require("orders");
  log.appendRecord(log.partitions[0]!, { value: Buffer.from("next") });
  const channel = await restarted.broker.catalog.ensureChannel(log, "workers");
  await restarted.run();
  assert.equal(channel.depth, 1);
});

/** A state store in which every read takes longer than a save may wait. */
class SlowStateStore extends MemoryStateStore {
  readonly clock = new ManualClock();

  override async get(key: string): Promise<Buffer | undefined> {
    this.clock.advance(2 * channelSaveIntervalMs);
    const value = await super.get(key);
    this.clock.advance(2 * channelSaveIntervalMs);
    return value;
  }
}

test("saves nothing of a channel that is not loaded yet", async () => {
  const state = new SlowStateStore();
  await state.open();
  const { clock } = state;
  const storage = new MemoryStorage();
  const open = async () => {
    const logs = new EmbeddedLogStore({ storage, state, clock });
    await logs.open();
    const broker = new Broker({ logs, state, clock });
    await broker.start();
    return { logs, broker };
  };
  const { logs, broker } = await open();
  const log = broker.catalog.create("orders", { partitions: 2 });
  for (const partition of log.partitions) log.appendRecord(partition, { value: Buffer.from("a") });
  const channel = await broker.catalog.ensureChannel(log, "workers");
  channel.moveTo([1, 1]);
  channel.setPaused(true);
  await broker.stop();
  await logs.close();
  const again = await open();
  const loaded = again.broker.catalog.require("orders").channels.get("workers")!;
  assert.deepEqual([loaded.paused, loaded.depth], [true, 0]);
});
