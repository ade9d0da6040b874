import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryServer } from "../testing/memory-server.ts";

const lasting = { properties: { sessionExpiryInterval: 100 } };

test("MQTT-3.8.4-6 v5, MQTT-3.8.4-7 v5, MQTT-3.9.3-1 v5: answers each filter with a code of its own", async () => {
  const access = { allows: (_: unknown, _action: string, resource: string) => resource !== "secret" };
  const limits = { subscriptionsPerSessionMax: 3 };
  const client = await (await MemoryServer.start({ access, limits })).connect5("a");
  const options = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  const filters = ["a", "b", "secret", "/".repeat(200), "$share/g/c", "d"];
  await client.packet("SUBSCRIBE", {
    packetIdentifier: 77,
    properties: {},
    subscriptions: filters.map((topicFilter, at) => ({ topicFilter, qos: Math.min(at, 2) as 0 | 1 | 2, ...options })),
  });
  const value = { packetIdentifier: 77, properties: {}, reasonCodes: [0, 1, 0x87, 0x8f, 2, 0x97] as const };
  assert.deepEqual(client.packets(), [{ name: "SUBACK", value }]);
});

test("MQTT-3.10.4-4 v5, MQTT-3.11.3-1 v5: UNSUBACK tells what there was", async () => {
  const client = await (await MemoryServer.start()).connect5("a");
  await client.subscribe("a/+");
  client.packets();
  await client.unsubscribe("a/+", "a/b", "$share/g/x");
  const [unsuback] = client.packets();
  assert.ok(unsuback.name === "UNSUBACK");
  assert.deepEqual(unsuback.value.reasonCodes, [0, 0x11, 0x11]);
});

test("MQTT-3.8.3-3 v5: No Local keeps a client's own messages away", async () => {
  const server = await MemoryServer.start();
  for (const fields of [{}, lasting]) {
    const client = await server.connect5("a", fields);
    await client.subscribe("t", { qos: 1, noLocal: true });
    const other = await server.connect5("b");
    await client.publish("t", "own", { qos: 1 });
    await other.publish("t", "other's", { qos: 1 });
    assert.deepEqual(client.payloads(), ["other's"]);
    await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
  }
});

test("MQTT-3.3.1-12 v5, MQTT-3.3.1-13 v5: RETAIN is kept when the subscription says so", async () => {
  const server = await MemoryServer.start();
  const publisher = await server.connect5("p");
  for (const retainAsPublished of [false, true])
    for (const fields of [{}, lasting])
      for (const qos of [0, 1] as const) {
        const client = await server.connect5("a", fields);
        await client.subscribe("live/#", { qos, retainAsPublished });
        client.packets();
        await publisher.publish("live/1", "x", { qos, retain: true });
        await publisher.publish("live/1", "", { qos, retain: true });
        await publisher.publish("live/1", "y", { qos });
        await server.run();
        const flags = client.messages().map(({ retain }) => retain);
        assert.deepEqual(flags, [retainAsPublished, retainAsPublished, false]);
        await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
      }
});

test("MQTT-3.3.1-9 v5, MQTT-3.3.1-10 v5, MQTT-3.3.1-11 v5: Retain Handling decides on retained messages", async () => {
  const server = await MemoryServer.start();
  await (await server.connect5("p")).publish("t", "kept", { retain: true });
  await server.run();
  const expected = { 0: [["kept"], ["kept"]], 1: [["kept"], []], 2: [[], []] };
  for (const retainHandling of [0, 1, 2] as const) {
    const client = await server.connect5("a");
    const seen: string[][] = [];
    for (let i = 0; i < 2; i++) {
      await client.subscribe("t", { qos: 1, retainHandling });
      seen.push(client.payloads());
    }
    assert.deepEqual(seen, expected[retainHandling]);
  }
});

test("MQTT-3.3.1-8 v5: a retained message has RETAIN and its properties, counted down", async () => {
  const server = await MemoryServer.start();
  const properties = {
    messageExpiryInterval: 100,
    contentType: "a",
    userProperties: [["k", "v"]] as [string, string][],
  };
  await (await server.connect5("p")).publish("t", "kept", { retain: true, qos: 1, properties });
  await server.advance(10_000);
  for (const fields of [{}, lasting]) {
    const client = await server.connect5("a", fields);
    await client.subscribe("t", { qos: 2, identifier: 9 });
    await server.run();
    const [{ retain, qos, properties: seen }] = client.messages();
    assert.deepEqual([retain, qos], [true, 1]);
    const { contentType, userProperties } = properties;
    assert.deepEqual(seen, { messageExpiryInterval: 90, subscriptionIdentifiers: [9], contentType, userProperties });
    await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
  }
  await server.advance(91_000);
  const late = await server.connect5("b");
  await late.subscribe("t");
  assert.deepEqual(late.payloads(), []);
});

test("shared subscriptions get no retained messages", async () => {
  const server = await MemoryServer.start();
  await (await server.connect5("p")).publish("t", "kept", { retain: true });
  await server.run();
  const client = await server.connect5("a");
  await client.subscribe("$share/g/t");
  await server.run();
  assert.deepEqual(client.payloads(), []);
});

test("MQTT-3.3.4-2 v5, MQTT-3.3.4-3 v5, MQTT-3.3.4-4 v5: overlapping subscriptions give one copy with all identifiers", async () => {
  const server = await MemoryServer.start();
  for (const fields of [{}, lasting]) {
    const client = await server.connect5("a", fields);
    await client.subscribe("t/#", { qos: 2, identifier: 1 });
    await client.subscribe("t/+", { qos: 0, identifier: 268_435_455 });
    await client.subscribe("+/1", { qos: 1 });
    client.packets();
    await (await server.connect5("p")).publish("t/1", "x", { qos: 2 });
    await server.run();
    const [{ qos, properties }, ...others] = client.messages();
    assert.deepEqual([qos, others], [2, []]);
    assert.deepEqual([...properties.subscriptionIdentifiers!].sort(), [1, 268_435_455]);
    await client.disconnect({ properties: { sessionExpiryInterval: 0 } });
  }
});

test("MQTT-3.8.4-3 v5, MQTT-3.8.4-4 v5: subscribing again replaces options and identifier", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect5("a");
  await client.subscribe("t", { qos: 2, identifier: 1 });
  await client.subscribe("t", { qos: 0 });
  client.packets();
  await (await server.connect5("p")).publish("t", "x", { qos: 2 });
  const [{ qos, properties }] = client.messages();
  assert.deepEqual([qos, properties], [0, {}]);
});

test("MQTT-3.8.3-2 v5, MQTT-3.8.3-5 v5: SUBSCRIBE without filters, or with reserved bits, ends the connection", async () => {
  const server = await MemoryServer.start();
  for (const [hex, name] of [
    ["8203000100", "DISCONNECT 82"],
    ["820700010000017440", "DISCONNECT 81"],
    ["800700010000017400", "DISCONNECT 81"],
    ["820700000000017400", "DISCONNECT 82"],
  ] as const) {
    const client = await server.connect5("a");
    await client.send(Buffer.from(hex, "hex"));
    assert.deepEqual([client.names(), client.closed], [[name], true], hex);
  }
});
