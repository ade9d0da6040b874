import assert from "node:assert/strict";
import { test } from "node:test";
import type { Properties } from "@polylog/mqtt-wire/mqtt5";
import { bytesOf5, type MemoryClient5 } from "../testing/memory-client5.ts";
import { MemoryServer } from "../testing/memory-server.ts";

function connackOf(client: MemoryClient5) {
  const [first, ...rest] = client.packets();
  assert.equal(first?.name, "CONNACK");
  assert.deepEqual(rest, []);
  return first.value as { sessionPresent: boolean; reasonCode: number; properties: Properties<"CONNACK"> };
}

test("MQTT-3.2.0-1 v5, MQTT-3.2.2-1 v5: answers CONNECT with one CONNACK", async () => {
  const client = (await MemoryServer.start()).open5();
  await client.connect("a");
  const { sessionPresent, reasonCode, properties } = connackOf(client);
  assert.deepEqual([sessionPresent, reasonCode], [false, 0]);
  assert.deepEqual(properties, { maximumPacketSize: 1024 * 1024, topicAliasMaximum: 64 });
});

test("MQTT-3.1.3-6 v5, MQTT-3.1.3-7 v5, MQTT-3.2.2-16 v5: assigns an identifier to who has none", async () => {
  const server = await MemoryServer.start();
  const identifiers: (string | undefined)[] = [];
  for (const cleanStart of [true, false]) {
    const client = server.open5();
    await client.connect("", { cleanStart });
    identifiers.push(connackOf(client).properties.assignedClientIdentifier);
  }
  assert.equal(new Set(identifiers).size, 2);
  assert.match(identifiers[0]!, /^auto-/);
});

test("says what of the client's wishes it does not grant", async () => {
  const limits = { sessionExpirySecondsMax: 100, keepAliveSecondsMax: 30, unacknowledgedMax: 20, topicAliasMax: 0 };
  const client = (await MemoryServer.start({ limits })).open5();
  await client.connect("a", { keepAliveSeconds: 0, properties: { sessionExpiryInterval: 0xffff_ffff } });
  assert.deepEqual(connackOf(client).properties, {
    sessionExpiryInterval: 100,
    receiveMaximum: 20,
    maximumPacketSize: 1024 * 1024,
    serverKeepAlive: 30,
  });
});

test("MQTT-3.2.2-21 v5, MQTT-3.2.2-22 v5: keeps the client's keep alive when it is low enough", async () => {
  const client = (await MemoryServer.start({ limits: { keepAliveSecondsMax: 30 } })).open5();
  await client.connect("a", { keepAliveSeconds: 20 });
  assert.equal(connackOf(client).properties.serverKeepAlive, undefined);
});

test("MQTT-3.1.2-28 v5: gives response information to who asks for it", async () => {
  const server = await MemoryServer.start();
  for (const [asked, given] of [
    [true, "responses/a"],
    [false, undefined],
    [undefined, undefined],
  ] as const) {
    const client = server.open5();
    await client.connect("a", { properties: { requestResponseInformation: asked } });
    assert.equal(connackOf(client).properties.responseInformation, given);
  }
});

test("MQTT-3.1.2-4 v5, MQTT-3.2.2-2 v5, MQTT-3.2.2-3 v5: Clean Start decides on the old session", async () => {
  const server = await MemoryServer.start();
  const properties = { sessionExpiryInterval: 100 };
  const presents: boolean[] = [];
  for (const cleanStart of [false, false, true, false]) {
    const client = server.open5();
    await client.connect("a", { cleanStart, properties });
    presents.push(connackOf(client).sessionPresent);
    await client.disconnect();
  }
  assert.deepEqual(presents, [false, true, false, true]);
});

test("MQTT-3.1.0-2 v5: a second CONNECT is a protocol error", async () => {
  const client = await (await MemoryServer.start()).connect5("a");
  await client.connect("a");
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 82"], true]);
});

test("MQTT-3.1.0-1 v5: closes without a word when the first packet is not CONNECT", async () => {
  const client = (await MemoryServer.start()).open5();
  await client.packet("PINGREQ", {});
  assert.deepEqual([client.names(), client.closed], [[], true]);
});

test("MQTT-3.1.2-3 v5, MQTT-3.1.4-1 v5: refuses a malformed CONNECT with 0x81", async () => {
  const client = (await MemoryServer.start()).open5();
  const bytes = bytesOf5("CONNECT", {
    protocolLevel: 5,
    cleanStart: true,
    keepAliveSeconds: 0,
    clientIdentifier: "a",
    will: undefined,
    userName: undefined,
    password: undefined,
    properties: {},
  });
  bytes[9] |= 1;
  await client.send(bytes);
  assert.deepEqual([client.names(), client.closed], [["CONNACK 81"], true]);
});

test("MQTT-3.1.2-2 v5: refuses a later version with 0x84", async () => {
  const client = (await MemoryServer.start()).open5();
  await client.send(Buffer.from("100d00044d51545406020000000000", "hex"));
  assert.deepEqual([client.names(), client.closed], [["CONNACK 84"], true]);
});

