import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryServer, type MemoryServerOptions } from "./testing/memory-server.ts";

async function startPair(options: MemoryServerOptions = {}, filter = "t", qos: 0 | 1 | 2 = 2) {
  const server = await MemoryServer.start(options);
  const subscriber = await server.connect5("s");
  await subscriber.subscribe(filter, { qos });
  subscriber.packets();
  return { server, subscriber, publisher: await server.connect5("p") };
}

const everything = {
  payloadFormatIndicator: 1 as const,
  contentType: "text/plain",
  responseTopic: "answers",
  correlationData: Buffer.from("1"),
  userProperties: [
    ["b", "1"],
    ["a", "2"],
    ["b", "3"],
  ] as [string, string][],
};

for (const qos of [0, 1, 2] as const) {
  test(`MQTT-3.3.2-4 v5, MQTT-3.3.2-15 v5, MQTT-3.3.2-16 v5, MQTT-3.3.2-17 v5, MQTT-3.3.2-18 v5, MQTT-3.3.2-20 v5: hands properties on at QoS ${qos}`, async () => {
    const { subscriber, publisher } = await startPair();
    await publisher.publish("t", "x", { qos, properties: { ...everything, topicAlias: 3, messageExpiryInterval: 60 } });
    const [{ properties, topic, text }] = subscriber.messages();
    assert.deepEqual([topic, text], ["t", "x"]);
    assert.deepEqual(properties, { messageExpiryInterval: 60, ...everything });
  });
}

test("forwards to clients of other versions what they can take", async () => {
  const { server, subscriber, publisher } = await startPair();
  const old = await server.connect("old");
  await old.subscribe("t", 1);
  old.packets();
  await publisher.publish("t", "five", { qos: 1, properties: everything });
  const oldPublisher = await server.connect("op");
  await oldPublisher.publish("t", "three", { qos: 1 });
  assert.deepEqual(old.payloads(), ["five", "three"]);
  const messages = subscriber.messages();
  assert.deepEqual(
    messages.map(({ text, properties }) => [text, Object.keys(properties).length]),
    [
      ["five", 5],
      ["three", 0],
    ],
  );
});

test("MQTT-3.3.4-1 v5, MQTT-4.3.2-4 v5: says when nobody is subscribed", async () => {
  const publisher = await (await MemoryServer.start()).connect5("p");
  await publisher.publish("nobody", "x", { qos: 1 });
  await publisher.publish("nobody", "x", { qos: 2 });
  assert.deepEqual(publisher.names(), ["PUBACK 10", "PUBREC 10"]);
});

test("MQTT-4.3.3-8 v5, MQTT-4.3.3-10 v5, MQTT-4.3.3-11 v5, MQTT-4.3.3-12 v5: takes a message of QoS 2 over once", async () => {
  const { subscriber, publisher } = await startPair();
  const [first, second] = [
    { qos: 2, packetIdentifier: 9 },
    { qos: 2, packetIdentifier: 9, dup: true },
  ] as const;
  await publisher.publish("t", "1", first);
  await publisher.publish("t", "1", second);
  await publisher.ack("PUBREL", 9);
  await publisher.ack("PUBREL", 9);
  await publisher.publish("t", "2", first);
  assert.deepEqual(publisher.names(), ["PUBREC", "PUBREC", "PUBCOMP", "PUBCOMP 92", "PUBREC"]);
  assert.deepEqual(subscriber.payloads(), ["1", "2"]);
});

test("MQTT-4.3.3-1 v5, MQTT-4.3.3-3 v5, MQTT-4.3.3-4 v5: sends a message of QoS 2 in four steps", async () => {
  const { subscriber, publisher } = await startPair();
  await publisher.publish("t", "x", { qos: 2 });
  const [{ packetIdentifier, dup, qos }] = subscriber.messages();
  assert.deepEqual([dup, qos], [false, 2]);
  await subscriber.ack("PUBREC", packetIdentifier);
  assert.deepEqual(subscriber.names(), ["PUBREL"]);
  await subscriber.ack("PUBCOMP", packetIdentifier);
  assert.deepEqual(subscriber.names(), []);
});

