/** Statements of the specifications that no other test file is the place for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectBytes } from "./testing/memory-client.ts";
import { bytesOf5, connectBytes5 } from "./testing/memory-client5.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const lasting = { properties: { sessionExpiryInterval: 100 } };

test("MQTT-2.2.1-2 v5, MQTT-2.3.1-5 v3, MQTT-4.3.1-1 v5, MQTT-4.3.1-1 v3: QoS 0 has no identifier and no DUP", async () => {
  const server = await MemoryServer.start();
  const [five, three] = [await server.connect5("five"), await server.connect("three")];
  await five.subscribe("t", { qos: 2 });
  await three.subscribe("t", 2);
  await (await server.connect5("p")).publish("t", "x");
  for (const client of [five, three]) {
    const [{ packetIdentifier, dup, qos }] = client.messages();
    assert.deepEqual([packetIdentifier, dup, qos], [0, false, 0]);
  }
});

test("MQTT-2.2.1-4 v5, MQTT-4.3.2-1 v5, MQTT-4.3.2-1 v3: identifiers are not 0 and not in use, in memory and stored", async () => {
  for (const fields of [{}, lasting]) {
    const server = await MemoryServer.start();
    const client = await server.connect5("a", fields);
    await client.subscribe("t", { qos: 2 });
    client.packets();
    const publisher = await server.connect5("p");
    for (let i = 0; i < 50; i++) await publisher.publish("t", "x", { qos: i % 2 === 0 ? 1 : 2 });
    await server.run();
    const identifiers = client.messages().map(({ packetIdentifier }) => packetIdentifier);
    assert.equal(identifiers.length, 50);
    assert.equal(new Set(identifiers).size, 50);
    assert.ok(!identifiers.includes(0));
  }
});

test("MQTT-4.3.2-2 v5, MQTT-4.3.3-2 v5, MQTT-3.3.1-3 v5: DUP of the publisher is not handed on", async () => {
  const server = await MemoryServer.start();
  for (const fields of [{}, lasting]) {
    const client = await server.connect5("a", fields);
    await client.subscribe("t", { qos: 2 });
    client.packets();
    const publisher = await server.connect5("p");
    for (const qos of [1, 2] as const) await publisher.publish("t", "x", { qos, dup: true });
    await server.run();
    assert.deepEqual(
      client.messages().map(({ dup }) => dup),
      [false, false],
    );
    await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
  }
});

test("MQTT-2.2.1-5 v5, MQTT-3.3.4-1 v3: answers have the identifier of their PUBLISH", async () => {
  const server = await MemoryServer.start();
  const five = await server.connect5("five");
  await five.publish("t", "x", { qos: 1, packetIdentifier: 77 });
  await five.publish("t", "x", { qos: 2, packetIdentifier: 78 });
  await five.ack("PUBREL", 78);
  const seen = five.packets().map(({ name, value }) => [name, "packetIdentifier" in value && value.packetIdentifier]);
  assert.deepEqual(seen, [
    ["PUBACK", 77],
    ["PUBREC", 78],
    ["PUBCOMP", 78],
  ]);
  const three = await server.connect("three");
  await three.publish("t", "x");
  await three.publish("t", "x", { qos: 1, packetIdentifier: 5 });
  await three.publish("t", "x", { qos: 2, packetIdentifier: 6 });
  assert.deepEqual(three.packets(), [
    { type: "PUBACK", packetIdentifier: 5 },
    { type: "PUBREC", packetIdentifier: 6 },
  ]);
});

test("MQTT-4.3.2-5 v5, MQTT-4.3.2-2 v3: after PUBACK the same identifier is a new message", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  await client.subscribe("t");
  client.packets();
  const [five, three] = [await server.connect5("five"), await server.connect("three")];
  for (const dup of [false, true]) await five.publish("t", "five", { qos: 1, packetIdentifier: 9, dup });
  for (const dup of [false, true]) await three.publish("t", "three", { qos: 1, packetIdentifier: 9, dup });
  assert.deepEqual(client.payloads(), ["five", "five", "three", "three"]);
});

test("MQTT-4.3.3-9 v5: after a refusing PUBREC the identifier is a new message", async () => {
  let isAllowed = false;
  const access = { allows: (_: unknown, action: string) => action !== "publish" || isAllowed };
  const client = await (await MemoryServer.start({ access })).connect5("a");
  await client.publish("t", "x", { qos: 2, packetIdentifier: 9 });
  isAllowed = true;
  await client.subscribe("t");
  await client.publish("t", "y", { qos: 2, packetIdentifier: 9 });
  const names = client.packets().map(({ name }) => name);
  assert.deepEqual(names, ["PUBREC", "SUBACK", "PUBLISH", "PUBREC"]);
});

test("MQTT-4.3.3-5 v5, MQTT-4.3.3-7 v5, MQTT-4.3.3-13 v5: an exchange goes on although its message expired", async () => {
  const server = await MemoryServer.start();
  for (const fields of [{}, lasting]) {
    const client = await server.connect5("a", fields);
    await client.subscribe("t", { qos: 2 });
    client.packets();
    const publisher = await server.connect5("p");
    const identifier = await publisher.publish("t", "x", { qos: 2, properties: { messageExpiryInterval: 1 } });
    await server.run();
    const [{ packetIdentifier }] = client.messages();
    await server.advance(5_000);
    await client.ack("PUBREC", packetIdentifier);
    await publisher.ack("PUBREL", identifier);
    await server.run();
    assert.deepEqual([client.names(), publisher.names()], [["PUBREL"], ["PUBREC", "PUBCOMP"]]);
    assert.equal([...server.server.clients()][0].inFlightCount, 1);
    await client.ack("PUBCOMP", packetIdentifier);
    assert.equal([...server.server.clients()][0].inFlightCount, 0);
    await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
  }
});

test("MQTT-3.1.2-5 v5, MQTT-3.1.2-6 v5, MQTT-3.1.3-2 v5, MQTT-3.1.4-4 v5: the identifier finds the session unless Clean Start ends it", async () => {
  const server = await MemoryServer.start();
  const first = await server.connect5("a", { ...lasting, cleanStart: false });
  await first.subscribe("t", { qos: 1 });
  await first.disconnect();
  await server.connect5("other", { ...lasting, cleanStart: false });
  await server.connect5("a", { ...lasting, cleanStart: false });
  assert.deepEqual([...server.server.subscriptions()], [{ clientId: "a", filter: "t", qos: 1 }]);
  await server.connect5("a", lasting);
  assert.deepEqual([...server.server.subscriptions()], []);
});

test("MQTT-3.1.4-3 v3, MQTT-3.2.2-1 v3, MQTT-3.2.2-3 v3, MQTT-3.1.3-2 v3: CleanSession decides on the session there was", async () => {
  const server = await MemoryServer.start();
  const present: boolean[] = [];
  for (const cleanSession of [false, false, true, false]) {
    const client = server.open();
    await client.connect("a", { cleanSession });
    const [connack] = client.packets();
    assert.ok(connack.type === "CONNACK");
    present.push(connack.sessionPresent);
    await client.disconnect();
  }
  assert.deepEqual(present, [false, true, false, false]);
});

test("MQTT-3.1.3-4 v5, MQTT-3.1.3-5 v5, MQTT-3.1.3-5 v3: takes identifiers of 1 to 23 letters and digits, and more", async () => {
  const server = await MemoryServer.start();
  for (const clientId of ["a", "0123456789ABCDEFGHIJKLM", "nopqrstuvwxyzNOPQRSTUVW", "é/😀", "x".repeat(500)]) {
    await server.connect5(clientId);
    await server.connect(clientId);
  }
});

test("MQTT-3.1.4-6 v5, MQTT-3.2.2-5 v3: processes nothing after a refusal, and closes", async () => {
  const server = await MemoryServer.start({ limits: { clientIdentifierSizeMax: 3 } });
  const client = server.open5();
  client.stream.send(Buffer.concat([connectTooLong(), bytesOf5("PINGREQ", {})]));
  assert.deepEqual([client.names(), client.closed], [["CONNACK 85"], true]);
  const old = server.open();
  await old.connect("too long");
  assert.deepEqual(old.packets(), [{ type: "CONNACK", sessionPresent: false, returnCode: 2 }]);
  assert.equal(old.closed, true);
});

function connectTooLong(): Buffer {
  const [will, userName, password] = [undefined, undefined, undefined];
  const rest = { cleanStart: true, keepAliveSeconds: 0, will, userName, password, properties: {} };
  return bytesOf5("CONNECT", { protocolLevel: 5, clientIdentifier: "too long", ...rest });
}

test("MQTT-3.2.2-19 v5, MQTT-3.2.2-20 v5: leaves the reason string of a refusal out where it has no room, and has no user properties", async () => {
  const server = await MemoryServer.start({ limits: { clientIdentifierSizeMax: 3 } });
  const access = { allows: () => false };
  const refusing = await MemoryServer.start({ access });
  for (const [maximumPacketSize, hasReason] of [
    [20, false],
    [500, true],
  ] as const) {
    const client = refusing.open5();
    await client.connect("a", { properties: { maximumPacketSize } });
    const [connack] = client.packets();
    assert.ok(connack.name === "CONNACK" && connack.value.reasonCode === 0x87);
    assert.equal(connack.value.properties.reasonString !== undefined, hasReason);
    assert.equal(connack.value.properties.userProperties, undefined);
  }
  assert.equal(server.complaints.length, 0);
});

test("MQTT-3.2.0-2 v5: a connection gets one CONNACK", async () => {
  const server = await MemoryServer.start();
  const client = server.open5();
  client.stream.send(Buffer.concat([connectBytes5("a"), bytesOf5("PINGREQ", {}), connectBytes5("a")]));
  await server.run();
  assert.deepEqual([client.names(), client.closed], [["CONNACK", "PINGRESP", "DISCONNECT 82"], true]);
});

test("MQTT-3.2.2-6 v3: closes without CONNACK where no return code fits", async () => {
  const server = await MemoryServer.start();
  const will = { topic: "w", payload: Buffer.from("x"), qos: 1, retain: false } as const;
  for (const [at, value] of [
    [9, 0x0f], // The reserved flag.
    [9, 0x1e], // A will of QoS 3.
    [14, 0xff], // A client identifier that is not UTF-8.
  ] as const) {
    const client = server.open();
    const bytes = connectBytes("a", { will });
    assert.equal(bytes[9], 0x0e);
    bytes[at] = value;
    await client.send(bytes);
    assert.deepEqual([client.stream.received().length, client.closed], [0, true]);
  }
});

test("MQTT-4.8.0-2 v3: an error of a connection closes that one only", async () => {
  const server = await MemoryServer.start();
  const [failing, other] = [await server.connect("failing"), await server.connect("other")];
  for (const client of [failing, other]) await client.subscribe("t");
  other.packets();
  failing.stream.disconnect(new Error("read ECONNRESET"));
  await (await server.connect("p")).publish("t", "x");
  assert.deepEqual([failing.closed, other.closed, other.payloads()], [true, false, ["x"]]);
  assert.equal(server.server.connectionCount, 2);
});

test("MQTT-3.14.2-2 v5, MQTT-3.14.4-1 v5, MQTT-3.14.4-2 v5, MQTT-4.13.2-1 v5: a DISCONNECT is the last packet, and has no expiry", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a", lasting);
  await client.subscribe("t");
  client.packets();
  client.stream.send(Buffer.concat([connectTooLong(), bytesOf5("PINGREQ", {})]));
  await (await server.connect5("p")).publish("t", "x");
  const [{ name, value }, ...others] = client.packets();
  assert.ok(name === "DISCONNECT" && value.reasonCode === 0x82);
  assert.equal(value.properties.sessionExpiryInterval, undefined);
  assert.deepEqual([others, client.closed], [[], true]);
});

test("MQTT-4.13.1-1 v5, MQTT-2.2.2-1 v3: a malformed packet closes the connection, and no other", async () => {
  const server = await MemoryServer.start();
  const [five, three] = [await server.connect5("five"), await server.connect("three")];
  const other = await server.connect5("other");
  for (const client of [five, three]) await client.send(Buffer.from([0xc1, 0]));
  assert.deepEqual([five.names(), five.closed, three.closed, other.closed], [["DISCONNECT 81"], true, true, false]);
});

test("MQTT-3.1.2-7 v5, MQTT-3.1.2-14 v5, MQTT-3.1.2-15 v5: a will is published as its RETAIN says", async () => {
  const server = await MemoryServer.start();
  for (const retain of [false, true]) {
    const will = { topic: `wills/${retain}`, payload: Buffer.from("x"), qos: 1, retain, properties: {} } as const;
    (await server.connect5("a", { ...lasting, will })).stream.disconnect();
  }
  await server.run();
  const watcher = await server.connect5("w");
  await watcher.subscribe("wills/+");
  const seen = watcher.messages().map(({ topic, retain }) => [topic, retain]);
  assert.deepEqual(seen, [["wills/true", true]]);
});

test("MQTT-3.3.1-5 v5, MQTT-3.3.1-5 v3, MQTT-3.3.1-7 v3, MQTT-3.3.1-7 v5, MQTT-3.3.1-11 v3: a retained message replaces the one before, an empty one removes it", async () => {
  const server = await MemoryServer.start();
  const publisher = await server.connect5("p");
  const retained = async (): Promise<unknown[]> => {
    await server.run();
    const client = await server.connect5("a");
    await client.subscribe("t", { qos: 2 });
    return client.messages().map(({ text, qos }) => [text, qos]);
  };
  await publisher.publish("t", "one", { retain: true, qos: 2 });
  assert.deepEqual(await retained(), [["one", 2]]);
  await publisher.publish("t", "two", { retain: true });
  assert.deepEqual(await retained(), [["two", 0]]);
  await publisher.publish("t", "", { retain: true });
  assert.deepEqual(await retained(), []);
});

test("MQTT-3.8.4-1 v5, MQTT-3.8.4-2 v5, MQTT-3.10.4-5 v5, MQTT-3.8.4-1 v3, MQTT-3.8.4-2 v3, MQTT-3.10.4-4 v3: answers have the identifier of their request", async () => {
  const server = await MemoryServer.start();
  const five = await server.connect5("five");
  await five.subscribe("t");
  await five.unsubscribe("nothing");
  const seen = five.packets().map(({ name, value }) => [name, "packetIdentifier" in value && value.packetIdentifier]);
  assert.deepEqual(seen, [
    ["SUBACK", 1],
    ["UNSUBACK", 2],
  ]);
  const three = await server.connect("three");
  await three.subscribe("t", 1, 9);
  await three.unsubscribe("nothing");
  assert.deepEqual(three.packets(), [
    { type: "SUBACK", packetIdentifier: 9, returnCodes: [1] },
    { type: "UNSUBACK", packetIdentifier: 1 },
  ]);
});

test("MQTT-3.8.4-8 v5, MQTT-4.5.0-1 v5, MQTT-4.5.0-1 v3, MQTT-3.3.2-3 v5, MQTT-3.3.2-3 v3, MQTT-3.8.3-2 v3: every matching session gets the message at the lower QoS", async () => {
  const server = await MemoryServer.start();
  const publisher = await server.connect5("p");
  for (const granted of [0, 1, 2] as const) {
    const [five, three] = [await server.connect5("five"), await server.connect("three")];
    await five.subscribe("a/+/c", { qos: granted });
    await three.subscribe("a/#", granted);
    await five.subscribe("other", { qos: 2 });
    for (const client of [five, three]) client.packets();
    for (const qos of [0, 1, 2] as const) await publisher.publish("a/b/c", "x", { qos });
    for (const client of [five, three])
      assert.deepEqual(
        client.messages().map(({ topic, qos }) => [topic, qos]),
        [0, 1, 2].map((qos) => ["a/b/c", Math.min(qos, granted)]),
      );
  }
});

test("MQTT-3.10.4-1 v5, MQTT-3.10.4-2 v5, MQTT-3.10.4-3 v5, MQTT-3.10.4-2 v3, MQTT-3.10.4-3 v3: UNSUBSCRIBE stops what is new and finishes what was begun", async () => {
  const server = await MemoryServer.start();
  for (const fields of [{}, lasting]) {
    const client = await server.connect5("a", fields);
    await client.subscribe("t/+", { qos: 2 });
    client.packets();
    const publisher = await server.connect5("p");
    await publisher.publish("t/1", "begun", { qos: 2 });
    await server.run();
    await client.unsubscribe("t/1");
    await publisher.publish("t/1", "still", { qos: 0 });
    await client.unsubscribe("t/+");
    await publisher.publish("t/1", "new", { qos: 2 });
    await server.run();
    const [begun, still, ...others] = client.messages();
    assert.deepEqual([begun.text, still.text, others], ["begun", "still", []]);
    await client.ack("PUBREC", begun.packetIdentifier);
    await server.run();
    assert.deepEqual(client.names(), ["PUBREL"]);
    await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
  }
});

test("MQTT-4.6.0-5 v5, MQTT-4.6.0-5 v3: messages of a topic come in their order, in memory and stored", async () => {
  const server = await MemoryServer.start();
  for (const fields of [{}, lasting])
    for (const qos of [0, 1, 2] as const) {
      const client = await server.connect5("a", fields);
      await client.subscribe("t", { qos });
      client.packets();
      const publisher = await server.connect5("p");
      const texts = Array.from({ length: 30 }, (_, i) => `${i}`);
      for (const text of texts) await publisher.publish("t", text, { qos });
      await server.run();
      assert.deepEqual(client.payloads(), texts);
      await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
    }
});

test("MQTT-4.9.0-3 v5: answers while the window is full", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a", { properties: { receiveMaximum: 1 } });
  await client.subscribe("t", { qos: 1 });
  for (let i = 0; i < 2; i++) await client.publish("t", "x", { qos: 1 });
  client.packets();
  await client.packet("PINGREQ", {});
  await client.subscribe("u");
  await client.publish("u", "x", { qos: 2 });
  assert.deepEqual(client.names(), ["PINGRESP", "SUBACK", "PUBLISH", "PUBREC"]);
});

test("MQTT-4.7.3-4 v5, MQTT-4.7.3-3 v5, MQTT-4.7.3-3 v3: topics are compared as they are, up to 65,535 bytes", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  for (const filter of ["é", "A/b", "a//b", "/a"]) await client.subscribe(filter);
  client.packets();
  const publisher = await server.connect5("p");
  for (const topic of ["e\u0301", "a/b", "a/b/", "a", "é", "a//b"]) await publisher.publish(topic, topic);
  assert.deepEqual(client.payloads(), ["é", "a//b"]);
  await publisher.publish("x".repeat(65_535), "long");
  assert.equal(publisher.closed, false);
});

test("MQTT-4.1.0-1 v5, MQTT-4.1.0-1 v3, MQTT-4.1.0-2 v3: the session stays while the connection does", async () => {
  const server = await MemoryServer.start();
  const five = await server.connect5("five", { properties: { sessionExpiryInterval: 1 } });
  const three = await server.connect("three");
  await five.subscribe("t");
  await three.subscribe("t");
  for (const client of [five, three]) client.packets();
  await server.advance(20_000);
  await (await server.connect5("p")).publish("t", "x");
  assert.deepEqual([five.payloads(), three.payloads()], [["x"], ["x"]]);
});

test("MQTT-3.1.2-29 v5, MQTT-3.4.2-2 v5, MQTT-3.4.2-3 v5, MQTT-3.5.2-2 v5, MQTT-3.5.2-3 v5, MQTT-3.6.2-2 v5, MQTT-3.6.2-3 v5, MQTT-3.7.2-2 v5, MQTT-3.7.2-3 v5, MQTT-3.9.2-1 v5, MQTT-3.9.2-2 v5, MQTT-3.11.2-1 v5, MQTT-3.11.2-2 v5: acknowledgements have neither reason strings nor user properties", async () => {
  const access = { allows: (_: unknown, action: string, topic: string) => action === "connect" || topic !== "secret" };
  const server = await MemoryServer.start({ access });
  const properties = { maximumPacketSize: 20, requestProblemInformation: false };
  const client = await server.connect5("a", { properties });
  await client.subscribe("secret");
  await client.subscribe("t", { qos: 2 });
  await client.unsubscribe("nothing");
  await client.publish("secret", "x", { qos: 1 });
  await client.publish("t", "x", { qos: 2, packetIdentifier: 9 });
  await client.ack("PUBREC", 1);
  await client.ack("PUBREC", 4711);
  await client.ack("PUBREL", 9);
  await client.ack("PUBREL", 4711);
  const packets = client.packets();
  const names = new Set(packets.map(({ name }) => name));
  assert.deepEqual([...names].sort(), ["PUBACK", "PUBCOMP", "PUBLISH", "PUBREC", "PUBREL", "SUBACK", "UNSUBACK"]);
  for (const { value } of packets) assert.deepEqual("properties" in value && value.properties, {});
});

test("MQTT-3.14.2-3 v5, MQTT-3.14.2-4 v5: a DISCONNECT has its reason string only where there is room", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a", { properties: { maximumPacketSize: 25 } });
  await client.packet("PINGRESP", {});
  assert.deepEqual(client.packets(), [{ name: "DISCONNECT", value: { reasonCode: 0x82, properties: {} } }]);
});

test("MQTT-3.1.2-12 v3, MQTT-3.14.4-3 v3: no will is published without one, or after DISCONNECT", async () => {
  const server = await MemoryServer.start();
  const watcher = await server.connect("w");
  await watcher.subscribe("#");
  watcher.packets();
  (await server.connect("a")).stream.disconnect();
  const will = { topic: "wills", payload: Buffer.from("x"), qos: 0, retain: false } as const;
  await (await server.connect("b", { will })).disconnect();
  await server.run();
  assert.deepEqual(watcher.messages(), []);
});

test("MQTT-4.3.3-1 v3: QoS 2 goes out in four steps, and PUBLISH is not repeated after PUBREL", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", { cleanSession: false });
  await client.subscribe("t", 2);
  client.packets();
  await (await server.connect("p")).publish("t", "x", { qos: 2 });
  await server.run();
  const [{ packetIdentifier, dup }] = client.messages();
  await client.pubrec(packetIdentifier);
  await server.run();
  assert.deepEqual([dup, client.packets()], [false, [{ type: "PUBREL", packetIdentifier }]]);
  client.stream.disconnect();
  const again = server.open();
  await again.connect("a", { cleanSession: false });
  await server.run();
  const [, ...packets] = again.packets();
  assert.deepEqual(packets, [{ type: "PUBREL", packetIdentifier }]);
  await again.pubcomp(packetIdentifier);
  assert.equal([...server.server.clients()][0].inFlightCount, 0);
});
