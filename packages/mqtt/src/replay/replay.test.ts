import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemoryClient5 } from "../testing/memory-client5.ts";
import { MemoryServer, type MemoryServerOptions } from "../testing/memory-server.ts";

const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 1000 } };
const captures = [{ log: "l", filter: "a/#" }];

/** A server whose log `l` has the messages 0 to `count - 1`, published to a/0 and a/1 in turn, a second each. */
async function start(count: number, options: MemoryServerOptions = {}) {
  const server = await MemoryServer.start({ captures, ...options });
  const publisher = await server.connect5("p");
  const publish = async (text: string, topic = `a/${Number(text) % 2}`): Promise<void> => {
    await publisher.publish(topic, text, { qos: 1 });
    await server.run();
  };
  for (let i = 0; i < count; i++) {
    await publish(String(i));
    await server.advance(1_000);
  }
  const client = await server.connect5("c");
  const replay = async (filter: string, qos: 0 | 1 | 2 = 0): Promise<string[]> => {
    await client.subscribe(filter, { qos });
    await server.run();
    return client.payloads();
  };
  return { server, publisher, publish, client, replay };
}

/** The user properties that tell where a record is. */
function placeOf({ properties }: ReturnType<MemoryClient5["messages"]>[number]) {
  return Object.fromEntries(properties.userProperties ?? []);
}

test("sends what a log has, and then what comes", async () => {
  const { replay, publish, client } = await start(3);
  assert.deepEqual(await replay("$replay/l/start/a/#"), ["0", "1", "2"]);
  await publish("3");
  assert.deepEqual(client.payloads(), ["3"]);
});

test("leaves nothing out and repeats nothing while messages come", async () => {
  const { server, client, publisher } = await start(200);
  await client.subscribe("$replay/l/start/a/#", { qos: 1 });
  const received: string[] = [];
  for (let i = 200; i < 260; i++) {
    await publisher.publish("a/0", String(i), { qos: 1 });
    for (const { text, packetIdentifier } of client.messages()) {
      received.push(text);
      await client.ack("PUBACK", packetIdentifier);
    }
  }
  for (let round = 0; round < 20; round++) {
    await server.run();
    for (const { text, packetIdentifier } of client.messages()) {
      received.push(text);
      await client.ack("PUBACK", packetIdentifier);
    }
  }
  assert.deepEqual(
    received,
    Array.from({ length: 260 }, (_, i) => String(i)),
  );
});

test("tells topic, partition, offset and time of each record", async () => {
  const { server, client } = await start(2);
  await client.subscribe("$replay/l/start/#", { identifier: 7 });
  await server.run();
  const messages = client.messages();
  const second = messages[1]!;
  const polylogTimestamp = placeOf(second)["polylog-timestamp"];
  assert.deepEqual(placeOf(second), {
    "polylog-log": "l",
    "polylog-partition": "0",
    "polylog-offset": "1",
    "polylog-timestamp": polylogTimestamp,
  });
  const agoMs = server.clock.nowMs() - Number(polylogTimestamp);
  assert.deepEqual([second.topic, second.retain, agoMs], ["a/1", false, 1000]);
  assert.deepEqual(second.properties.subscriptionIdentifiers, [7]);
});

test("gives properties back that a message came with", async () => {
  const { server, publisher, client } = await start(0);
  const properties = { contentType: "text/plain", userProperties: [["unit", "C"] as const] };
  await publisher.publish("a/0", "x", { qos: 1, properties });
  await server.run();
  await client.subscribe("$replay/l/start/#");
  await server.run();
  const [message] = client.messages();
  assert.equal(message!.properties.contentType, "text/plain");
  assert.deepEqual(message!.properties.userProperties!.at(-1), ["unit", "C"]);
});

