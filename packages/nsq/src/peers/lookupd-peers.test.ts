import assert from "node:assert/strict";
import { test } from "node:test";
import { TestPeers } from "../testing/test-peers.ts";

const logs = { orders: ["billing", "tail#ephemeral"], alone: [] };
const registered = ["alone", "orders", "orders billing", "orders tail#ephemeral"];

test("registers everything there is with every nsqlookupd", async () => {
  const test = await TestPeers.start({ addresses: ["a:1", "b:1"], logs });
  for (const address of ["a:1", "b:1"]) assert.deepEqual(test.registered(address), registered);
  const [node] = test.lookupds.get("a:1")!.server.registry.nodes();
  const { broadcast_address: address, tcp_port: tcp, http_port: http, version } = node!.fields;
  assert.deepEqual([address, tcp, http, version], ["nsqd1", 4150, 4151, "1.3.0"]);
});

test("registers more than an nsqlookupd is sent at a time", async () => {
  const names = Array.from({ length: 300 }, (_, i) => `topic-${i}`);
  const test = await TestPeers.start({ addresses: ["a:1"], logs: Object.fromEntries(names.map((name) => [name, []])) });
  await test.run();
  assert.deepEqual(test.registered("a:1"), names.toSorted());
});

test("tells of what comes and goes", async () => {
  const test = await TestPeers.start({ addresses: ["a:1"] });
  const { catalog } = test.memory.broker;
  const log = catalog.ensure("orders");
  await test.run();
  assert.deepEqual(test.registered("a:1"), ["orders"]);
  await catalog.ensureChannel(log, "billing");
  await catalog.ensureChannel(log, "tail#ephemeral");
  await test.run();
  assert.deepEqual(test.registered("a:1"), ["orders", "orders billing", "orders tail#ephemeral"]);
  await catalog.deleteChannel(log, "tail#ephemeral");
  await test.run();
  assert.deepEqual(test.registered("a:1"), ["orders", "orders billing"]);
  await catalog.delete("orders");
  await test.run();
  assert.deepEqual(test.registered("a:1"), []);
  assert.deepEqual(test.lookupds.get("a:1")!.server.registry.channels("orders"), ["billing"]);
});

test("sends PING every 15 seconds", async () => {
  const test = await TestPeers.start({ addresses: ["a:1"], logs });
  const { registry } = test.lookupds.get("a:1")!.server;
  for (let i = 0; i < 30; i++) await test.advance(15_000);
  assert.equal(registry.nodes().length, 1);
  assert.deepEqual(test.dialed, ["a:1"]);
});

test("connects again, ever more seldom, and registers anew", async () => {
  const test = await TestPeers.start({ addresses: ["a:1"], logs }, []);
  assert.equal(test.dialed.length, 1);
  await test.advance(249);
  assert.equal(test.dialed.length, 1);
  await test.advance(1);
  assert.equal(test.dialed.length, 2);
  for (let i = 0; i < 240; i++) await test.advance(250);
  assert.equal(test.dialed.length, 2 + 7); // After 0.5, 1, 2, 4, 8, 15 and 15 s.
  test.addLookupd("a:1");
  for (let i = 0; i < 60; i++) await test.advance(250);
  assert.deepEqual(test.registered("a:1"), registered);
  assert.equal(test.logger.at("warn").length, 1);
});

test("registers anew after the connection was lost", async () => {
  const test = await TestPeers.start({ addresses: ["a:1"], logs });
  test.links[0]!.far.disconnect();
  await test.run();
  assert.deepEqual(test.registered("a:1"), []);
  test.memory.broker.catalog.ensure("later");
  await test.advance(250);
  assert.deepEqual(test.registered("a:1"), ["alone", "later", ...registered.slice(1)]);
});

test("gives up a connection that does not answer", async () => {
  const test = await TestPeers.start({ addresses: ["a:1"], logs });
  test.links[0]!.cut = true;
  test.memory.broker.catalog.ensure("later");
  await test.advance(999);
  assert.equal(test.links[0]!.near.closed, false);
  await test.advance(1);
  assert.equal(test.links[0]!.near.closed, true);
  await test.advance(250);
  assert.equal(test.links.length, 2);
});

test("asks ever more seldom one that refuses what it is told", async () => {
  const test = await TestPeers.start({ addresses: ["a:1"], logs });
  for (let i = 0; i < 40; i++) {
    for (const { far } of test.links) far.disconnect();
    await test.advance(250);
  }
  assert.equal(test.dialed.length, 1 + 5); // After 0.25, 0.5, 1, 2 and 4 s.
});