test("MQTT-4.4.0-2 v5: a refusing PUBREC ends the message", async () => {
  const { server, subscriber, publisher } = await startPair({ limits: { inFlightMax: 1 } });
  for (const text of ["1", "2"]) await publisher.publish("t", text, { qos: 2 });
  const [{ packetIdentifier }] = subscriber.messages();
  await subscriber.ack("PUBREC", packetIdentifier, 0x80);
  assert.deepEqual(subscriber.payloads(), ["2"]);
  await subscriber.ack("PUBREC", 4711);
  assert.deepEqual(subscriber.names(), ["PUBREL 92"]);
  assert.equal([...server.server.clients()][0].inFlightCount, 1);
});

test("MQTT-3.3.4-9 v5, MQTT-3.3.4-10 v5, MQTT-4.9.0-2 v5: keeps to the client's Receive Maximum", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect5("s", { properties: { receiveMaximum: 2 } });
  await subscriber.subscribe("t", { qos: 2 });
  const publisher = await server.connect5("p");
  for (const text of ["1", "2", "3", "4"]) await publisher.publish("t", text, { qos: 1 });
  await publisher.publish("t", "free", { qos: 0 });
  const messages = subscriber.messages();
  assert.deepEqual(
    messages.map(({ text }) => text),
    ["1", "2", "free"],
  );
  await subscriber.ack("PUBACK", messages[0].packetIdentifier);
  assert.deepEqual(subscriber.payloads(), ["3"]);
});

test("MQTT-3.3.4-7 v5: ends who exceeds the server's Receive Maximum", async () => {
  const { publisher } = await startPair({ limits: { unacknowledgedMax: 2 } });
  for (let i = 0; i < 3; i++) await publisher.publish("t", "x", { qos: 2 });
  assert.deepEqual([publisher.names(), publisher.closed], [["PUBREC", "PUBREC", "DISCONNECT 93"], true]);
});

test("MQTT-4.9.0-1 v5: a finished message makes room", async () => {
  const { publisher } = await startPair({ limits: { unacknowledgedMax: 2 } });
  for (let i = 0; i < 5; i++) {
    const identifier = await publisher.publish("t", "x", { qos: 2 });
    await publisher.ack("PUBREL", identifier);
  }
  assert.equal(publisher.closed, false);
});

test("MQTT-3.3.2-7 v5, MQTT-3.3.2-12 v5: knows a topic by its alias", async () => {
  const { subscriber, publisher } = await startPair({}, "#");
  await publisher.publish("one", "1", { properties: { topicAlias: 1 } });
  await publisher.publish("two", "2", { properties: { topicAlias: 64 } });
  await publisher.publish("", "3", { properties: { topicAlias: 1 } });
  await publisher.publish("two", "4", { properties: { topicAlias: 1 } });
  await publisher.publish("", "5", { qos: 2, properties: { topicAlias: 1 } });
  const seen = subscriber
    .messages()
    .map(({ topic, text, properties }) => [topic, text, Object.keys(properties).length]);
  assert.deepEqual(seen, [
    ["one", "1", 0],
    ["two", "2", 0],
    ["one", "3", 0],
    ["two", "4", 0],
    ["two", "5", 0],
  ]);
});

test("MQTT-3.3.2-8 v5, MQTT-3.3.2-9 v5, MQTT-3.2.2-17 v5: refuses aliases above the maximum and unknown ones", async () => {
  const server = await MemoryServer.start();
  for (const [topic, topicAlias] of [
    ["t", 65],
    ["", 7],
  ] as const) {
    const client = await server.connect5("p");
    await client.publish(topic, "x", { properties: { topicAlias } });
    assert.deepEqual([client.names(), client.closed], [["DISCONNECT 94"], true]);
  }
});

test("MQTT-3.1.2-26 v5, MQTT-3.1.2-27 v5, MQTT-3.3.2-11 v5: gives aliases to a client that takes some", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect5("s", { properties: { topicAliasMaximum: 1 } });
  await subscriber.subscribe("#", { qos: 1 });
  subscriber.packets();
  const publisher = await server.connect5("p");
  for (const topic of ["first", "other", "first"]) await publisher.publish(topic, "x", { qos: 1 });
  const seen = subscriber.messages().map(({ topic, properties }) => [topic, properties.topicAlias]);
  assert.deepEqual(seen, [
    ["first", 1],
    ["other", undefined],
    ["", 1],
  ]);
});

