import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { type LookupdNode, Registry } from "./registry.ts";

function start(registrationsMax = 100, registrationsPerNodeMax = registrationsMax) {
  const clock = new ManualClock();
  const bounds = { registrationsMax, registrationsPerNodeMax };
  const limits = { inactiveProducerTimeoutMs: 300_000, tombstoneLifetimeMs: 45_000, ...bounds };
  const registry = new Registry({ clock, ...limits });
  const addNode = (host: string): LookupdNode => {
    const fields = {
      broadcast_address: host,
      hostname: host,
      tcp_port: 4150,
      http_port: 4151,
      version: "1.3.0",
      topology_zone: "",
      topology_region: "",
    };
    const node = { id: host, remoteAddress: host, fields, heardAtMs: 0, heardAtMonotonicMs: clock.monotonicMs() };
    registry.addNode(node);
    return node;
  };
  return { clock, registry, addNode };
}

const hosts = (nodes: readonly LookupdNode[]) => nodes.map(({ id }) => id);

test("registers a channel together with its topic", () => {
  const { registry, addNode } = start();
  assert.equal(registry.register(addNode("a"), "t", "c"), true);
  assert.deepEqual(
    [registry.topics(), registry.channels("t"), hosts(registry.activeNodes("t"))],
    [["t"], ["c"], ["a"]],
  );
  assert.deepEqual([...registry.entries()].map(({ key }) => key).sort(), ["channel:t:c", "client::", "topic:t:"]);
});

test("keeps what nobody has any more, unless it is ephemeral", () => {
  const { registry, addNode } = start();
  const [a, b] = [addNode("a"), addNode("b")];
  for (const node of [a, b]) for (const channel of ["c", "e#ephemeral"]) registry.register(node, "t", channel);
  registry.unregister(a, "t", "e#ephemeral");
  assert.deepEqual(registry.channels("t"), ["c", "e#ephemeral"]);
  registry.unregister(b, "t", "e#ephemeral");
  registry.unregister(a, "t", "c");
  registry.unregister(b, "t", "c");
  assert.deepEqual(registry.channels("t"), ["c"]);
  assert.deepEqual(hosts(registry.activeNodes("t")), ["a", "b"]);
});

test("takes an nsqd's channels with its topic", () => {
  const { registry, addNode } = start();
  const a = addNode("a");
  registry.register(a, "t#ephemeral", "c");
  registry.unregister(a, "t#ephemeral", "");
  assert.deepEqual([registry.topics(), registry.channels("t#ephemeral")], [[], ["c"]]);
  assert.deepEqual(
    [...registry.entries()].map(({ key }) => key),
    ["client::"],
  );
});

test("forgets what nobody else has when told so", () => {
  const { registry, addNode } = start();
  const [a, b] = [addNode("a"), addNode("b")];
  for (const node of [a, b]) registry.register(node, "t", "shared");
  registry.register(a, "t", "own");
  registry.register(a, "u", "own");
  registry.unregister(a, "t", "", true);
  registry.unregister(a, "u", "own", true);
  assert.deepEqual([registry.channels("t"), registry.channels("u"), registry.topics()], [["shared"], [], ["t", "u"]]);
  registry.unregister(a, "u", "", true);
  assert.deepEqual([registry.topics(), registry.topicCount, registry.channelCount], [["t"], 1, 1]);
});

test("hides a node with a tombstone until its lifetime is over", () => {
  const { clock, registry, addNode } = start();
  const a = addNode("a");
  for (const topic of ["t", "u"]) registry.register(a, topic, "");
  registry.tombstone("t", "b:4151");
  registry.tombstone("t", "a:1");
  assert.deepEqual(hosts(registry.activeNodes("t")), ["a"]);
  registry.tombstone("t", "a:4151");
  registry.register(a, "t", ""); // Does not lift it.
  assert.deepEqual([hosts(registry.activeNodes("t")), hosts(registry.activeNodes("u"))], [[], ["a"]]);
  assert.deepEqual(registry.topicsOf(registry.nodes()).get(a), [
    { topic: "t", tombstoned: true },
    { topic: "u", tombstoned: false },
  ]);
  clock.advance(45_000);
  assert.deepEqual(hosts(registry.activeNodes("t")), ["a"]);
});

test("shows no tombstone for a topic that was unregistered", () => {
  const { clock, registry, addNode } = start();
  const a = addNode("a");
  registry.register(a, "t", "");
  registry.tombstone("t", "a:4151");
  registry.unregister(a, "t", "");
  clock.advance(60_000);
  assert.deepEqual([registry.activeNodes("t"), registry.topics()], [[], ["t"]]);
});

