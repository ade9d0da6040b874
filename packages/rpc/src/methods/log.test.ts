import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../testing/memory-client.ts";

test("log.create makes a log as asked", async () => {
  const client = await MemoryClient.start();
  const log = { log: "orders", partitions: 3, durability: "synced", segmentSizeMax: 65_536, compression: "lz4" };
  assert.deepEqual(await client.ask("log.create", log), { ...log, ephemeral: false });
  assert.equal(client.memory.broker.catalog.require("orders").partitions.length, 3);
});

test("log.create has defaults", async () => {
  const client = await MemoryClient.start();
  const log = await client.ask("log.create", { log: "orders" });
  assert.deepEqual([log.partitions, log.durability], [1, "written"]);
});

test("log.create refuses what cannot be", async () => {
  const client = await MemoryClient.start();
  await client.ask("log.create", { log: "orders" });
  assert.equal(await client.refusalCode("log.create", { log: "orders" }), "broker.LOG_EXISTS");
  assert.equal(await client.refusalCode("log.create", { log: "a b" }), "broker.INVALID_NAME");
  assert.equal(await client.refusalCode("log.create", { log: "x".repeat(100_000) }), "broker.INVALID_NAME");
  assert.equal(await client.refusalCode("log.create", { log: "b", partitions: 0 }), "rpc.INVALID_PARAMS");
  assert.equal(await client.refusalCode("log.create", { log: "b", partitions: 1e9 }), "log.LOG_CONFIG_INVALID");
  assert.equal(await client.refusalCode("log.create", { log: "b", segmentSizeMax: 1 }), "log.LOG_CONFIG_INVALID");
  assert.equal(await client.refusalCode("log.create", { log: "b", compression: "zstd" }), "rpc.INVALID_PARAMS");
  assert.equal(await client.refusalCode("log.create", {}), "rpc.INVALID_PARAMS");
});

test("log.list lists in order of creation", async () => {
  const client = await MemoryClient.start();
  for (const log of ["b", "a", "c#ephemeral"]) await client.ask("log.create", { log });
  const { logs } = await client.ask("log.list", {});
  assert.deepEqual(
    logs.map((each) => [each.log, each.ephemeral]),
    [
      ["b", false],
      ["a", false],
      ["c#ephemeral", true],
    ],
  );
});

test("every method asks whether it is allowed", async () => {
  const asked: string[] = [];
  const access = {
    allows: (_principal: unknown, action: string, resource: string) => {
      asked.push(`${action} ${resource}`);
      return action === "manage";
    },
  };
  const client = await MemoryClient.start({ access });
  await client.ask("log.create", { log: "orders" });
  assert.deepEqual(await client.ask("log.list", {}), { logs: [] });
  const refused = await client.refusal("produce", { log: "orders", records: [{ value: "" }] });
  assert.equal(refused.code, -32001);
  for (const method of ["consume", "subscribe"])
    assert.equal(await client.refusalCode(method, { log: "orders", from: "latest" }), "broker.NOT_AUTHORIZED");
  assert.deepEqual(asked, ["manage orders", "consume orders", "produce orders", "consume orders", "consume orders"]);
});

test("log.describe tells of partitions, channels and captures", async () => {
  const client = await MemoryClient.start();
  await client.ask("log.create", { log: "orders" });
  await client.ask("produce", { log: "orders", records: [{ value: "" }] });
  const described = await client.ask("log.describe", { log: "orders" });
  assert.deepEqual(described.watermarks, [{ partition: 0, low: 0, high: 1, status: "open" }]);
  assert.deepEqual(
    [described.depth, described.paused, described.captures, described.channels],
    [1, false, ["orders"], []],
  );
});

test("log.delete removes the log", async () => {
  const client = await MemoryClient.start();
  await client.ask("log.create", { log: "orders" });
  await client.ask("log.delete", { log: "orders" });
  for (const method of ["log.delete", "log.empty", "log.describe", "channel.list"])
    assert.equal(await client.refusalCode(method, { log: "orders" }), "broker.LOG_NOT_FOUND");
});

test("log.alter changes what it is given, for good", async () => {
  const client = await MemoryClient.start();
  await client.ask("log.create", {
    log: "orders",
    partitions: 2,
    retentionBytes: 1_000_000,
    retentionUnfinished: "drop",
  });
  const altered = await client.ask("log.alter", { log: "orders", retentionMs: 5000, durability: "synced" });
  const { config } = altered;
  assert.deepEqual([config.partitions, config.retentionMs, config.durability], [2, 5000, "synced"]);
  assert.deepEqual([config.retentionBytes, config.retentionUnfinished], [1_000_000, "drop"]);
  assert.deepEqual((await client.ask("log.describe", { log: "orders" })).config, config);
  const restarted = await client.memory.restart();
  assert.deepEqual(restarted.broker.catalog.require("orders").log.config, config);
});

test("log.alter adds partitions and says what that does to the order of keys", async () => {
  const client = await MemoryClient.start();
  await client.ask("log.create", { log: "orders" });
  const altered = await client.ask("log.alter", { log: "orders", partitions: 2 });
  assert.match(String(altered.warning), /order/);
  await client.ask("produce", { log: "orders", partition: 1, records: [{ value: "" }] });
  const again = await client.ask("log.alter", { log: "orders", partitions: 2 });
  assert.equal(again.warning, undefined);
  assert.equal(await client.refusalCode("log.alter", { log: "orders", partitions: 1 }), "log.LOG_CONFIG_INVALID");
});

test("log.alter refuses what cannot be", async () => {
  const client = await MemoryClient.start();
  await client.ask("log.create", { log: "orders" });
  assert.equal(await client.refusalCode("log.alter", { log: "none" }), "broker.LOG_NOT_FOUND");
  assert.equal(await client.refusalCode("log.alter", { log: "orders", partitions: 0 }), "rpc.INVALID_PARAMS");
  assert.equal(await client.refusalCode("log.alter", { log: "orders", retentionMs: -1 }), "rpc.INVALID_PARAMS");
  assert.equal(await client.refusalCode("log.alter", { log: "orders", ephemeralBytes: 1 }), "log.LOG_CONFIG_INVALID");
});

test("log.empty removes the records, and offsets go on", async () => {
  const client = await MemoryClient.start();
  await client.ask("log.create", { log: "orders" });
  await client.ask("channel.create", { log: "orders", channel: "workers" });
  const records = Array.from({ length: 5 }, () => ({ value: "" }));
  await client.ask("produce", { log: "orders", records });
  assert.deepEqual(await client.ask("log.empty", { log: "orders" }), {});
  const { watermarks } = await client.ask("log.describe", { log: "orders" });
  assert.deepEqual(watermarks, [{ partition: 0, low: 5, high: 5, status: "open" }]);
  const { channels } = await client.ask("channel.list", { log: "orders" });
  assert.equal(channels[0].depth, 0);
  assert.equal(await client.refusalCode("consume", { log: "orders", offset: 0 }), "log.OFFSET_OUT_OF_RANGE");
  assert.equal((await client.ask("produce", { log: "orders", records: [{ value: "" }] })).baseOffset, 5);
  assert.equal((await client.ask("consume", { log: "orders", from: "earliest" })).records[0].offset, 5);
});
