import assert from "node:assert/strict";
import { test } from "node:test";
import { connectBytes } from "../testing/memory-client.ts";
import { MemoryServer } from "../testing/memory-server.ts";

const accepted = { type: "CONNACK", sessionPresent: false, returnCode: 0 };

function refused(returnCode: number) {
  return [{ type: "CONNACK", sessionPresent: false, returnCode }];
}

test("MQTT-3.1.4-4 v3: answers a CONNECT with CONNACK 0", async () => {
  const client = (await MemoryServer.start()).open();
  await client.connect("a");
  assert.deepEqual(client.packets(), [accepted]);
  assert.equal(client.closed, false);
});

test("MQTT-3.2.0-1 v3: sends CONNACK before anything else", async () => {
  const server = await MemoryServer.start();
  const first = await server.connect("a", { cleanSession: false });
  await first.subscribe("t", 1);
  first.stream.disconnect();
  await (await server.connect("b")).publish("t", "waiting", { qos: 1 });
  const again = server.open();
  await again.connect("a", { cleanSession: false });
  const types = again.packets().map(({ type }) => type);
  assert.deepEqual(types, ["CONNACK", "PUBLISH"]);
});

test("accepts MQTT 3.1 as MQIsdp level 3", async () => {
  const client = (await MemoryServer.start()).open();
  await client.connect("a", { protocolLevel: 3 });
  assert.deepEqual(client.packets(), [accepted]);
});

test("tells MQTT 3.1 of no session", async () => {
  const server = await MemoryServer.start();
  await (await server.connect("a", { protocolLevel: 3, cleanSession: false })).disconnect();
  const again = server.open();
  await again.connect("a", { protocolLevel: 3, cleanSession: false });
  assert.deepEqual(again.packets(), [accepted]);
});

test("MQTT-3.1.2-2 v3: refuses another protocol level with 0x01", async () => {
  const client = (await MemoryServer.start()).open();
  const bytes = connectBytes("a");
  bytes[8] = 2;
  await client.send(bytes);
  assert.deepEqual(client.packets(), refused(1));
  assert.equal(client.closed, true);
});

test("MQTT-3.1.2-1 v3: closes on another protocol name", async () => {
  const client = (await MemoryServer.start()).open();
  const bytes = connectBytes("a");
  bytes.write("MQTA", 4);
  await client.send(bytes);
  assert.deepEqual(client.packets(), []);
  assert.equal(client.closed, true);
});

test("MQTT-3.1.4-1 v3: closes on a malformed CONNECT without CONNACK", async () => {
  const server = await MemoryServer.start();
  const client = server.open();
  const bytes = connectBytes("a");
  bytes[9] |= 1; // The reserved flag. [MQTT-3.1.2-3]
  await client.send(bytes);
  assert.deepEqual(client.packets(), []);
  assert.equal(client.closed, true);
  assert.equal(server.complaints.length, 1);
  assert.equal(server.complaints[0].fields["code"], "mqtt-wire.MALFORMED_PACKET");
});

test("MQTT-3.1.3-6 v3: makes up an empty identifier", async () => {
  const server = await MemoryServer.start();
  const one = await server.connect("");
  const two = await server.connect("");
  assert.deepEqual([one.closed, two.closed], [false, false]);
  const clientIds = [...server.server.clients()].map(({ clientId }) => clientId);
  assert.equal(new Set(clientIds).size, 2);
});

test("MQTT-3.1.3-8 v3: refuses an empty identifier with CleanSession 0", async () => {
  const client = (await MemoryServer.start()).open();
  const bytes = connectBytes("");
  bytes[9] &= ~2;
  await client.send(bytes);
  assert.deepEqual(client.packets(), refused(2));
  assert.equal(client.closed, true);
});

test("MQTT-3.1.3-9 v3: refuses an identifier above the limit", async () => {
  const client = (await MemoryServer.start({ limits: { clientIdentifierSizeMax: 8 } })).open();
  await client.connect("123456789");
  assert.deepEqual(client.packets(), refused(2));
});

