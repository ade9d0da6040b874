import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConsumerSink } from "@polylog/broker";
import { MemoryClient } from "../testing/memory-client.ts";

const workers = { log: "orders", channel: "workers" };

/** Four records and a channel that begins with the first. */
async function start() {
  const client = await MemoryClient.start();
  await client.ask("log.create", { log: "orders" });
  const records = ["a", "b", "c", "d"].map((value) => ({ value }));
  await client.ask("produce", { log: "orders", encoding: "utf8", records });
  await client.ask("channel.create", { ...workers, from: "earliest" });
  return client;
}

test("channel.create begins where it is told", async () => {
  const client = await start();
  await client.ask("channel.create", { log: "orders", channel: "end" });
  await client.ask("channel.create", { log: "orders", channel: "start", from: "earliest" });
  await client.ask("channel.create", { log: "orders", channel: "start", from: "latest" }); // It exists and stays.
  const { channels } = await client.ask("channel.list", { log: "orders" });
  assert.deepEqual(
    channels.map(({ channel, depth }) => [channel, depth]),
    [
      ["workers", 4],
      ["end", 0],
      ["start", 4],
    ],
  );
});

test("channel.pause holds back until channel.unpause", async () => {
  const client = await start();
  assert.equal((await client.ask("channel.pause", workers)).paused, true);
  assert.equal((await client.ask("channel.unpause", workers)).paused, false);
});

test("channel.seek moves to an offset, a time and an end", async () => {
  const client = await start();
  const depthAt = async (position: object) => (await client.ask("channel.seek", { ...workers, ...position })).depth;
  assert.equal(await depthAt({ offset: 3 }), 1);
  assert.equal(await depthAt({ timestamp: 1 }), 4);
  assert.equal(await depthAt({ from: "latest", partition: 0 }), 0);
  assert.equal(await client.refusalCode("channel.seek", { ...workers, offset: 5 }), "log.OFFSET_OUT_OF_RANGE");
  assert.equal(await client.refusalCode("channel.seek", workers), "rpc.INVALID_PARAMS");
  assert.equal(
    await client.refusalCode("channel.seek", { ...workers, offset: 1, from: "latest" }),
    "rpc.INVALID_PARAMS",
  );
});

test("channel.seek needs to know an offset's partition", async () => {
  const client = await start();
  await client.ask("log.create", { log: "many", partitions: 2 });
  await client.ask("channel.create", { log: "many", channel: "workers" });
  const seek = { log: "many", channel: "workers", offset: 0 };
  assert.equal(await client.refusalCode("channel.seek", seek), "rpc.PARTITION_REQUIRED");
  await client.ask("channel.seek", { ...seek, partition: 1 });
});

test("channel.configure sets a maximum that dead-letters", async () => {
  const client = await start();
  assert.equal((await client.ask("channel.configure", { ...workers, maxAttempts: 1 })).maxAttempts, 1);
  assert.equal((await client.ask("channel.configure", workers)).maxAttempts, 1);
  const channel = client.memory.broker.catalog.require("orders").channels.get("workers")!;
  const sink: ConsumerSink = { onRecord: () => undefined, onChannelClosed: () => undefined };
  const consumer = channel.addConsumer(sink, 1000, 1000);
  channel.setReady(consumer, 4);
  await client.memory.run();
  channel.removeConsumer(consumer);
  await client.memory.run();
  const { channels } = await client.ask("channel.list", { log: "orders" });
  assert.deepEqual([channels[0]?.deadLettered, channels[0]?.depth], [4, 0]);
  const range = { log: "orders", offset: 1, endOffset: 3 };
  assert.deepEqual(await client.ask("channel.replayDeadLetters", range), { replayed: 2 });
  assert.deepEqual(await client.ask("channel.replayDeadLetters", { log: "orders" }), { replayed: 4 });
  const half = { log: "orders", offset: 1 };
  assert.equal(await client.refusalCode("channel.replayDeadLetters", half), "rpc.INVALID_PARAMS");
});

test("channel.configure refuses what cannot be", async () => {
  const client = await start();
  const tooMany = { ...workers, maxAttempts: 65_536 };
  assert.equal(await client.refusalCode("channel.configure", tooMany), "broker.MAX_ATTEMPTS_INVALID");
  const log = "x".repeat(60);
  await client.ask("log.create", { log });
  await client.ask("channel.create", { log, channel: "workers" });
  const refused = await client.refusal("channel.configure", { log, channel: "workers", maxAttempts: 3 });
  assert.deepEqual([refused.code, refused.data["code"]], [-32018, "broker.DEAD_LETTER_NAME"]);
});

