import assert from "node:assert/strict";
import { test } from "node:test";
import { RetainedBacklog } from "./retained-backlog.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const unspecial = { publishedMs: 0, expiresMs: 0, properties: Buffer.alloc(0) };

test("MQTT-3.3.1-8: sends retained messages after the SUBACK with RETAIN 1", async () => {
  const server = await MemoryServer.start();
  server.connect("p").publish("a/b", "kept", { retain: true });
  const client = server.connect("a");
  client.subscribe("a/#", 1, 1);
  assert.deepEqual(client.packets(), [
    { type: "SUBACK", packetIdentifier: 1, returnCodes: [1] },
    { type: "PUBLISH", topic: "a/b", payload: "kept", qos: 0, retain: true, dup: false, packetIdentifier: 0 },
  ]);
});

test("MQTT-3.3.1-6: sends them again for every SUBSCRIBE", async () => {
  const server = await MemoryServer.start();
  const client = server.connect("a");
  client.publish("t", "kept", { retain: true });
  client.subscribe("t");
  client.subscribe("t");
  assert.deepEqual(client.payloads(), ["kept", "kept"]);
});

test("MQTT-3.8.4-6: sends them at the lower of both QoS", async () => {
  const server = await MemoryServer.start();
  server.connect("p").publish("t", "kept", { retain: true, qos: 1 });
  const low = server.connect("low");
  low.subscribe("t", 0);
  assert.equal(low.messages()[0].qos, 0);
  const high = server.connect("high");
  high.subscribe("t", 2);
  const [message] = high.messages();
  assert.deepEqual([message.qos, message.packetIdentifier, message.retain], [1, 1, true]);
});

test("MQTT-3.3.1-10: an empty payload clears the topic", async () => {
  const server = await MemoryServer.start();
  const client = server.connect("a");
  client.publish("t", "kept", { retain: true });
  client.publish("t", "", { retain: true });
  client.subscribe("t");
  assert.deepEqual(client.messages(), []);
});

test("MQTT-3.3.1-12: a message without RETAIN leaves the stored one", async () => {
  const server = await MemoryServer.start();
  const client = server.connect("a");
  client.publish("t", "kept", { retain: true });
  client.publish("t", "live");
  client.subscribe("t");
  assert.deepEqual(client.payloads(), ["kept"]);
});

test("MQTT-3.1.2-7: they outlive the session that published them", async () => {
  const server = await MemoryServer.start();
  const publisher = server.connect("p");
  publisher.publish("t", "kept", { retain: true });
  publisher.disconnect();
  const client = server.connect("a");
  client.subscribe("t");
  assert.deepEqual(client.payloads(), ["kept"]);
});

async function startWithRetained(count: number, limits: { outputBytesMax?: number; backlogBytesMax?: number } = {}) {
  const server = await MemoryServer.start({ limits: { ...limits, inFlightMax: 8 } });
  const publisher = server.connect("p");
  for (let i = 0; i < count; i++) publisher.publish(`many/${i}`, "x".repeat(100), { retain: true, qos: 1 });
  await server.run();
  publisher.packets();
  return server;
}

test("sends many in batches and none twice", async () => {
  const server = await startWithRetained(2_000);
  const client = server.connect("a");
  client.subscribe("many/#");
  const topics = client.messages().map(({ topic }) => topic);
  assert.equal(topics.length, 2_000);
  assert.equal(new Set(topics).size, 2_000);
});

test("waits for a client that does not read", async () => {
  const server = await startWithRetained(1_000, { backlogBytesMax: 5_000 });
  const client = server.connect("a");
  client.stream.stalled = true;
  client.subscribe("many/#");
  assert.ok(client.stream.writableLength < 6_000);
  client.publish("many/0", "live"); // A live message does not wait for them.
  client.stream.unstall();
  assert.equal(client.payloads().length, 1_001);
});

test("waits for PUBACKs at QoS 1", async () => {
  const server = await startWithRetained(100);
  const client = server.connect("a");
  client.subscribe("many/#", 1);
  let received = 0;
  for (let messages = client.messages(); messages.length > 0; messages = client.messages()) {
    assert.ok(messages.length <= 8);
    received += messages.length;
    for (const { packetIdentifier } of messages) client.puback(packetIdentifier);
  }
  assert.equal(received, 100);
});

test("stops when the client unsubscribes", async () => {
  const server = await startWithRetained(1_000, { backlogBytesMax: 5_000 });
  const client = server.connect("a");
  client.stream.stalled = true;
  client.subscribe("many/#");
  client.unsubscribe("many/#");
  client.stream.unstall();
  assert.ok(client.payloads().length < 60);
});

test("goes on when a kept session comes back", async () => {
  const server = await startWithRetained(1_000, { backlogBytesMax: 5_000 });
  const client = server.connect("a", { cleanSession: false });
  client.stream.stalled = true;
  client.subscribe("many/#");
  client.stream.disconnect();
  const again = server.open();
  again.connect("a", { cleanSession: false });
  assert.ok(again.payloads().length > 900);
});

test("a search that takes several turns is not its end", () => {
  const backlog = new RetainedBacklog();
  const message = { topic: "t", payload: Buffer.from("x"), qos: 1 as const, ...unspecial };
  backlog.add("#", 0, [undefined, message]);
  assert.deepEqual([backlog.peek(), backlog.isEmpty], [undefined, false]);
  assert.deepEqual([backlog.peek(), backlog.peek(), backlog.qos], [message, message, 0]);
  backlog.shift();
  assert.deepEqual([backlog.peek(), backlog.isEmpty], [undefined, true]);
});

test("subscribing again starts over", () => {
  const backlog = new RetainedBacklog();
  const message = (topic: string) => ({ topic, payload: Buffer.from("x"), qos: 0 as const, ...unspecial });
  backlog.add("#", 0, [message("a"), message("b")]);
  assert.equal(backlog.peek()?.topic, "a");
  backlog.add("#", 0, [message("c")]);
  assert.equal(backlog.peek()?.topic, "c");
});