test("MQTT-3.1.4-5 v3: ignores what follows a refused CONNECT", async () => {
  const server = await MemoryServer.start({ limits: { clientIdentifierSizeMax: 8 } });
  const client = server.open();
  await client.send(Buffer.concat([connectBytes("123456789"), connectBytes("a")]));
  assert.deepEqual(client.packets(), refused(2));
  assert.equal(server.complaints.length, 1);
});

test("refuses a session above the limit with 0x03", async () => {
  const server = await MemoryServer.start({ limits: { sessionsMax: 1 } });
  await server.connect("a");
  const client = server.open();
  await client.connect("b");
  assert.deepEqual(client.packets(), refused(3));
  assert.equal(client.closed, true);
});

test("refuses with 0x05 who may not connect", async () => {
  const access = { allows: (_: unknown, action: string) => action !== "connect" };
  const client = (await MemoryServer.start({ access })).open();
  await client.connect("a");
  assert.deepEqual(client.packets(), refused(5));
});

test("closes on a first packet above the cap", async () => {
  const client = (await MemoryServer.start({ limits: { connectPacketSizeMax: 100 } })).open();
  await client.send(Buffer.from([0x10, 101]));
  assert.equal(client.closed, true);
});

test("takes larger packets once connected", async () => {
  const client = await (await MemoryServer.start({ limits: { connectPacketSizeMax: 100 } })).connect("a");
  await client.publish("t", "x".repeat(500), { qos: 1 });
  assert.deepEqual(client.packets(), [{ type: "PUBACK", packetIdentifier: 1 }]);
});

test("MQTT-3.1.2-4 v3: resumes a session kept with CleanSession 0", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", { cleanSession: false });
  await client.subscribe("t");
  await client.disconnect();
  const again = server.open();
  await again.connect("a", { cleanSession: false });
  assert.deepEqual(again.packets(), [{ ...accepted, sessionPresent: true }]);
  await again.publish("t", "still subscribed");
  assert.deepEqual(again.payloads(), ["still subscribed"]);
});

test("MQTT-3.1.2-6 v3: CleanSession 1 discards the session", async () => {
  const server = await MemoryServer.start();
  const first = await server.connect("a", { cleanSession: false });
  await first.subscribe("t");
  await first.disconnect();
  await (await server.connect("a")).disconnect();
  const again = server.open();
  await again.connect("a", { cleanSession: false });
  assert.deepEqual(again.packets(), [accepted]);
  await again.publish("t", "nobody");
  assert.deepEqual(again.payloads(), []);
  assert.equal(server.broker.router.subscriptionCount, 0);
});

test("a session with CleanSession 1 ends with its connection", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.subscribe("t");
  client.stream.disconnect();
  assert.equal(server.metric("polylog_mqtt_sessions"), 0);
  assert.equal(server.broker.router.subscriptionCount, 0);
});

test("MQTT-3.1.4-2 v3: closes the older connection of a client", async () => {
  const server = await MemoryServer.start();
  const older = await server.connect("a");
  const newer = await server.connect("a");
  assert.deepEqual([older.closed, newer.closed], [true, false]);
  assert.equal(server.metric("polylog_mqtt_takeovers_total"), 1);
  assert.equal(server.complaints.length, 0);
});

test("a take-over keeps a session with CleanSession 0", async () => {
  const server = await MemoryServer.start();
  const older = await server.connect("a", { cleanSession: false });
  await older.subscribe("t", 1);
  const newer = server.open();
  await newer.connect("a", { cleanSession: false });
  assert.deepEqual(newer.packets(), [{ ...accepted, sessionPresent: true }]);
  await newer.publish("t", "x");
  assert.deepEqual(newer.payloads(), ["x"]);
  older.stream.send(connectBytes("a"));
  assert.equal(newer.closed, false);
});

test("a take-over ends a session with CleanSession 1", async () => {
  const server = await MemoryServer.start();
  await (await server.connect("a")).subscribe("t");
  const newer = server.open();
  await newer.connect("a", { cleanSession: false });
  assert.deepEqual(newer.packets(), [accepted]);
  assert.equal(server.broker.router.subscriptionCount, 0);
});