test("MQTT-3.1.3-8 v5, MQTT-3.2.2-6 v5, MQTT-3.2.2-7 v5: refuses a client identifier with 0x85", async () => {
  const server = await MemoryServer.start({ limits: { clientIdentifierSizeMax: 10 } });
  for (const clientId of ["x".repeat(11), "$share/a"]) {
    const client = server.open5();
    await client.connect(clientId);
    assert.deepEqual([client.names(), client.closed], [["CONNACK 85"], true]);
  }
});

test("refuses a will below $SYS with 0x90", async () => {
  const client = (await MemoryServer.start()).open5();
  const will = { topic: "$SYS/x", payload: Buffer.from("x"), qos: 0, retain: false, properties: {} } as const;
  await client.connect("a", { will });
  assert.deepEqual(client.names(), ["CONNACK 90"]);
});

test("MQTT-3.1.4-2 v5: refuses who may not connect, and whose will may not be published, with 0x87", async () => {
  const access = { allows: (_: unknown, action: string, resource: string) => action === "connect" && resource === "" };
  const server = await MemoryServer.start({ access });
  const client = server.open5();
  const will = { topic: "t", payload: Buffer.from("x"), qos: 0, retain: false, properties: {} } as const;
  await client.connect("a", { will });
  assert.deepEqual(client.names(), ["CONNACK 87"]);
  await server.connect5("b");
});

test("MQTT-3.1.4-3 v5: tells the older connection of a client that it was taken over", async () => {
  const server = await MemoryServer.start();
  const old = await server.connect5("a");
  const next = await server.connect5("a");
  assert.deepEqual([old.names(), old.closed, next.closed], [["DISCONNECT 8e"], true, false]);
});

test("MQTT-3.1.2-24 v5: sends no reason string that the client has no room for", async () => {
  const server = await MemoryServer.start();
  const roomy = await server.connect5("a");
  await roomy.connect("a");
  const [disconnect] = roomy.packets();
  assert.ok(disconnect?.name === "DISCONNECT" && disconnect.value.properties.reasonString !== undefined);
  const tight = await server.connect5("b", { properties: { maximumPacketSize: 30 } });
  await tight.connect("b");
  assert.deepEqual(tight.packets(), [{ name: "DISCONNECT", value: { reasonCode: 0x82, properties: {} } }]);
});

test("MQTT-3.1.2-22 v5: says that the keep alive has passed", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a", { keepAliveSeconds: 2 });
  await server.advance(3_000);
  assert.equal(client.closed, false);
  await server.advance(1_000);
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 8d"], true]);
});

test("MQTT-3.14.0-1 v5: sends no DISCONNECT before CONNACK", async () => {
  const server = await MemoryServer.start();
  const client = server.open5();
  await server.server.stop();
  await server.run();
  assert.deepEqual([client.names(), client.closed], [[], true]);
});

test("says that the server stops", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  await server.server.stop();
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 8b"], true]);
});

test("says who was thrown out by an administrator", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  assert.deepEqual([server.server.kick("a"), server.server.kick("b")], [true, false]);
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 98"], true]);
});

test("clients that fight for an identifier are named in the log", async () => {
  const server = await MemoryServer.start();
  for (let i = 0; i < 8; i++) await server.connect5("a");
  const [line, ...others] = server.complaints;
  assert.deepEqual(
    [line.message, line.fields["clientId"], others],
    ["clients with the same identifier take the session from one another", "a", []],
  );
});

test("two connections of a stored session that come at once both get their answer", async () => {
  const server = await MemoryServer.start();
  const connect = { properties: { sessionExpiryInterval: 100 } };
  const [first, second] = [server.open5(), server.open5()];
  await Promise.all([first.connect("a", connect), second.connect("a", connect)]);
  await server.run();
  assert.deepEqual([first.closed, second.closed], [true, false]);
  assert.deepEqual(second.names(), ["CONNACK"]);
  assert.equal([...server.server.clients()].length, 1);
});

test("MQTT-3.14.4-3 v5: DISCONNECT may shorten the session, and not raise it from nothing", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a", { properties: { sessionExpiryInterval: 100 } });
  await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
  assert.equal([...server.server.clients()].length, 0);
  const other = await server.connect5("b");
  await other.disconnect({ properties: { sessionExpiryInterval: 5 } });
  assert.deepEqual(other.names(), ["DISCONNECT 82"]);
});

test("MQTT-4.1.0-2 v5, MQTT-3.1.2-23 v5: a session lasts as long as its expiry interval", async () => {
  const server = await MemoryServer.start();
  const properties = { sessionExpiryInterval: 10 };
  const client = await server.connect5("a", { properties });
  await server.advance(20_000);
  client.stream.disconnect();
  await server.advance(9_000);
  assert.equal([...server.server.clients()].length, 1);
  await server.advance(2_000);
  assert.equal([...server.server.clients()].length, 0);
});
