import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePuback } from "@polylog/mqtt-wire";
import { bytesOf, publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const persistent = { cleanSession: false };
const queueDropped = (which: string) => `polylog_mqtt_queue_dropped_total{which="${which}"}`;
const dropped = (reason: string) => `polylog_mqtt_messages_dropped_total{reason="${reason}"}`;

test("MQTT-2.3.1-4 v3: gives every message in flight its own identifier", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.subscribe("t", 1);
  for (let i = 0; i < 100; i++) await client.publish("t", "x", { qos: 1 });
  const identifiers = client.messages().map(({ packetIdentifier }) => packetIdentifier);
  assert.equal(identifiers.length, 100);
  assert.equal(new Set(identifiers).size, 100);
  assert.ok(!identifiers.includes(0));
});

test("an unanswered message holds up the one that would have its identifier", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.subscribe("t", 1);
  const publisher = await server.connect("p");
  await publisher.publish("t", "kept", { qos: 1 });
  const [kept] = client.messages();
  for (let i = 0; i < 65_534; i++) {
    publisher.stream.send(publishBytes("t", "x", { qos: 1 }));
    client.stream.send(Buffer.from([0x40, 2, ((i % 65_534) + 2) >> 8, ((i % 65_534) + 2) & 255]));
  }
  client.packets();
  await publisher.publish("t", "next", { qos: 1 });
  assert.equal(kept.packetIdentifier, 1);
  assert.deepEqual(client.messages(), []);
  await client.puback(1);
  assert.equal(client.messages()[0].packetIdentifier, 1);
});

test("sends no more than the window takes", async () => {
  const server = await MemoryServer.start({ limits: { inFlightMax: 3 } });
  const client = await server.connect("a");
  await client.subscribe("t", 1);
  const publisher = await server.connect("p");
  for (let i = 0; i < 8; i++) await publisher.publish("t", String(i), { qos: 1 });
  const first = client.messages();
  assert.deepEqual(
    first.map(({ payload }) => payload),
    ["0", "1", "2"],
  );
  await client.puback(first[1].packetIdentifier);
  await client.puback(first[0].packetIdentifier);
  assert.deepEqual(client.payloads(), ["3", "4"]);
});

test("MQTT-4.6.0-6 v3: a message of QoS 1 overtakes none that waits", async () => {
  const server = await MemoryServer.start({ limits: { inFlightMax: 2 } });
  const client = await server.connect("a");
  await client.subscribe("t", 1);
  const publisher = await server.connect("p");
  const received: string[] = [];
  for (let i = 0; i < 50; i++) {
    await publisher.publish("t", String(i), { qos: 1 });
    if (i % 3 !== 0) continue;
    for (const message of client.messages()) {
      received.push(message.payload);
      await client.puback(message.packetIdentifier);
    }
  }
  for (let messages = client.messages(); messages.length > 0; messages = client.messages())
    for (const message of messages) {
      received.push(message.payload);
      await client.puback(message.packetIdentifier);
    }
  assert.deepEqual(
    received,
    Array.from({ length: 50 }, (_, i) => String(i)),
  );
});

test("MQTT-4.6.0-6 v3: room in the window is for those that wait", async () => {
  const server = await MemoryServer.start({ limits: { inFlightMax: 1 } });
  const client = await server.connect("a");
  await client.subscribe("t", 1);
  const publisher = await server.connect("p");
  for (const payload of ["0", "1"]) await publisher.publish("t", payload, { qos: 1 });
  const [first] = client.messages();
  client.stream.send(bytesOf(encodePuback, first));
  publisher.stream.send(publishBytes("t", "2", { qos: 1 })); // In the same turn.
  assert.deepEqual(client.payloads(), ["1"]);
});

test("ignores a PUBACK for nothing in flight", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.puback(7);
  assert.equal(client.closed, false);
});

test("MQTT-2.3.1-1 v3: closes on a PUBACK with identifier 0", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.send(Buffer.from("40020000", "hex"));
  assert.equal(client.closed, true);
});

test("MQTT-3.1.2-5 v3: keeps QoS 1 for a client that is away", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", persistent);
  await client.subscribe("t", 1);
  await client.disconnect();
  const publisher = await server.connect("p");
  const chunk = Buffer.concat([publishBytes("t", "one", { qos: 1 }), publishBytes("t", "two", { qos: 1 })]);
  publisher.stream.emit("data", chunk);
  chunk.fill(0); // Kept messages are copies.
  await publisher.publish("t", "three", { qos: 0 });
  const again = server.open();
  await again.connect("a", persistent);
  assert.deepEqual(again.payloads(), ["one", "two"]);
  assert.equal(server.metric(dropped("offline")), 1);
});

test("sends what waited right after CONNACK", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", persistent);
  await client.subscribe("t", 1);
  await client.disconnect();
  const publisher = await server.connect("p");
  for (let i = 0; i < 1000; i++) await publisher.publish("t", String(i), { qos: 1 });
  const again = server.open();
  await again.connect("a", persistent);
  const received: string[] = [];
  for (let packets = again.packets(); packets.length > 0; packets = again.packets())
    for (const packet of packets) {
      if (packet.type !== "PUBLISH") continue;
      received.push(packet.payload);
      await again.puback(packet.packetIdentifier);
    }
  assert.deepEqual(
    received,
    Array.from({ length: 1000 }, (_, i) => String(i)),
  );
  assert.equal(server.metric("polylog_mqtt_kept_bytes"), 0);
});

