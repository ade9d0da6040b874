import assert from "node:assert/strict";
import { test } from "node:test";
import { DurableServer } from "../testing/durable-server.ts";
import { MemoryServer } from "../testing/memory-server.ts";
import type { DelayedInfo } from "./list-delayed.ts";

const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 1000 } };

async function start(options: Parameters<typeof DurableServer.start>[0] = {}) {
  const durable = await DurableServer.start(options);
  const { server } = durable;
  const subscriber = await server.connect5("s");
  await subscriber.subscribe("#", { qos: 2, retainAsPublished: true });
  subscriber.packets();
  return { durable, server, subscriber, publisher: await server.connect5("p") };
}

/** Publishes and returns the answer. */
async function publish({ server, publisher }: Awaited<ReturnType<typeof start>>, topic: string, text = "x") {
  await publisher.publish(topic, text, { qos: 1 });
  await server.run();
  return publisher.names();
}

test("publishes to the topic after so many seconds", async () => {
  const rig = await start();
  assert.deepEqual(await publish(rig, "$delayed/10/a/b", "later"), ["PUBACK"]);
  await rig.server.advance(9_000);
  assert.deepEqual(rig.subscriber.payloads(), []);
  await rig.server.advance(1_000);
  assert.deepEqual(
    rig.subscriber.messages().map(({ topic, text, qos }) => [topic, text, qos]),
    [["a/b", "later", 1]],
  );
  assert.equal(rig.server.metric("polylog_mqtt_delayed_messages"), 0);
});

test("keeps QoS, RETAIN and properties of a delayed message", async () => {
  const { server, subscriber, publisher } = await start();
  const properties = {
    contentType: "text/plain",
    responseTopic: "answer",
    correlationData: Buffer.from("7"),
    userProperties: [["a", "1"] as const, ["a", "2"] as const],
    messageExpiryInterval: 5,
  };
  await publisher.publish("$delayed/10/t", "x", { qos: 2, retain: true, properties });
  await server.run();
  assert.equal(server.broker.retained.size, 0);
  await server.advance(10_000);
  const [message] = subscriber.messages();
  assert.deepEqual([message!.qos, message!.retain, message!.properties], [2, true, properties]);
  assert.equal(server.broker.retained.size, 1);
});

test("captures a delayed message when it is due", async () => {
  const rig = await start({ captures: [{ log: "captured", filter: "a/#" }] });
  const [partition] = rig.server.broker.catalog.require("captured").partitions;
  await publish(rig, "$delayed/1/a/b");
  assert.equal(partition!.nextOffset, 0);
  await rig.server.advance(1_000);
  assert.equal(partition!.nextOffset, 1);
});

const refused: readonly (readonly [topic: string, code: string])[] = [
  ["$delayed", "90"],
  ["$delayed/", "90"],
  ["$delayed/5", "90"],
  ["$delayed/5/", "90"],
  ["$delayed//t", "90"],
  ["$delayed/-1/t", "90"],
  ["$delayed/1.5/t", "90"],
  ["$delayed/ten/t", "90"],
  ["$delayed/0x10/t", "90"],
  ["$delayed/315360001/t", "90"],
  ["$delayed/99999999999/t", "90"],
  ["$delayed/1/$delayed/1/t", "90"],
  ["$delayed/1/$share/g/t", "90"],
  ["$delayed/1/$SYS/t", "87"],
];

for (const [topic, code] of refused)
  test(`refuses ${topic} with 0x${code}`, async () => {
    const rig = await start();
    assert.deepEqual(await publish(rig, topic), [`PUBACK ${code}`]);
    assert.equal(rig.server.metric("polylog_mqtt_delayed_messages"), 0);
  });

for (const seconds of ["0", "007", "315360000"])
  test(`takes a delay of ${seconds} seconds`, async () => {
    assert.deepEqual(await publish(await start(), `$delayed/${seconds}/t`), ["PUBACK"]);
  });