test("does not tell of nodes that are silent", () => {
  const { clock, registry, addNode } = start();
  const a = addNode("a");
  registry.register(a, "t", "");
  clock.advance(300_000);
  assert.deepEqual([registry.nodes().length, registry.activeNodes("t").length], [1, 1]);
  clock.advance(1);
  assert.deepEqual([registry.nodes().length, registry.activeNodes("t").length], [0, 0]);
  registry.removeNode(a);
  assert.equal(registry.nodeCount, 0);
});

test("takes * for every topic", () => {
  const { registry, addNode } = start();
  assert.equal(registry.hasTopic("*"), false);
  const a = addNode("a");
  for (const topic of ["t", "u"]) registry.register(a, topic, "c");
  assert.deepEqual([registry.hasTopic("*"), registry.channels("*")], [true, ["c", "c"]]);
  assert.deepEqual(hosts(registry.activeNodes("*")), ["a"]);
  registry.deleteTopic("*");
  assert.deepEqual([registry.topics(), registry.channels("*"), registry.channelCount], [[], [], 0]);
});

test("deletes a topic with its channels, and single channels", () => {
  const { registry } = start();
  for (const channel of ["a", "b"]) registry.createChannel("t", channel);
  assert.deepEqual([registry.deleteChannel("t", "a"), registry.deleteChannel("t", "a")], [true, false]);
  assert.equal(registry.deleteChannel("x", "a"), false);
  registry.deleteTopic("t");
  registry.deleteTopic("t");
  assert.deepEqual([registry.hasTopic("t"), registry.channels("t")], [false, []]);
});

test("holds no more than its bound", () => {
  const { registry, addNode } = start(3);
  const a = addNode("a");
  assert.equal(registry.register(a, "t", "c"), true);
  assert.equal(registry.register(a, "t", "c"), true);
  assert.equal(registry.register(a, "u", "c"), false);
  assert.equal(registry.register(a, "u", ""), true);
  assert.equal(registry.createTopic("v"), false);
  assert.equal(registry.createTopic("u"), true);
});

test("forgets what those who have gone left when there is no room", () => {
  const { clock, registry, addNode } = start(10);
  const [good, evil] = [addNode("good"), addNode("evil")];
  registry.register(good, "t", "c");
  for (let i = 0; i < 100; i++) registry.register(evil, `evil${i}`, "");
  assert.equal(registry.register(good, "u", ""), false);
  registry.removeNode(evil);
  assert.equal(registry.topicCount, 9);
  assert.equal(registry.register(good, "u", ""), false); // It looked for room just now.
  clock.advance(1000);
  assert.equal(registry.register(good, "u", "c"), true);
  assert.deepEqual([registry.topics(), registry.channelCount], [["t", "u"], 2]);
});

test("lets one nsqd have only a part", () => {
  const { registry, addNode } = start(100, 10);
  const [good, evil] = [addNode("good"), addNode("evil")];
  for (let i = 0; i < 100; i++) registry.register(evil, `evil${i}`, "");
  assert.ok(registry.topicCount <= 10);
  assert.equal(registry.register(evil, "evil0", ""), true);
  assert.equal(registry.register(good, "t", "c"), true);
});

test("bounds what many nsqds have of the same", () => {
  const { registry, addNode } = start(10);
  let count = 0;
  for (let i = 0; i < 100; i++) if (registry.register(addNode(`${i}`), "t", "")) count++;
  assert.equal(count, 20);
  registry.deleteTopic("t");
  assert.equal(registry.register(addNode("last"), "u", "c"), true);
});

test("knows nothing of an nsqd that has gone, whatever was deleted meanwhile", () => {
  const { registry, addNode } = start();
  const [a, b] = [addNode("a"), addNode("b")];
  for (let i = 0; i < 200; i++) {
    for (const node of [a, b]) assert.equal(registry.register(node, "t", "c"), true, `${i}`);
    if (i % 2 === 0) registry.deleteTopic("t");
    else registry.deleteChannel("t", "c");
  }
  registry.register(a, "t", "c");
  registry.register(b, "t", "c");
  registry.removeNode(a);
  assert.deepEqual(hosts(registry.activeNodes("t")), ["b"]);
  assert.deepEqual([...registry.entries()].map(({ key, node }) => `${key} ${node.id}`).sort(), [
    "channel:t:c b",
    "client:: b",
    "topic:t: b",
  ]);
});
