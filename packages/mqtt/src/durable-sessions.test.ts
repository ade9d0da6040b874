import assert from "node:assert/strict";
import { test } from "node:test";
import { DurableServer } from "./testing/durable-server.ts";
import type { MemoryClient5 } from "./testing/memory-client5.ts";
import type { MemoryServer } from "./testing/memory-server.ts";

const lasting = { properties: { sessionExpiryInterval: 1_000 } };

/** A client that comes back, with its CONNACK and what follows still to be read. */
async function comeBack(server: MemoryServer, clientId = "s"): Promise<MemoryClient5> {
  const client = server.open5();
  await client.connect(clientId, { cleanStart: false, ...lasting });
  await server.run();
  return client;
}

for (const how of ["restart", "crash"] as const) {
  test(`MQTT-4.1.0-2 v5, MQTT-4.4.0-1 v5, MQTT-3.3.1-1 v5: after a ${how} goes on where it was`, async () => {
    const durable = await DurableServer.start();
    let { server } = durable;
    const client = await server.connect5("s", lasting);
    await client.subscribe("t", { qos: 2, identifier: 7 });
    const publisher = await server.connect5("p");
    for (const text of ["1", "2", "3"]) await publisher.publish("t", text, { qos: text === "2" ? 2 : 1 });
    await server.run();
    const [one, two] = client.messages();
    assert.deepEqual([one.text, one.dup, two.qos], ["1", false, 2]);
    await client.ack("PUBREC", two.packetIdentifier);
    await server.run();
    assert.deepEqual(client.names(), ["PUBREL"]);
    server = await durable[how]();
    await (await server.connect5("p")).publish("t", "4", { qos: 1 });
    const again = await comeBack(server);
    const packets = again.packets();
    assert.deepEqual(
      packets.map(({ name, value }) =>
        name === "PUBLISH" ? `${value.payload}${value.dup ? " again" : ""}` : `${name} ${"packetIdentifier" in value}`,
      ),
      ["CONNACK false", "1 again", "PUBREL true", "3 again", "4"],
    );
    const [, first, release] = packets;
    assert.ok(first.name === "PUBLISH" && release.name === "PUBREL");
    assert.equal(first.value.packetIdentifier, one.packetIdentifier);
    assert.deepEqual(first.value.properties.subscriptionIdentifiers, [7]);
    assert.equal(release.value.packetIdentifier, two.packetIdentifier);
  });

  test(`MQTT-4.3.3-10 v5: after a ${how} a message of QoS 2 is still known`, async () => {
    const durable = await DurableServer.start();
    let { server } = durable;
    const reader = await server.connect5("s", lasting);
    await reader.subscribe("t", { qos: 2 });
    const client = await server.connect5("p", lasting);
    await client.publish("t", "once", { qos: 2, packetIdentifier: 5 });
    await server.run();
    assert.deepEqual(client.names(), ["PUBREC"]);
    server = await durable[how]();
    const again = await comeBack(server, "p");
    await again.publish("t", "once", { qos: 2, packetIdentifier: 5, dup: true });
    await again.ack("PUBREL", 5);
    await server.run();
    await again.ack("PUBREL", 5);
    assert.deepEqual(again.names(), ["CONNACK", "PUBREC", "PUBCOMP", "PUBCOMP 92"]);
    assert.deepEqual((await comeBack(server)).payloads(), ["once"]);
  });

  test(`MQTT-4.3.3-8 v5: after a ${how} that a capturing log lost, a message of QoS 2 is captured once more`, async () => {
    const durable = await DurableServer.start({ captures: [{ log: "all", filter: "#" }] });
    const client = await durable.server.connect5("p", lasting);
    await client.publish("t", "once", { qos: 2, packetIdentifier: 5 });
    await durable.server.run();
    const server = await durable[how](); // Its logs are new and empty, as if they had not been written.
    const reader = await server.connect5("r");
    await reader.subscribe("t", { qos: 2 });
    const again = await comeBack(server, "p");
    for (let i = 0; i < 2; i++) await again.publish("t", "once", { qos: 2, packetIdentifier: 5, dup: true });
    await server.run();
    assert.deepEqual(again.names(), ["CONNACK", "PUBREC", "PUBREC"]);
    assert.equal(server.broker.catalog.require("all").partitions[0].nextOffset, 1);
    assert.deepEqual(reader.payloads(), []);
    await again.ack("PUBREL", 5);
    await server.run();
    await again.publish("t", "new", { qos: 2, packetIdentifier: 5 });
    await server.run();
    assert.equal(server.broker.catalog.require("all").partitions[0].nextOffset, 2);
  });

  test(`MQTT-3.1.2-8 v5: after a ${how} a delayed will is published when it is due`, async () => {
    const durable = await DurableServer.start();
    const properties = { willDelayInterval: 20, contentType: "will" };
    const will = { topic: "wills", payload: Buffer.from("gone"), qos: 1, retain: false, properties } as const;
    const client = await durable.server.connect5("s", { ...lasting, will });
    client.stream.disconnect();
    await durable.server.run();
    const server = await durable[how](5_000);
    const watcher = await server.connect5("w");
    await watcher.subscribe("wills");
    watcher.packets();
    await server.advance(14_000);
    assert.deepEqual(watcher.payloads(), []);
    await server.advance(2_000);
    const [{ text, properties: seen }] = watcher.messages();
    assert.deepEqual([text, seen.contentType], ["gone", "will"]);
  });
}

