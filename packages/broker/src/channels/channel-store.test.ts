import assert from "node:assert/strict";
import { test } from "node:test";
import { logErrors, type StateOperation } from "@polylog/log";
import { MemoryStateStore } from "@polylog/log/memory";
import { channelSaveRetryMs } from "../limits.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";

const nobodyWaits = { onDurable: () => undefined };
const noRoom = logErrors.STATE_FULL({ name: "state", reason: "No space left on device" });

/** Has all writes of `state` fail until the answer is called. */
function fillUp(state: MemoryStateStore): () => void {
  const { write } = MemoryStateStore.prototype;
  state.write = async () => Promise.reject(noRoom);
  return () => {
    state.write = (operations: readonly StateOperation[]) => Reflect.apply(write, state, [operations]);
  };
}

async function startWithRecords(count: number) {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  const channel = await catalog.ensureChannel(log, "workers");
  const consumer = new RecordingConsumer();
  const handle = channel.addConsumer(consumer, 1000, 60_000);
  channel.setReady(handle, 100);
  for (let i = 0; i < count; i++) memory.broker.produce(log, Buffer.from("x"), 0, 1, nobodyWaits, 0);
  await memory.run();
  return { memory, catalog, log, channel, consumer, handle };
}

test("saves later what the state store had no room for", async () => {
  const { memory, channel, handle } = await startWithRecords(6);
  await memory.advance(1000);
  const makeRoom = fillUp(memory.state);
  channel.finish(handle, 0, 0);
  channel.requeue(handle, 0, 1, 3_600_000);
  await memory.advance(1000);
  for (const offset of [2, 3, 4]) channel.finish(handle, 0, offset);
  await memory.advance(1000);
  makeRoom();
  await memory.advance(channelSaveRetryMs);
  const restarted = await memory.crash();
  const again = restarted.broker.catalog.require("orders").channels.get("workers")!;
  assert.deepEqual([again.deferredCount, again.depth], [1, 1]);
});

test("forgets a channel that found no room when it was made", async () => {
  const { memory, catalog, log } = await startWithRecords(1);
  const makeRoom = fillUp(memory.state);
  await assert.rejects(catalog.ensureChannel(log, "more"), { code: "broker.STATE_WRITE_FAILED" });
  makeRoom();
  await memory.advance(channelSaveRetryMs);
  const restarted = await memory.crash();
  assert.deepEqual([...restarted.broker.catalog.require("orders").channels.keys()], ["workers"]);
});
