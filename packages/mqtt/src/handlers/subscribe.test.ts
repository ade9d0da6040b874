import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeSubscribe } from "@polylog/mqtt-wire";
import { bytesOf } from "../testing/memory-client.ts";
import { MemoryServer } from "../testing/memory-server.ts";

test("MQTT-3.8.4-5 v3: answers each filter with its own return code", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  const subscriptions = [
    { topicFilter: "a", qos: 0 as const },
    { topicFilter: "b/#", qos: 1 as const },
    { topicFilter: "+/c", qos: 2 as const },
    { topicFilter: "$share/g/a", qos: 1 as const },
  ];
  await client.send(bytesOf(encodeSubscribe, { packetIdentifier: 77, subscriptions }));
  assert.deepEqual(client.packets(), [{ type: "SUBACK", packetIdentifier: 77, returnCodes: [0, 1, 2, 1] }]);
});

test("refuses a shared subscription without a filter with 0x80", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.subscribe("$share/g", 0, 1);
  assert.deepEqual(client.packets(), [{ type: "SUBACK", packetIdentifier: 1, returnCodes: [0x80] }]);
  assert.equal(server.broker.router.subscriptionCount, 0);
});

test("MQTT 3.1 is granted what is refused", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", { protocolLevel: 3 });
  await client.subscribe("$share/g", 1, 1);
  assert.deepEqual(client.packets(), [{ type: "SUBACK", packetIdentifier: 1, returnCodes: [0] }]);
  assert.equal(server.broker.router.subscriptionCount, 0);
});

test("refuses a filter the client may not subscribe to", async () => {
  const access = {
    allows: (_: unknown, action: string, resource: string) => action === "connect" || resource === "ok",
  };
  const client = await (await MemoryServer.start({ access })).connect("a");
  await client.subscribe("secret", 0, 1);
  await client.subscribe("ok", 0, 2);
  assert.deepEqual(client.packets(), [
    { type: "SUBACK", packetIdentifier: 1, returnCodes: [0x80] },
    { type: "SUBACK", packetIdentifier: 2, returnCodes: [0] },
  ]);
});

test("refuses filters above the number a session may have", async () => {
  const client = await (await MemoryServer.start({ limits: { subscriptionsPerSessionMax: 2 } })).connect("a");
  for (const [index, filter] of ["a", "b", "c", "a"].entries()) await client.subscribe(filter, 0, index + 1);
  const codes = client.packets().map((packet) => packet.type === "SUBACK" && packet.returnCodes[0]);
  assert.deepEqual(codes, [0, 0, 0x80, 0]);
});

test("refuses a filter with too many levels", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.subscribe("/".repeat(200), 0, 1);
  assert.deepEqual(client.packets(), [{ type: "SUBACK", packetIdentifier: 1, returnCodes: [0x80] }]);
  assert.equal(client.closed, false);
});

test("MQTT-3.8.3-3 v3: closes on a SUBSCRIBE without filters", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.send(Buffer.from("82020001", "hex"));
  assert.equal(client.closed, true);
});

test("MQTT-3.8.3-4 v3: closes on a requested QoS of 3", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.send(Buffer.from("8206000100017403", "hex"));
  assert.equal(client.closed, true);
});

test("MQTT-4.7.1-2 v3: closes on a misplaced wildcard", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.send(Buffer.from("82080001000361232f00", "hex"));
  assert.equal(client.closed, true);
});

test("MQTT-3.8.4-3 v3: a second subscription replaces the first", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.subscribe("t", 0);
  await client.subscribe("t", 1);
  client.packets();
  await client.publish("t", "x", { qos: 1 });
  assert.deepEqual(
    client.messages().map(({ qos }) => qos),
    [1],
  );
  assert.equal(server.broker.router.subscriptionCount, 1);
});

test("MQTT-4.7.2-1 v3: a wildcard does not reach below $", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.subscribe("#");
  await client.subscribe("+/x");
  await client.publish("$other/x", "hidden");
  await client.publish("other/x", "seen");
  assert.deepEqual(client.payloads(), ["seen"]);
});

test("MQTT-3.10.4-1 v3: unsubscribes from exactly that filter", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.subscribe("a/+");
  await client.subscribe("a/b");
  client.packets();
  await client.unsubscribe("a/b", "a/#");
  assert.deepEqual(client.packets(), [{ type: "UNSUBACK", packetIdentifier: 3 }]);
  await client.publish("a/b", "still by a/+");
  await client.unsubscribe("a/+");
  await client.publish("a/b", "no more");
  assert.deepEqual(client.payloads(), ["still by a/+"]);
});

test("MQTT-3.10.4-5 v3: answers an UNSUBSCRIBE that ends nothing", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.unsubscribe("never");
  assert.deepEqual(client.packets(), [{ type: "UNSUBACK", packetIdentifier: 1 }]);
});

test("MQTT-3.12.4-1 v3: answers PINGREQ", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.ping();
  await client.ping();
  assert.deepEqual(client.packets(), [{ type: "PINGRESP" }, { type: "PINGRESP" }]);
});

test("MQTT-3.14.4-2 v3: closes on DISCONNECT and reads no further", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.send(Buffer.from("e000c0008206000100017400", "hex"));
  assert.deepEqual([client.packets(), client.closed], [[], true]);
  assert.equal(server.complaints.length, 0);
});