test("MQTT-3.1.2-8 v5: a crash ends connections, and publishes their wills", async () => {
  const durable = await DurableServer.start();
  const watcher = await durable.server.connect5("w", lasting);
  await watcher.subscribe("wills", { qos: 1 });
  const will = { topic: "wills", payload: Buffer.from("gone"), qos: 1, retain: false, properties: {} } as const;
  await durable.server.connect5("s", { ...lasting, will });
  const server = await durable.crash();
  assert.deepEqual((await comeBack(server, "w")).payloads(), ["gone"]);
});

test("MQTT-4.1.0-2 v5: a session that expired while the server was away is gone", async () => {
  const durable = await DurableServer.start();
  const client = await durable.server.connect5("s", lasting);
  await client.disconnect();
  await durable.server.advance(1_000);
  const server = await durable.restart(2_000_000);
  await server.advance(1_000);
  assert.deepEqual([...server.server.clients()], []);
});

test("a subscription that was acknowledged survives a crash with its options", async () => {
  const durable = await DurableServer.start();
  const client = await durable.server.connect5("s", lasting);
  await client.subscribe("t", { qos: 1, noLocal: true, retainAsPublished: true });
  await client.subscribe("u", { qos: 1 });
  await client.unsubscribe("u");
  assert.deepEqual(
    client.names(),
    ["SUBACK 1", "SUBACK 1", "UNSUBACK"].map((name) => name.replace(" 1", "")),
  );
  const server = await durable.crash();
  assert.deepEqual([...server.server.subscriptions()], [{ clientId: "s", filter: "t", qos: 1 }]);
  const again = await comeBack(server);
  await again.publish("t", "own", { qos: 1 });
  await (await server.connect5("p")).publish("t", "kept", { qos: 1, retain: true });
  await server.run();
  const [{ text, retain }, ...others] = again.messages();
  assert.deepEqual([text, retain, others], ["kept", true, []]);
});

test("MQTT-4.3.3-10 v5: a repeated QoS 2 is answered when the first is in the log that captures it", async () => {
  for (const fields of [lasting, { properties: { sessionExpiryInterval: 0 } }]) {
    const durable = await DurableServer.start({ captures: [{ log: "log", filter: "t" }] });
    const { server } = durable;
    const client = await server.connect5("s", fields);
    server.storage.manual = true;
    const publishing = { qos: 2, packetIdentifier: 5 } as const;
    await client.publish("t", "once", publishing);
    await server.run();
    let again = client;
    if (fields === lasting) {
      client.stream.disconnect();
      again = await comeBack(server);
      assert.deepEqual(again.names(), ["CONNACK"]);
    }
    await again.publish("t", "once", { ...publishing, dup: true });
    await server.run();
    assert.deepEqual(again.names(), []);
    server.storage.manual = false;
    server.storage.complete();
    await server.run();
    assert.deepEqual(again.names(), fields === lasting ? ["PUBREC"] : ["PUBREC", "PUBREC"]);
    assert.equal(server.broker.catalog.require("log").partitions[0].nextOffset, 1);
  }
});

test("PUBACK for a stored session leaves when the message is stored", async () => {
  const durable = await DurableServer.start();
  const { server } = durable;
  const client = await server.connect5("s", lasting);
  await client.subscribe("t", { qos: 1 });
  await client.disconnect();
  const publisher = await server.connect("p");
  publisher.stream.send(Buffer.from("32060001740001" + "78", "hex"));
  assert.equal(publisher.stream.received().length, 0);
  await server.run();
  assert.deepEqual(publisher.packets(), [{ type: "PUBACK", packetIdentifier: 1 }]);
});
