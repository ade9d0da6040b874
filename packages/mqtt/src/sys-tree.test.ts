import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryServer } from "./testing/memory-server.ts";

test("tells who subscribes what the server says of itself", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  await client.subscribe("$SYS/broker/clients/+", { qos: 1 });
  const seen = Object.fromEntries(client.messages().map(({ topic, text }) => [topic, text]));
  assert.equal(seen["$SYS/broker/clients/connected"], "1");
  assert.equal(seen["$SYS/broker/clients/maximum"], "1");
});

test("publishes what has changed, every ten seconds", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  await client.subscribe("$SYS/broker/clients/connected", { retainHandling: 2 });
  client.packets();
  await server.advance(10_000);
  assert.deepEqual(client.payloads(), ["1"]);
  await server.advance(10_000);
  assert.deepEqual(client.payloads(), []);
  await server.connect5("b");
  await server.advance(10_000);
  assert.deepEqual(client.payloads(), ["2"]);
});

test("MQTT-4.7.2-1 v5: # does not find it", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  await client.subscribe("#");
  client.packets();
  await server.advance(20_000);
  assert.deepEqual(client.messages(), []);
});

test("ends a client that reads nothing for too long with 0x97", async () => {
  const limits = { outputBytesMax: 1_000, backlogBytesMax: 1_000, slowClientMs: 5_000 };
  const server = await MemoryServer.start({ limits });
  const slow = await server.connect5("slow");
  await slow.subscribe("t");
  slow.packets();
  slow.stream.stalled = true;
  const publisher = await server.connect5("p");
  for (let i = 0; i < 20; i++) await publisher.publish("t", "x".repeat(100), { qos: 1 });
  await server.advance(4_000);
  assert.equal(slow.closed, false);
  await server.advance(3_000);
  slow.stream.unstall();
  assert.equal(slow.names().at(-1), "DISCONNECT 97");
  assert.ok(server.metric('polylog_mqtt_messages_dropped_total{reason="slow"}') > 0);
  assert.equal(server.metric("polylog_mqtt_slow_clients_total"), 1);
  assert.equal(publisher.closed, false);
});