const starts: readonly (readonly [from: string, payloads: readonly string[]])[] = [
  ["start", ["0", "1", "2", "3"]],
  ["end", []],
  ["0", ["0", "1", "2", "3"]],
  ["2", ["2", "3"]],
  ["0:3", ["3"]],
  ["4", []],
  ["2s", ["2", "3"]],
  ["1h", ["0", "1", "2", "3"]],
  ["500ms", []],
  ["1970-01-01", ["0", "1", "2", "3"]],
  ["2100-01-01T00:00:00Z", []],
  ["4102444800000", []],
];

for (const [from, payloads] of starts)
  test(`starts at ${from}`, async () => {
    assert.deepEqual(await (await start(4)).replay(`$replay/l/${from}/a/#`), payloads);
  });

test("starts at a time, as number or as text", async () => {
  const { server, replay } = await start(4);
  const nowMs = server.clock.nowMs();
  const day = new Date(nowMs - 2000).toISOString();
  assert.deepEqual(await replay(`$replay/l/${day}/#`), ["2", "3"]);
});

test("sends only what the filter matches", async () => {
  const { replay, publish, client } = await start(4);
  assert.deepEqual(await replay("$replay/l/start/a/1"), ["1", "3"]);
  await publish("4");
  await publish("5");
  assert.deepEqual(client.payloads(), ["5"]);
});

test("sends records of other protocols under the log's name", async () => {
  const { server, replay } = await start(0);
  const log = server.broker.catalog.create("numbers");
  server.broker.produceRecord(log, log.partitions[0]!, {
    value: Buffer.from("one"),
    headers: [["h", Buffer.from("v")]],
  });
  await server.run();
  assert.deepEqual(await replay("$replay/numbers/start/numbers"), ["one"]);
});

const refused: readonly (readonly [filter: string, code: number])[] = [
  ["$replay/unknown/start/#", 0x8f],
  ["$replay/l/yesterday/#", 0x8f],
  ["$replay/l/99/#", 0x8f],
  ["$replay/l/1:0/#", 0x8f],
  ["$replay/l/1.5/#", 0x8f],
  ["$replay/l/start", 0x8f],
  ["$replay/l/start/$share/g/t", 0x8f],
  ["$replay/+/start/#", 0x8f],
  ["$share/g/$replay/l/start/#", 0x8f],
  ["$replay/two/0/#", 0x8f],
];

for (const [filter, code] of refused)
  test(`refuses ${filter} with 0x${code.toString(16)}`, async () => {
    const { server, client } = await start(1);
    server.broker.catalog.create("two", { partitions: 2 });
    await client.subscribe(filter);
    await server.run();
    assert.deepEqual(client.packets()[0]!.value, { packetIdentifier: 1, properties: {}, reasonCodes: [code] });
  });

for (const denied of ["consume", "subscribe"])
  test(`refuses a replay to who may not ${denied} with 0x87`, async () => {
    const access = { allows: (_: unknown, action: string) => action !== denied };
    const { server, client } = await start(1, { access });
    await client.subscribe("$replay/l/start/#");
    await server.run();
    assert.deepEqual(client.packets()[0]!.value, { packetIdentifier: 1, properties: {}, reasonCodes: [0x87] });
  });

test("refuses more replays than one session may have", async () => {
  const { client } = await start(1, { limits: { replaysPerSessionMax: 1 } });
  const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  const subscriptions = ["a", "b"].map((topic) => ({ ...options, topicFilter: `$replay/l/start/${topic}` }));
  await client.packet("SUBSCRIBE", { packetIdentifier: 9, properties: {}, subscriptions });
  assert.deepEqual(client.packets()[0]!.value, { packetIdentifier: 9, properties: {}, reasonCodes: [0, 0x97] });
});

test("grants QoS 1 at most", async () => {
  const { server, client } = await start(1);
  await client.subscribe("$replay/l/start/#", { qos: 2 });
  await server.run();
  const [suback, publish] = client.packets();
  assert.deepEqual(suback!.value, { packetIdentifier: 1, properties: {}, reasonCodes: [1] });
  assert.equal(publish!.name === "PUBLISH" && publish!.value.qos, 1);
});

