import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectPacket } from "@polylog/mqtt-wire";
import { connectBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

function willOf(fields: Partial<NonNullable<ConnectPacket["will"]>> = {}) {
  return { topic: "will", payload: Buffer.from("gone"), qos: 0 as const, retain: false, ...fields };
}

async function startWithWatcher() {
  const server = await MemoryServer.start();
  const watcher = await server.connect("watcher");
  await watcher.subscribe("will", 1);
  watcher.packets();
  return { server, watcher };
}

test("MQTT-3.1.2-8 v3: publishes the will when the network fails", async () => {
  const { server, watcher } = await startWithWatcher();
  await (await server.connect("a", { will: willOf() })).stream.disconnect(new Error("reset"));
  assert.deepEqual(watcher.payloads(), ["gone"]);
  assert.equal(server.metric("polylog_mqtt_wills_published_total"), 1);
});

test("MQTT-3.1.2-8 v3: publishes the will on a protocol error", async () => {
  const { server, watcher } = await startWithWatcher();
  await (await server.connect("a", { will: willOf() })).send(connectBytes("a"));
  assert.deepEqual(watcher.payloads(), ["gone"]);
});

test("MQTT-3.1.2-8 v3: publishes the will of a silent client", async () => {
  const { server, watcher } = await startWithWatcher();
  await server.connect("a", { will: willOf(), keepAliveSeconds: 10 });
  server.clock.advance(20_000);
  assert.deepEqual(watcher.payloads(), ["gone"]);
});

test("MQTT-3.1.2-8 v3: publishes the will of a taken-over connection", async () => {
  const { server, watcher } = await startWithWatcher();
  await server.connect("a", { will: willOf() });
  await server.connect("a");
  assert.deepEqual(watcher.payloads(), ["gone"]);
});

test("MQTT-3.1.2-10 v3: publishes no will after DISCONNECT", async () => {
  const { server, watcher } = await startWithWatcher();
  await (await server.connect("a", { will: willOf() })).disconnect();
  assert.deepEqual(watcher.payloads(), []);
});

test("MQTT-3.1.2-16 v3: publishes a will without RETAIN as not retained", async () => {
  const { server } = await startWithWatcher();
  await (await server.connect("a", { will: willOf() })).stream.disconnect();
  assert.equal(server.broker.retained.size, 0);
});

test("MQTT-3.1.2-17 v3: publishes a will with RETAIN as retained", async () => {
  const { server } = await startWithWatcher();
  await (await server.connect("a", { will: willOf({ retain: true }) })).stream.disconnect();
  const late = await server.connect("late");
  await late.subscribe("will");
  assert.deepEqual(
    late.messages().map(({ payload, retain }) => [payload, retain]),
    [["gone", true]],
  );
});

test("delivers a will of QoS 2 at the QoS granted", async () => {
  const { server, watcher } = await startWithWatcher();
  await (await server.connect("a", { will: willOf({ qos: 2 }) })).stream.disconnect();
  assert.deepEqual(
    watcher.messages().map(({ qos }) => qos),
    [1],
  );
});

test("appends a will that a log captures", async () => {
  const server = await MemoryServer.start({ captures: [{ log: "wills", filter: "will" }] });
  await (await server.connect("a", { will: willOf() })).stream.disconnect();
  assert.equal(server.broker.catalog.require("wills").partitions[0].nextOffset, 1);
});

test("ignores a will below $SYS", async () => {
  const { server } = await startWithWatcher();
  await (await server.connect("a", { will: willOf({ topic: "$SYS/x" }) })).stream.disconnect();
  assert.equal(server.metric("polylog_mqtt_wills_published_total"), 0);
});

test("keeps the will's payload when the chunk is gone", async () => {
  const { server, watcher } = await startWithWatcher();
  const client = server.open();
  const chunk = connectBytes("a", { will: willOf() });
  client.stream.emit("data", chunk);
  chunk.fill(0);
  client.stream.disconnect();
  assert.deepEqual(watcher.payloads(), ["gone"]);
});
