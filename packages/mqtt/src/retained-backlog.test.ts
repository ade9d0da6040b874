import assert from "node:assert/strict";
import { test } from "node:test";
import { Subscription } from "@polylog/broker";
import { RetainedBacklog } from "./retained-backlog.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const unspecial = { publishedMs: 0, expiresMs: 0, properties: Buffer.alloc(0) };

test("MQTT-3.3.1-8 v3: sends retained messages after the SUBACK with RETAIN 1", async () => {
  const server = await MemoryServer.start();
  await (await server.connect("p")).publish("a/b", "kept", { retain: true });
  const client = await server.connect("a");
  await client.subscribe("a/#", 1, 1);
  assert.deepEqual(client.packets(), [
    { type: "SUBACK", packetIdentifier: 1, returnCodes: [1] },
    { type: "PUBLISH", topic: "a/b", payload: "kept", qos: 0, retain: true, dup: false, packetIdentifier: 0 },
  ]);
});

test("MQTT-3.3.1-6 v3: sends them again for every SUBSCRIBE", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.publish("t", "kept", { retain: true });
  await client.subscribe("t");
  await client.subscribe("t");
  assert.deepEqual(client.payloads(), ["kept", "kept"]);
});

test("MQTT-3.8.4-6 v3: sends them at the lower of both QoS", async () => {
  const server = await MemoryServer.start();
  await (await server.connect("p")).publish("t", "kept", { retain: true, qos: 1 });
  const low = await server.connect("low");
  await low.subscribe("t", 0);
  assert.equal(low.messages()[0].qos, 0);
  const high = await server.connect("high");
  await high.subscribe("t", 2);
  const [message] = high.messages();
  assert.deepEqual([message.qos, message.packetIdentifier, message.retain], [1, 1, true]);
});

test("MQTT-3.3.1-10 v3: an empty payload clears the topic", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.publish("t", "kept", { retain: true });
  await client.publish("t", "", { retain: true });
  await client.subscribe("t");
  assert.deepEqual(client.messages(), []);
});

test("MQTT-3.3.1-12 v3: a message without RETAIN leaves the stored one", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.publish("t", "kept", { retain: true });
  await client.publish("t", "live");
  await client.subscribe("t");
  assert.deepEqual(client.payloads(), ["kept"]);
});

test("MQTT-3.1.2-7 v3: they outlive the session that published them", async () => {
  const server = await MemoryServer.start();
  const publisher = await server.connect("p");
  await publisher.publish("t", "kept", { retain: true });
  await publisher.disconnect();
  const client = await server.connect("a");
  await client.subscribe("t");
  assert.deepEqual(client.payloads(), ["kept"]);
});

async function startWithRetained(count: number, limits: { outputBytesMax?: number; backlogBytesMax?: number } = {}) {
  const server = await MemoryServer.start({ limits: { ...limits, inFlightMax: 8 } });
  const publisher = await server.connect("p");
  for (let i = 0; i < count; i++) await publisher.publish(`many/${i}`, "x".repeat(100), { retain: true, qos: 1 });
  await server.run();
  publisher.packets();
  return server;
}

test("sends many in batches and none twice", async () => {
  const server = await startWithRetained(2_000);
  const client = await server.connect("a");
  await client.subscribe("many/#");
  const topics = client.messages().map(({ topic }) => topic);
  assert.equal(topics.length, 2_000);
  assert.equal(new Set(topics).size, 2_000);
});

test("waits for a client that does not read", async () => {
  const server = await startWithRetained(1_000, { backlogBytesMax: 5_000 });
  const client = await server.connect("a");
  client.stream.stalled = true;
  await client.subscribe("many/#");
  assert.ok(client.stream.writableLength < 6_000);
  await client.publish("many/0", "live"); // A live message does not wait for them.
  client.stream.unstall();
  assert.equal(client.payloads().length, 1_001);
});

test("waits for PUBACKs at QoS 1", async () => {
  const server = await startWithRetained(100);
  const client = await server.connect("a");
  await client.subscribe("many/#", 1);
  let received = 0;
  for (let messages = client.messages(); messages.length > 0; messages = client.messages()) {
    assert.ok(messages.length <= 8);
    received += messages.length;
    for (const { packetIdentifier } of messages) await client.puback(packetIdentifier);
  }
  assert.equal(received, 100);
});

test("stops when the client unsubscribes", async () => {
  const server = await startWithRetained(1_000, { backlogBytesMax: 5_000 });
  const client = await server.connect("a");
  client.stream.stalled = true;
  await client.subscribe("many/#");
  await client.unsubscribe("many/#");
  client.stream.unstall();
  assert.ok(client.payloads().length < 60);
});

test("goes on when a kept session comes back", async () => {
  const server = await startWithRetained(1_000, { backlogBytesMax: 5_000 });
  const client = await server.connect("a", { cleanSession: false });
  client.stream.stalled = true;
  await client.subscribe("many/#");
  client.stream.disconnect();
  const again = server.open();
  await again.connect("a", { cleanSession: false });
  assert.ok(again.payloads().length > 900);
});

const subscription = new Subscription({ onPublication: () => undefined }, "#", { qos: 0 });

test("a search that takes several turns is not its end", () => {
  const backlog = new RetainedBacklog();
  const message = { topic: "t", payload: Buffer.from("x"), qos: 1 as const, ...unspecial };
  backlog.add("#", subscription, [undefined, message]);
  assert.deepEqual([backlog.peek(), backlog.isEmpty], [undefined, false]);
  assert.deepEqual([backlog.peek(), backlog.peek(), backlog.qos], [message, message, 0]);
  backlog.shift();
  assert.deepEqual([backlog.peek(), backlog.isEmpty], [undefined, true]);
});

test("subscribing again starts over", () => {
  const backlog = new RetainedBacklog();
  const message = (topic: string) => ({ topic, payload: Buffer.from("x"), qos: 0 as const, ...unspecial });
  backlog.add("#", subscription, [message("a"), message("b")]);
  assert.equal(backlog.peek()?.topic, "a");
  backlog.add("#", subscription, [message("c")]);
  assert.equal(backlog.peek()?.topic, "c");
});
