import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryServer } from "./testing/memory-server.ts";

const lasting = { sessionExpiryInterval: 100 };
const will = { topic: "wills", payload: Buffer.from("gone"), qos: 1, retain: false } as const;

async function start(delay: number | undefined, fields: object = lasting) {
  const server = await MemoryServer.start();
  const watcher = await server.connect5("w");
  await watcher.subscribe("wills", { qos: 1 });
  watcher.packets();
  const properties = delay === undefined ? {} : { willDelayInterval: delay };
  const client = await server.connect5("a", { properties: fields, will: { ...will, properties } });
  return { server, watcher, client };
}

test("MQTT-3.1.2-10 v5: a will waits for its delay", async () => {
  const { server, watcher, client } = await start(3);
  client.stream.disconnect();
  await server.advance(2_000);
  assert.deepEqual(watcher.payloads(), []);
  await server.advance(1_500);
  assert.deepEqual(watcher.payloads(), ["gone"]);
  await server.advance(10_000);
  assert.deepEqual(watcher.payloads(), []);
});

test("MQTT-3.1.3-9 v5: a client that comes back in time keeps its will from being published", async () => {
  const { server, watcher, client } = await start(10);
  client.stream.disconnect();
  await server.advance(5_000);
  await server.connect5("a", { cleanStart: false, properties: lasting });
  await server.advance(20_000);
  assert.deepEqual(watcher.payloads(), []);
});

test("MQTT-3.1.2-8 v5: the end of the session publishes a will whose delay is longer", async () => {
  const { server, watcher, client } = await start(1_000, { sessionExpiryInterval: 5 });
  client.stream.disconnect();
  await server.advance(4_000);
  assert.deepEqual(watcher.payloads(), []);
  await server.advance(2_000);
  assert.deepEqual(watcher.payloads(), ["gone"]);
});

test("MQTT-3.1.2-8 v5: without a lasting session the delay does not count", async () => {
  const { server, watcher, client } = await start(1_000, {});
  client.stream.disconnect();
  await server.run();
  assert.deepEqual(watcher.payloads(), ["gone"]);
});

test("MQTT-3.1.2-8 v5: Clean Start ends the old session and publishes its will", async () => {
  const { server, watcher, client } = await start(1_000);
  client.stream.disconnect();
  await server.connect5("a", { properties: lasting });
  await server.run();
  assert.deepEqual(watcher.payloads(), ["gone"]);
});

test("MQTT-3.1.2-8 v5: a take-over publishes a will without delay, and not one with", async () => {
  for (const [delay, expected] of [
    [undefined, ["gone"]],
    [10, []],
  ] as const) {
    const { server, watcher } = await start(delay);
    await server.connect5("a", { cleanStart: false, properties: lasting });
    await server.advance(20_000);
    assert.deepEqual(watcher.payloads(), expected);
  }
});

test("MQTT-3.14.4-3 v5: DISCONNECT decides by its reason code whether the will is published", async () => {
  for (const [reasonCode, expected] of [
    [0x00, []],
    [0x04, ["gone"]],
    [0x81, ["gone"]],
  ] as const) {
    const { server, watcher, client } = await start(undefined);
    await client.disconnect({ reasonCode });
    await server.run();
    assert.deepEqual(watcher.payloads(), expected);
  }
});

test("MQTT-3.1.3-10 v5: a will keeps its properties, and its expiry begins when it is published", async () => {
  const server = await MemoryServer.start();
  const watcher = await server.connect5("w");
  await watcher.subscribe("wills");
  watcher.packets();
  const userProperties = [
    ["b", "1"],
    ["a", "2"],
    ["b", "3"],
  ] as [string, string][];
  const properties = { willDelayInterval: 5, messageExpiryInterval: 60, responseTopic: "r", userProperties };
  const client = await server.connect5("a", { properties: lasting, will: { ...will, properties } });
  client.stream.disconnect();
  await server.advance(6_000);
  const [message] = watcher.messages();
  assert.deepEqual(message.properties, { messageExpiryInterval: 60, responseTopic: "r", userProperties });
});