test("refuses delayed messages where nothing keeps them", async () => {
  const publisher = await (await MemoryServer.start()).connect5("p");
  await publisher.publish("$delayed/1/t", "x", { qos: 1 });
  assert.deepEqual(publisher.names(), ["PUBACK 90"]);
});

test("asks whether the client may publish to the topic", async () => {
  const access = { allows: (_: unknown, action: string, topic: string) => action !== "publish" || topic === "free" };
  const rig = await start({ access });
  assert.deepEqual(await publish(rig, "$delayed/1/closed"), ["PUBACK 87"]);
  assert.deepEqual(await publish(rig, "$delayed/1/free"), ["PUBACK"]);
});

test("shows hooks the topic behind the delay", async () => {
  const topics: string[] = [];
  const rig = await start({ hooks: { onPublish: ({ route }) => topics.push(route.topic) > 1 } });
  await publish(rig, "$delayed/0/a");
  await publish(rig, "$delayed/0/b");
  await rig.server.run();
  assert.deepEqual(topics, ["a", "b"]);
  assert.deepEqual(
    rig.subscriber.messages().map(({ topic }) => topic),
    ["b"],
  );
});

test("tells other nodes when it is due, not before", async () => {
  const topics: string[] = [];
  const bus = {
    hasPeers: true,
    publish: ({ topic }: { readonly topic: Uint8Array }) => void topics.push(Buffer.from(topic).toString()),
    start: async () => undefined,
    stop: async () => undefined,
  };
  const rig = await start({ bus });
  await publish(rig, "$delayed/5/t");
  assert.deepEqual(topics, []);
  await rig.server.advance(5_000);
  assert.deepEqual(topics, ["t"]);
});

test("refuses delayed messages beyond the limit with 0x97", async () => {
  const rig = await start({ limits: { delayedMessagesMax: 2 } });
  const answers = [];
  for (let i = 0; i < 3; i++) answers.push(...(await publish(rig, "$delayed/1/t")));
  assert.deepEqual(answers, ["PUBACK", "PUBACK", "PUBACK 97"]);
  await rig.server.advance(1_000);
  assert.deepEqual(await publish(rig, "$delayed/1/t"), ["PUBACK"]);
});

test("publishes after a crash what was acknowledged before", async () => {
  const rig = await start();
  const away = await rig.server.connect5("away", lasting);
  await away.subscribe("t", { qos: 1 });
  await publish(rig, "$delayed/600/t", "due");
  await publish(rig, "$delayed/86400/t", "not due");
  const server = await rig.durable.crash(600_000);
  await server.run();
  const back = server.open5();
  await back.connect("away", lasting);
  await server.run();
  assert.deepEqual(back.payloads(), ["due"]);
  assert.equal(server.metric("polylog_mqtt_delayed_messages"), 1);
});

test("a session gets what came due while nobody was there", async () => {
  const { durable, server, publisher } = await start();
  const away = await server.connect5("away", lasting);
  await away.subscribe("t", { qos: 1 });
  await away.disconnect();
  await publisher.publish("$delayed/10/t", "late", { qos: 1 });
  await server.run();
  const later = await durable.restart(60_000);
  await later.run();
  const back = later.open5();
  await back.connect("away", lasting);
  await later.run();
  assert.deepEqual(back.payloads(), ["late"]);
});

test("does not publish twice after a clean restart", async () => {
  const rig = await start();
  await publish(rig, "$delayed/1/t");
  await rig.server.advance(1_000);
  const server = await rig.durable.restart(5_000);
  assert.equal(server.metric("polylog_mqtt_delayed_messages"), 0);
});

test("takes a repeated PUBLISH of QoS 2 once", async () => {
  const { server, publisher, subscriber } = await start();
  for (const dup of [false, true])
    await publisher.publish("$delayed/1/t", "once", { qos: 2, dup, packetIdentifier: 5 });
  await server.run();
  assert.deepEqual(publisher.names(), ["PUBREC", "PUBREC"]);
  await server.advance(1_000);
  assert.deepEqual(subscriber.payloads(), ["once"]);
});

