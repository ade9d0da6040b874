import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../testing/memory-client.ts";

test("log.create makes a log as asked", async () => {
  const client = await MemoryClient.start();
  const log = { log: "orders", partitions: 3, durability: "synced", segmentSizeMax: 65_536 };
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
