/** The broker on an engine that has no files and shares no code with the embedded one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { MemoryLogStore, MemoryStateStore } from "@polylog/log/memory";
import { settle } from "@polylog/testkit";
import { Broker } from "./broker.ts";
import { RecordingConsumer } from "./testing/recording-consumer.ts";

test("delivers, finishes and goes on over a restart on any engine", async () => {
  const clock = new ManualClock();
  const state = new MemoryStateStore();
  await state.open();
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) {
      clock.turn();
      await settle(2);
    }
  };
  const start = async (logs: MemoryLogStore): Promise<Broker> => {
    await logs.open();
    const broker = new Broker({ logs, state, clock });
    await broker.start();
    return broker;
  };
  const logs = new MemoryLogStore({ clock });
  const broker = await start(logs);
  const log = broker.catalog.create("orders");
  const channel = await broker.catalog.ensureChannel(log, "workers");
  for (let i = 0; i < 10; i++) log.appendRecord(log.partitions[0]!, { value: Buffer.from(`${i}`) });
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 1000);
  channel.setReady(consumer, 4);
  await turns();
  assert.deepEqual(sink.offsets, [0, 1, 2, 3]);
  for (const offset of sink.offsets.slice(0, 3)) assert.equal(channel.finish(consumer, 0, offset), "done");
  const stopped = broker.stop();
  await turns();
  await stopped;
  await logs.close();

  const again = await start(new MemoryLogStore({ clock, kept: logs.kept }));
  await turns();
  const workers = again.catalog.require("orders").channels.get("workers")!;
  const rest = new RecordingConsumer();
  workers.setReady(workers.addConsumer(rest, 1000, 1000), 100);
  await turns();
  const all = [...new Set([...sink.offsets.slice(0, 3), ...rest.offsets])].sort((one, other) => one - other);
  assert.deepEqual(all, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