test("does not send a client its own delayed message with No Local", async () => {
  const { server, publisher } = await start();
  await publisher.subscribe("t", { noLocal: true });
  await publisher.publish("$delayed/1/t", "own");
  await server.advance(1_000);
  assert.deepEqual(publisher.payloads(), []);
});

test("a will to a delayed topic is refused", async () => {
  const client = (await DurableServer.start()).server.open5();
  const will = { topic: "$delayed/1/t", payload: Buffer.alloc(0), qos: 0, retain: false, properties: {} } as const;
  await client.connect("a", { will });
  assert.deepEqual(client.names(), ["CONNACK 90"]);
});

test("a client of MQTT 3.1.1 can delay", async () => {
  const { server, subscriber } = await start();
  const old = await server.connect("old");
  await old.publish("$delayed/2/t", "old", { qos: 1 });
  await server.run();
  assert.deepEqual(
    old.packets().map(({ type }) => type),
    ["PUBACK"],
  );
  await server.advance(2_000);
  assert.deepEqual(subscriber.payloads(), ["old"]);
});

test("sends a large delayed payload from memory that nothing else is read into", async () => {
  const { server, publisher } = await start();
  const subscriber = await server.connect5("identified");
  await subscriber.subscribe("large/#", { qos: 0, identifier: 7 });
  const count = 24;
  for (let i = 0; i < count; i++) {
    await publisher.publish(`$delayed/10/large/${i}`, `${i % 10}`.repeat(700_000), { qos: 1 });
    await server.run();
  }
  // As a socket whose peer reads slowly: it holds what it was given.
  const held: Uint8Array[] = [];
  subscriber.stream.write = (bytes) => held.push(bytes) > 0;
  await server.advance(12_000);
  const sizes = held.filter(({ length }) => length >= 700_000);
  assert.equal(sizes.length, count);
  for (const bytes of sizes) assert.equal(new Set(bytes.subarray(-700_000)).size, 1);
});

/** What the server tells of delayed messages, while turns go by. */
async function list({ server }: Awaited<ReturnType<typeof start>>, filter?: string, clientId?: string) {
  const all: DelayedInfo[] = [];
  const reading = (async () => {
    for await (const each of server.server.delayed({ after: -1, filter, clientId })) all.push(each);
    return true;
  })();
  while (!(await Promise.race([reading, server.run()])));
  return all;
}

test("tells an administrator what waits", async () => {
  const rig = await start();
  const dueMs = rig.server.clock.nowMs() + 10_000;
  await rig.publisher.publish("$delayed/10/a/b", "later", { qos: 2, retain: true });
  await rig.subscriber.publish("$delayed/10/c", "", { qos: 0 });
  await rig.server.run();
  const first = { id: 0, topic: "a/b", dueMs, clientId: "p", qos: 2, retain: true, size: 5 };
  const second = { id: 1, topic: "c", dueMs, clientId: "s", qos: 0, retain: false, size: 0 };
  assert.deepEqual(await list(rig), [first, second]);
  assert.deepEqual(await list(rig, "a/#"), [first]);
  assert.deepEqual(await list(rig, undefined, "s"), [second]);
  await rig.server.advance(10_000);
  assert.deepEqual(await list(rig), []);
});

test("an administrator takes a delayed message back", async () => {
  const rig = await start();
  for (const text of ["1", "2"]) await publish(rig, "$delayed/10/t", text);
  const cancelling = rig.server.server.cancelDelayed([0, 5]);
  await rig.server.run();
  assert.deepEqual(await cancelling, [0]);
  await rig.server.advance(10_000);
  assert.deepEqual(rig.subscriber.payloads(), ["2"]);
});
