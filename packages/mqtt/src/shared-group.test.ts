import assert from "node:assert/strict";
import { test } from "node:test";
import { DurableServer } from "./testing/durable-server.ts";
import type { MemoryClient5, Publish5 } from "./testing/memory-client5.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const filter = "$share/g/t";
const lasting = { properties: { sessionExpiryInterval: 1_000 } };

async function member(server: MemoryServer, clientId: string, fields = {}, qos: 0 | 1 | 2 = 2): Promise<MemoryClient5> {
  const client = await server.connect5(clientId, fields);
  await client.subscribe(filter, { qos });
  client.packets();
  return client;
}

async function publish(server: MemoryServer, texts: readonly string[], qos: 0 | 1 | 2 = 1): Promise<void> {
  const publisher = await server.connect5("p");
  for (const text of texts) await publisher.publish("t", text, { qos });
  await server.run();
}

const textsOf = (messages: readonly Publish5[]) => messages.map(({ text }) => text);

for (const fields of [{}, lasting]) {
  const kind = fields === lasting ? "stored" : "transient";

  test(`MQTT-4.8.2-3 v5: ${kind} members take turns, each at most at its own QoS`, async () => {
    const server = await MemoryServer.start();
    const [one, two] = [await member(server, "a", fields, 1), await member(server, "b", fields, 2)];
    await publish(server, ["1", "2", "3", "4"], 2);
    const [first, second] = [one.messages(), two.messages()];
    assert.deepEqual(
      [textsOf(first), textsOf(second)],
      [
        ["1", "3"],
        ["2", "4"],
      ],
    );
    assert.deepEqual([first[0].qos, second[0].qos], [1, 2]);
  });

  test(`messages of ${kind} members that are full wait for the next who is not`, async () => {
    const server = await MemoryServer.start({ limits: { inFlightMax: 1 } });
    const [one, two] = [await member(server, "a", fields), await member(server, "b", fields)];
    await publish(server, ["1", "2", "3", "4"]);
    const [[first], [second]] = [one.messages(), two.messages()];
    assert.deepEqual([first.text, second.text], ["1", "2"]);
    await two.ack("PUBACK", second.packetIdentifier);
    await server.run();
    const [third] = two.messages();
    assert.equal(third.text, "3");
    await one.ack("PUBACK", first.packetIdentifier);
    await server.run();
    assert.deepEqual(one.payloads(), ["4"]);
  });

  test(`what a ${kind} member did not acknowledge goes to another when its session ends`, async () => {
    const server = await MemoryServer.start();
    const one = await member(server, "a", fields);
    await publish(server, ["1", "2"]);
    const [first] = one.messages();
    await one.ack("PUBACK", first.packetIdentifier);
    const two = await member(server, "b", fields);
    await one.disconnect(fields === lasting ? { properties: { sessionExpiryInterval: 0 } } : {});
    await server.run();
    assert.deepEqual(two.payloads(), ["2"]);
  });

  test(`MQTT-4.8.2-5 v5: QoS 2 sent to a ${kind} member is given to no other`, async () => {
    const server = await MemoryServer.start();
    const one = await member(server, "a", fields);
    await publish(server, ["1"], 2);
    assert.deepEqual(one.payloads(), ["1"]);
    const two = await member(server, "b", fields);
    await one.disconnect(fields === lasting ? { properties: { sessionExpiryInterval: 0 } } : {});
    await server.run();
    assert.deepEqual(two.payloads(), []);
  });
}

test("MQTT-4.8.2-4 v5: QoS 2 is finished with the member that began it", async () => {
  const server = await MemoryServer.start();
  const one = await member(server, "a", lasting);
  await publish(server, ["1"], 2);
  const [{ packetIdentifier }] = one.messages();
  one.stream.disconnect();
  const two = await member(server, "b", lasting);
  const again = server.open5();
  await again.connect("a", { cleanStart: false, ...lasting });
  await server.run();
  const [message] = again.messages();
  assert.deepEqual([message.packetIdentifier, message.dup, two.payloads()], [packetIdentifier, true, []]);
});

test("MQTT-4.8.2-6 v5: a refusing member ends the message", async () => {
  const server = await MemoryServer.start();
  const one = await member(server, "a");
  await publish(server, ["1"]);
  const [{ packetIdentifier }] = one.messages();
  const two = await member(server, "b");
  await one.ack("PUBACK", packetIdentifier, 0x80);
  await one.disconnect();
  await server.run();
  assert.deepEqual(two.payloads(), []);
});

test("messages wait for the group while all members are away, over a restart too", async () => {
  for (const qos of [1, 2] as const) {
    const durable = await DurableServer.start();
    const one = await member(durable.server, "a", lasting);
    await one.disconnect();
    await publish(durable.server, ["1", "2", "3"], qos);
    const server = await durable.crash();
    const again = server.open5();
    await again.connect("a", { cleanStart: false, ...lasting });
    await server.run();
    assert.deepEqual(
      again.messages().map(({ text, dup }) => [text, dup]),
      ["1", "2", "3"].map((text) => [text, false]),
    );
  }
});

test("MQTT-3.3.4-5 v5: a client in a shared and in a normal subscription gets both, each with its identifier", async () => {
  for (const fields of [{}, lasting]) {
    const server = await MemoryServer.start();
    const one = await server.connect5("a", fields);
    await one.subscribe(filter, { qos: 1, identifier: 7 });
    await one.subscribe("t", { qos: 1, identifier: 8 });
    one.packets();
    await publish(server, ["1"]);
    const seen = one.messages().map(({ text, properties }) => [text, properties.subscriptionIdentifiers]);
    assert.deepEqual(
      seen.sort((a, b) => Number(a[1]) - Number(b[1])),
      [
        ["1", [7]],
        ["1", [8]],
      ],
    );
  }
});

test("MQTT-3.8.3-4 v5: No Local on a shared subscription is a protocol error", async () => {
  const client = await (await MemoryServer.start()).connect5("a");
  await client.send(Buffer.concat([Buffer.from("8210000100000a", "hex"), Buffer.from("$share/g/t"), Buffer.of(0x04)]));
  assert.deepEqual([client.names(), client.closed], [["DISCONNECT 82"], true]);
});

test("MQTT-4.8.2-1 v5, MQTT-4.8.2-2 v5: refuses a shared subscription without a name or a filter", async () => {
  const server = await MemoryServer.start();
  for (const text of ["$share//tt", "$share/g/", "$share/+/t"]) {
    const client = await server.connect5("a");
    const bytes = Buffer.from(text);
    await client.send(
      Buffer.concat([Buffer.of(0x82, 6 + bytes.length, 0, 1, 0, 0, bytes.length), bytes, Buffer.of(0)]),
    );
    assert.deepEqual([client.names(), client.closed], [["DISCONNECT 8f"], true]);
  }
});

test("the last member takes the group with it", async () => {
  const server = await MemoryServer.start();
  const one = await member(server, "a");
  assert.equal(server.broker.router.subscriptionCount, 1);
  await one.unsubscribe(filter);
  assert.equal(server.broker.router.subscriptionCount, 0);
  await publish(server, ["1"]);
  await one.subscribe(filter, { qos: 1 });
  assert.deepEqual(one.payloads(), []);
});

test("QoS 0 goes to one member that is connected", async () => {
  const server = await MemoryServer.start();
  const [one, two] = [await member(server, "a"), await member(server, "b", lasting)];
  await two.disconnect();
  await publish(server, ["1", "2"], 0);
  assert.deepEqual(one.payloads(), ["1", "2"]);
});