test("MQTT-3.1.2-24 v5, MQTT-3.1.2-25 v5: drops what is too large for the client, as if it were delivered", async () => {
  const server = await MemoryServer.start({ limits: { inFlightMax: 1 } });
  const subscriber = await server.connect5("s", { properties: { maximumPacketSize: 40 } });
  await subscriber.subscribe("t", { qos: 1 });
  subscriber.packets();
  const publisher = await server.connect5("p");
  for (const text of ["x".repeat(50), "short"]) await publisher.publish("t", text, { qos: 1 });
  assert.deepEqual(subscriber.payloads(), ["short"]);
  assert.equal(server.metric('polylog_mqtt_messages_dropped_total{reason="too_large"}'), 1);
});

test("MQTT-3.2.2-15 v5: ends who sends more than the server takes", async () => {
  const client = await (await MemoryServer.start({ limits: { packetSizeMax: 1000 } })).connect5("a");
  await client.publish("t", "x".repeat(2000));
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 95"], true]);
});

test("MQTT-3.3.4-6 v5: a client sends no subscription identifier", async () => {
  const client = await (await MemoryServer.start()).connect5("a");
  await client.publish("t", "x", { properties: { subscriptionIdentifiers: [1] } });
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 82"], true]);
});

test("MQTT-3.3.5-2 v3, MQTT-3.3.4-1 v5: says what may not be published", async () => {
  const access = { allows: (_: unknown, action: string, topic: string) => action === "connect" || topic === "ok" };
  const client = await (await MemoryServer.start({ access })).connect5("a");
  for (const topic of ["secret", "$SYS/x", "$share/x/y"]) await client.publish(topic, "x", { qos: 1 });
  await client.publish("secret", "x", { qos: 2 });
  assert.deepEqual(client.names(), ["PUBACK 87", "PUBACK 87", "PUBACK 90", "PUBREC 87"]);
});

test("MQTT-3.3.2-5 v5, MQTT-3.3.2-6 v5: counts a message's time down and drops it when it is over", async () => {
  const server = await MemoryServer.start();
  const properties = { sessionExpiryInterval: 100 };
  const away = await server.connect5("s", { properties });
  await away.subscribe("t", { qos: 1 });
  await away.disconnect();
  const publisher = await server.connect5("p");
  await publisher.publish("t", "short", { qos: 1, properties: { messageExpiryInterval: 3 } });
  await publisher.publish("t", "long", { qos: 1, properties: { messageExpiryInterval: 60 } });
  await publisher.publish("t", "never", { qos: 1 });
  await server.advance(5_000);
  const again = server.open5();
  await again.connect("s", { cleanStart: false, properties });
  const seen = again.messages().map(({ text, properties: { messageExpiryInterval } }) => [text, messageExpiryInterval]);
  assert.deepEqual(seen, [
    ["long", 55],
    ["never", undefined],
  ]);
});

test("a message expires in the queue of a connected client", async () => {
  const { server, subscriber, publisher } = await startPair({ limits: { inFlightMax: 1 } });
  await publisher.publish("t", "1", { qos: 1 });
  await publisher.publish("t", "2", { qos: 1, properties: { messageExpiryInterval: 1 } });
  await publisher.publish("t", "3", { qos: 1 });
  await server.advance(2_000);
  const [{ packetIdentifier }] = subscriber.messages();
  await subscriber.ack("PUBACK", packetIdentifier);
  assert.deepEqual(subscriber.payloads(), ["3"]);
});

test("refuses at QoS 1 what no log and no queue has room for, and stays connected", async () => {
  const server = await MemoryServer.start({ limits: { queuedMessagesMax: 1, whenFull: "refuse" } });
  const properties = { sessionExpiryInterval: 100 };
  const away = await server.connect5("s", { properties });
  await away.subscribe("t", { qos: 1 });
  await away.disconnect();
  const publisher = await server.connect5("p");
  for (const text of ["1", "2"]) await publisher.publish("t", text, { qos: 1 });
  await publisher.publish("t", "3", { qos: 2 });
  assert.deepEqual(publisher.names(), ["PUBACK", "PUBACK 97", "PUBREC 97"]);
});