test("MQTT-4.4.0-1 v3: repeats what was in flight with DUP", async () => {
  const server = await MemoryServer.start({ limits: { inFlightMax: 4 } });
  const client = await server.connect("a", persistent);
  await client.subscribe("t", 1);
  const publisher = await server.connect("p");
  for (let i = 0; i < 6; i++) await publisher.publish("t", String(i), { qos: 1 });
  const sent = client.messages();
  await client.puback(sent[1].packetIdentifier);
  client.messages();
  client.stream.disconnect();
  await publisher.publish("t", "6", { qos: 1 });

  const again = server.open();
  await again.connect("a", persistent);
  await publisher.publish("t", "7", { qos: 1 });
  const repeated = again.messages();
  assert.deepEqual(
    repeated.map(({ payload, dup }) => [payload, dup]),
    [
      ["0", true],
      ["2", true],
      ["3", true],
      ["4", true],
    ],
  );
  assert.equal(repeated[0].packetIdentifier, sent[0].packetIdentifier);
  for (const { packetIdentifier } of repeated) await again.puback(packetIdentifier);
  assert.deepEqual(
    again.messages().map(({ payload, dup }) => [payload, dup]),
    [
      ["5", false],
      ["6", false],
      ["7", false],
    ],
  );
});

test("drops the oldest when the queue is full", async () => {
  const server = await MemoryServer.start({ limits: { queuedMessagesMax: 3 } });
  const client = await server.connect("a", persistent);
  await client.subscribe("t", 1);
  await client.disconnect();
  const publisher = await server.connect("p");
  for (let i = 0; i < 10; i++) await publisher.publish("t", String(i), { qos: 1 });
  assert.equal(server.metric(queueDropped("oldest")), 7);
  const again = server.open();
  await again.connect("a", persistent);
  assert.deepEqual(again.payloads(), ["7", "8", "9"]);
});

test("bounds the queue by bytes", async () => {
  const limits = { queuedBytesMax: 10_000, packetSizeMax: 10_000 };
  const server = await MemoryServer.start({ limits });
  const client = await server.connect("a", persistent);
  await client.subscribe("t", 1);
  await client.disconnect();
  const publisher = await server.connect("p");
  for (let i = 0; i < 20; i++) await publisher.publish("t", "x".repeat(1_000), { qos: 1 });
  assert.equal(server.metric(queueDropped("oldest")), 11);
});

test("bounds what is kept in memory for all sessions", async () => {
  const server = await MemoryServer.start({ limits: { queuedBytesTotalMax: 5_000, inFlightMax: 1 } });
  for (const clientId of ["a", "b", "c"]) await (await server.connect(clientId)).subscribe("t", 1);
  const publisher = await server.connect("p");
  for (let i = 0; i < 20; i++) await publisher.publish("t", "x".repeat(500), { qos: 1 });
  assert.ok(server.metric("polylog_mqtt_kept_bytes") <= 5_000);
  assert.ok(server.metric(dropped("queue_full")) > 0);
});

test("a slow subscriber costs only itself", async () => {
  const limits = { outputBytesMax: 10_000, backlogBytesMax: 1_000 };
  const server = await MemoryServer.start({ limits });
  const slow = await server.connect("slow");
  await slow.subscribe("t", 0);
  const slowToo = await server.connect("slow too");
  await slowToo.subscribe("t", 1);
  const fast = await server.connect("fast");
  await fast.subscribe("t", 0);
  for (const client of [slow, slowToo, fast]) client.packets();
  slow.stream.stalled = true;
  slowToo.stream.stalled = true;
  const publisher = await server.connect("p");
  const payload = "x".repeat(1_000);
  for (let i = 0; i < 100; i++) await publisher.publish("t", payload, { qos: 1 });
  assert.equal(fast.payloads().length, 100);
  assert.ok(slow.stream.writableLength < 12_000);
  assert.ok(slowToo.stream.writableLength < 12_000);
  assert.equal(server.metric(dropped("slow")), 90);

  slow.stream.unstall();
  assert.equal(slow.payloads().length, 10);
  slowToo.stream.unstall();
  assert.equal(slowToo.payloads().length, 100);
  assert.equal(server.metric(dropped("queue_full")), 0);
});

test("does not read a client that does not read its answers", async () => {
  const limits = { outputBytesMax: 1_000, backlogBytesMax: 1_000, packetSizeMax: 100_000 };
  const server = await MemoryServer.start({ limits });
  const client = await server.connect("a");
  client.stream.stalled = true;
  const pings = Buffer.alloc(20_000).fill(Buffer.from([0xc0, 0]));
  for (let i = 0; i < 20; i++) await client.send(pings);
  assert.equal(client.stream.paused, true);
  assert.ok(client.stream.writableLength < 200_000);
  client.stream.unstall();
  assert.equal(client.packets().length, (20 * pings.length) / 2);
  assert.equal(client.stream.paused, false);
});

test("MQTT-3.3.5-1 v3: overlapping filters yield one message at the higher QoS", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.subscribe("a/+", 0);
  await client.subscribe("#", 1);
  await client.subscribe("a/b", 0);
  client.packets();
  await (await server.connect("p")).publish("a/b", "x", { qos: 1 });
  assert.deepEqual(
    client.messages().map(({ payload, qos }) => [payload, qos]),
    [["x", 1]],
  );
});

test("delivers what another protocol appended to a log", async () => {
  const server = await MemoryServer.start();
  const log = server.broker.catalog.create("orders");
  const [zero, one] = [await server.connect("zero"), await server.connect("one")];
  await zero.subscribe("orders", 0);
  await one.subscribe("orders", 1);
  const value = Buffer.from("xvalue");
  server.broker.produce(log, value, 1, value.length, { onDurable: () => undefined }, 0);
  assert.deepEqual(
    [...zero.messages(), ...one.messages()].map(({ topic, payload, qos }) => [topic, payload, qos]),
    [
      ["orders", "value", 0],
      ["orders", "value", 1],
    ],
  );
});