test("channel.delete removes it", async () => {
  const client = await start();
  await client.ask("channel.delete", workers);
  assert.deepEqual(await client.ask("channel.list", { log: "orders" }), { channels: [] });
  for (const method of ["channel.delete", "channel.pause", "channel.unpause", "channel.configure"])
    assert.equal((await client.refusal(method, workers)).code, -32015);
});

test("every method of channels and logs asks whether it is allowed", async () => {
  const client = await MemoryClient.start({ access: { allows: () => false } });
  const places = ["list", "create", "delete", "pause", "unpause", "seek", "configure", "replayDeadLetters"];
  for (const name of [...places.map((each) => `channel.${each}`), "log.describe", "log.delete", "log.empty"]) {
    const params = {
      log: "orders",
      ...(/^channel\.(?!list|replay)/.test(name) && { channel: "workers" }),
      ...(name === "channel.seek" && { from: "latest" }),
    };
    assert.equal(await client.refusalCode(name, params), "broker.NOT_AUTHORIZED", name);
  }
});

test("channel.create begins at an offset or a time, with settings", async () => {
  const client = await start();
  const create = (channel: string, position: object) =>
    client.ask("channel.create", { log: "orders", channel, ...position });
  assert.equal((await create("offset", { offset: 3 })).depth, 1);
  assert.equal((await create("time", { timestamp: 1 })).depth, 4);
  const { ordered, maxAttempts, deadLetterExpired } = await create("set", { ordered: true, deadLetterExpired: true });
  assert.deepEqual([ordered, maxAttempts, deadLetterExpired], [true, 0, true]);
  assert.equal((await create("set", { offset: 0, ordered: false })).ordered, false);
  const wrong = { log: "orders", channel: "wrong" };
  assert.equal(await client.refusalCode("channel.create", { ...wrong, offset: 5 }), "log.OFFSET_OUT_OF_RANGE");
  assert.equal(await client.refusalCode("channel.create", { ...wrong, offset: 1, timestamp: 1 }), "rpc.INVALID_PARAMS");
  const settings = { ...wrong, maxAttempts: 65_536 };
  assert.equal(await client.refusalCode("channel.create", settings), "broker.MAX_ATTEMPTS_INVALID");
  const { channels } = await client.ask("channel.list", { log: "orders" });
  assert.ok(!channels.some(({ channel }) => channel === "wrong"));
});

test("channel.peek shows what comes next and takes nothing", async () => {
  const client = await start();
  const channel = client.memory.broker.catalog.require("orders").channels.get("workers")!;
  const consumer = channel.addConsumer({ onRecord: () => undefined, onChannelClosed: () => undefined }, 1000, 1000);
  channel.setReady(consumer, 2);
  await client.memory.run();
  channel.setReady(consumer, 0);
  channel.requeue(consumer, 0, 1, 0);
  await client.memory.run();
  const peek = async (params: object) =>
    (await client.ask("channel.peek", { ...workers, ...params })).records.map(
      ({ partition, attempts, offset, value }) => [partition, attempts, offset, value],
    );
  assert.deepEqual(await peek({ encoding: "utf8" }), [
    [0, 1, 1, "b"],
    [0, 0, 2, "c"],
    [0, 0, 3, "d"],
  ]);
  assert.deepEqual(await peek({ maxRecords: 1 }), [[0, 1, 1, "Yg=="]]);
  assert.deepEqual([channel.depth, channel.inFlightCount], [3, 1]);
});

test("channel.peek leaves out what is not due, or has expired", async () => {
  const client = await start();
  const nowMs = client.memory.clock.nowMs();
  await client.ask("log.empty", { log: "orders" });
  await client.ask("produce", {
    log: "orders",
    encoding: "utf8",
    records: [
      { value: "later", notBefore: nowMs + 1000 },
      { value: "gone", expires: nowMs + 10 },
      { value: "now", expires: nowMs + 1000 },
    ],
  });
  await client.memory.advance(10);
  const { records } = await client.ask("channel.peek", { ...workers, encoding: "utf8" });
  assert.deepEqual(
    records.map(({ value }) => value),
    ["now"],
  );
});