test("keeps to the Receive Maximum", async () => {
  const { server } = await start(5);
  const client = await server.connect5("slow", { properties: { receiveMaximum: 2 } });
  await client.subscribe("$replay/l/start/#", { qos: 1 });
  await server.run();
  const first = client.messages();
  assert.equal(first.length, 2);
  await client.ack("PUBACK", first[0]!.packetIdentifier);
  await server.run();
  assert.deepEqual(client.payloads(), ["2"]);
});

test("waits at QoS 0 for a client that does not read", async () => {
  const { server, client } = await start(0, { limits: { backlogBytesMax: 4096 } });
  const log = server.broker.catalog.require("l");
  for (let i = 0; i < 40; i++) log.appendRecord(log.partitions[0]!, { value: Buffer.alloc(1000, i) });
  await server.run();
  client.stream.stalled = true;
  await client.subscribe("$replay/l/start/#");
  await server.run();
  assert.ok(client.stream.writableLength < 8192);
  for (let i = 0; i < 20; i++) {
    client.stream.unstall();
    await server.run();
  }
  assert.equal(client.messages().length, 40);
});

test("stops at UNSUBSCRIBE", async () => {
  const { server, replay, publish, client } = await start(1);
  await replay("$replay/l/start/#");
  await client.unsubscribe("$replay/l/start/#");
  await publish("1");
  assert.deepEqual(client.payloads(), []);
  assert.equal([...server.server.subscriptions()].length, 0);
});

test("starts over when subscribed to again", async () => {
  const { replay } = await start(2);
  assert.deepEqual(await replay("$replay/l/start/#"), ["0", "1"]);
  assert.deepEqual(await replay("$replay/l/start/#"), ["0", "1"]);
});

test("follows a log with several partitions", async () => {
  const { server, replay } = await start(0);
  const log = server.broker.catalog.create("two", { partitions: 2 });
  for (let i = 0; i < 40; i++) log.appendRecord(log.partitions[i % 2]!, { value: Buffer.from(String(i)) });
  await server.run();
  const payloads = await replay("$replay/two/start/two");
  assert.deepEqual(new Set(payloads).size, 40);
  assert.deepEqual((await replay("$replay/two/1:15/two")).length, 5);
});

test("passes over what retention removed", async () => {
  const { server, replay } = await start(4);
  await server.broker.catalog
    .require("l")
    .partitions[0]!.trimTo(3)
    .catch(() => undefined);
  assert.deepEqual(await replay("$replay/l/1/#"), ["3"]);
});

test("a session goes on where it was when its client comes back", async () => {
  const { server, publish } = await start(3);
  const client = await server.connect5("s", lasting);
  await client.subscribe("$replay/l/start/#", { qos: 1 });
  await server.run();
  for (const { packetIdentifier } of client.messages()) await client.ack("PUBACK", packetIdentifier);
  client.stream.disconnect();
  await publish("3");
  const back = server.open5();
  await back.connect("s", lasting);
  await server.run();
  assert.deepEqual(back.payloads(), ["3"]);
});

test("sends large payloads from memory that nothing else is read into", async () => {
  const { server, client } = await start(0, { tailCacheSizeMax: 1 });
  const log = server.broker.catalog.create("large");
  for (let i = 0; i < 6; i++) {
    log.appendRecord(log.partitions[0]!, { value: Buffer.alloc(300_000, `${i}`) });
    await server.run();
  }
  // As a socket whose peer reads slowly: it holds what it was given.
  const held: Uint8Array[] = [];
  client.stream.write = (bytes) => held.push(bytes) > 0;
  await client.subscribe("$replay/large/start/large");
  for (let i = 0; i < 10; i++) await server.run();
  const sent = Buffer.concat(held).toString("latin1");
  for (let i = 0; i < 6; i++) assert.ok(sent.includes(`${i}`.repeat(300_000)), `payload ${i}`);
});