test("leaves and joins nsqlookupds while it runs", async () => {
  const test = await TestPeers.start({ addresses: ["a:1", "b:1"], logs });
  test.addLookupd("c:1");
  test.peers.changeAddresses(["b:1", "c:1", "c:1"]);
  await test.run();
  assert.deepEqual(test.peers.addresses, ["b:1", "c:1", "c:1"]);
  assert.deepEqual(test.dialed, ["a:1", "b:1", "c:1"]);
  assert.deepEqual([test.registered("a:1"), test.registered("c:1")], [[], registered]);
  assert.throws(() => test.peers.changeAddresses(["nowhere"]), { code: "nsq.LOOKUPD_ADDRESS_INVALID" });
  test.peers.changeAddresses([]);
  await test.run();
  assert.equal(test.lookupds.get("c:1")!.server.registry.nodeCount, 0);
});

test("leaves every nsqlookupd when it stops", async () => {
  const test = await TestPeers.start({ addresses: ["a:1"], own: true, logs });
  const own = test.own.server.registry;
  assert.equal(own.nodes().length, 1);
  await test.peers.stop();
  await test.run();
  assert.deepEqual([own.nodeCount, test.registered("a:1")], [0, []]);
  test.memory.broker.catalog.ensure("later");
  await test.advance(60_000);
  assert.deepEqual([own.hasTopic("later"), test.dialed], [false, ["a:1"]]);
});

test("makes the channels that a new topic has elsewhere, from its first message", async () => {
  const asked: string[] = [];
  const answers = ["billing", "tail#ephemeral", "no name", "billing"];
  const test = await TestPeers.start({
    addresses: ["a:1", "b:1"],
    askChannels: ({ host, port }, topic) => {
      asked.push(`${host}:${port} ${topic}`);
      return asked.length === 1 ? Promise.reject(new Error("unreachable")) : Promise.resolve(answers);
    },
  });
  const { broker } = test.memory;
  const log = broker.catalog.ensure("orders");
  broker.produce(log, Buffer.from("first"), 0, 5, { onDurable: () => undefined }, 0);
  await test.run();
  assert.deepEqual(asked, ["lookup1:4161 orders", "lookup1:4161 orders"]);
  assert.deepEqual([...log.channels.keys()], ["billing"]);
  assert.equal(log.channels.get("billing")!.depth, 1);
  assert.match(
    test.logger
      .at("warn")
      .map(({ message }) => message)
      .join(),
    /could not be asked/,
  );
});

test("makes no channel of a topic that is deleted meanwhile", async () => {
  let answer: (channels: string[]) => void = () => undefined;
  const askChannels = () => new Promise<string[]>((resolve) => (answer = resolve));
  const test = await TestPeers.start({ addresses: ["a:1"], askChannels });
  const { catalog } = test.memory.broker;
  const log = catalog.ensure("orders");
  await test.run();
  await catalog.delete("orders");
  answer(["billing"]);
  await test.run();
  assert.deepEqual([log.channels.size, catalog.size], [0, 0]);
});

test("registers with the nsqlookupd of its own process at once", async () => {
  const test = await TestPeers.start({ own: true, logs });
  const { registry } = test.own.server;
  const { catalog } = test.memory.broker;
  test.own.node("other", "orders theirs");
  assert.deepEqual(registry.channels("orders"), ["billing", "tail#ephemeral", "theirs"]);
  await test.advance(299_000);
  assert.equal(registry.nodes().length, 2);
  await test.advance(2000);
  assert.deepEqual(
    registry.nodes().map(({ fields }) => fields.broadcast_address),
    ["nsqd1"],
  );
  await catalog.delete("alone");
  await catalog.deleteChannel(catalog.require("orders"), "billing");
  assert.deepEqual([registry.topics(), registry.channels("orders")], [["orders"], ["tail#ephemeral", "theirs"]]);
});

test("gives a topic that is made again no channels of its past", async () => {
  const test = await TestPeers.start({ own: true, logs });
  const { registry } = test.own.server;
  const { catalog } = test.memory.broker;
  registry.createChannel("orders", "planned");
  await catalog.delete("orders");
  registry.createChannel("orders", "planned");
  const log = catalog.ensure("orders");
  await test.run();
  assert.deepEqual([...log.channels.keys()], ["planned"]);
});
