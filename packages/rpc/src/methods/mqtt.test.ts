import assert from "node:assert/strict";
import { test } from "node:test";
import { Publication } from "@polylog/broker";
import { delayedLengthMax, listRowsMax, subscriptionsPerTurn } from "../limits.ts";
import type { MqttAdmin, MqttBridge, MqttClient, MqttDelayed, MqttSubscription } from "../mqtt-admin.ts";
import { MemoryClient } from "../testing/memory-client.ts";

const counts = { subscriptionCount: 2, inFlightCount: 1, queuedCount: 0 };
const traffic = {
  ...{ messagesIn: 7, messagesOut: 6, bytesIn: 500, bytesOut: 400 },
  ...{ messagesInPerSecond: 0.7, messagesOutPerSecond: 0.6, bytesInPerSecond: 50, bytesOutPerSecond: 40 },
};
const mqttClients: readonly MqttClient[] = [
  { clientId: "a", remote: "10.0.0.1:5", persistent: false, ...counts, traffic },
  { clientId: "b", remote: undefined, persistent: true, ...counts, traffic: undefined },
  { clientId: "c", remote: "10.0.0.2:6", persistent: true, ...counts, traffic },
];

const subscriptions: readonly MqttSubscription[] = [
  { clientId: "a", filter: "x/#", qos: 0 },
  { clientId: "b", filter: "$share/g/y", qos: 1 },
  { clientId: "b", filter: "z", qos: 2 },
];

const counters = { connects: 2, failures: 1, out: 7, in: 8 };
const mqttBridges: readonly MqttBridge[] = [
  {
    name: "plant",
    remote: "mqtt://10.0.0.3:1883",
    status: "waiting",
    version: undefined,
    reason: "10.0.0.3:1883 cannot be reached",
    queuedCount: 5,
    droppedCount: 0,
    counters,
  },
];

const delayed: readonly MqttDelayed[] = [
  { id: 3, topic: "x/1", dueMs: 5000, clientId: "a", qos: 1, retain: false, size: 7 },
  { id: 8, topic: "x/2", dueMs: Number.NaN, clientId: undefined, qos: undefined, retain: undefined, size: 0 },
];

const start = (given = subscriptions, waiting = delayed) => {
  const mqtt: MqttAdmin = {
    clients: () => mqttClients,
    subscriptions: () => given,
    kick: (clientId) => clientId === "a",
    bridges: () => mqttBridges,
    delayed: async function* ({ after, filter = "", clientId = "" }) {
      for (const each of waiting)
        if (each.id > after && each.topic.startsWith(filter) && (each.clientId ?? "").startsWith(clientId)) yield each;
    },
    cancelDelayed: async (ids) => ids.filter((id) => waiting.some((each) => each.id === id)),
  };
  return MemoryClient.start({ mqtt });
};

test("mqtt.clients lists who is connected", async () => {
  const client = await start();
  const { clients, more } = await client.ask("mqtt.clients", {});
  assert.deepEqual(clients[0], {
    clientId: "a",
    remote: "10.0.0.1:5",
    persistent: false,
    subscriptions: 2,
    inFlight: 1,
    queued: 0,
    ...traffic,
  });
  assert.deepEqual([clients.map(({ clientId }) => clientId), more], [["a", "c"], false]);
});

test("mqtt.sessions lists those without a client too", async () => {
  const client = await start();
  const { sessions } = await client.ask("mqtt.sessions", {});
  assert.deepEqual(
    sessions.map(({ clientId, remote }) => [clientId, remote]),
    [
      ["a", "10.0.0.1:5"],
      ["b", null],
      ["c", "10.0.0.2:6"],
    ],
  );
  const { sessions: first, more } = await client.ask("mqtt.sessions", { limit: 2 });
  assert.deepEqual([first.length, more], [2, true]);
});

test("mqtt.subscriptions lists those of all clients or of one", async () => {
  const client = await start();
  assert.deepEqual(await client.ask("mqtt.subscriptions", {}), { subscriptions, more: false });
  const ofOne = await client.ask("mqtt.subscriptions", { clientId: "b" });
  assert.deepEqual(ofOne, { subscriptions: subscriptions.slice(1), more: false });
  const first = await client.ask("mqtt.subscriptions", { clientId: "b", limit: 1 });
  assert.deepEqual(first, { subscriptions: subscriptions.slice(1, 2), more: true });
  assert.deepEqual((await client.ask("mqtt.subscriptions", { clientId: "c" })).subscriptions, []);
});

test("mqtt.subscriptions finds what comes after many others", async () => {
  const others = Array.from({ length: 3 * subscriptionsPerTurn }, () => subscriptions[0]!);
  const client = await start([...others, ...subscriptions]);
  const { subscriptions: found } = await client.ask("mqtt.subscriptions", { clientId: "b" });
  assert.equal(found.length, 2);
});

test("mqtt.kick says whether there was a connection", async () => {
  const client = await start();
  assert.deepEqual(await client.ask("mqtt.kick", { clientId: "a" }), { kicked: true });
  assert.deepEqual(await client.ask("mqtt.kick", { clientId: "nobody" }), { kicked: false });
  for (const params of [{}, { clientId: "" }, { clientId: 1 }])
    assert.equal(await client.refusalCode("mqtt.kick", params), "rpc.INVALID_PARAMS");
});

test("mqtt.bridges says why one is not connected", async () => {
  const client = await start();
  const { bridges } = await client.ask("mqtt.bridges", {});
  const { queuedCount: queued, droppedCount: dropped, reason, name, remote, status } = mqttBridges[0]!;
  assert.deepEqual(bridges, [{ name, remote, status, version: null, reason, queued, dropped, ...counters }]);
});

test("mqtt.delayed lists what waits, a page at a time", async () => {
  const client = await start();
  const first = { id: 3, topic: "x/1", due: 5000, clientId: "a", qos: 1, retain: false, size: 7 };
  const damaged = { id: 8, topic: "x/2", due: null, clientId: null, qos: null, retain: null, size: 0 };
  assert.deepEqual(await client.ask("mqtt.delayed", {}), { delayed: [first, damaged], more: false });
  assert.deepEqual(await client.ask("mqtt.delayed", { limit: 1 }), { delayed: [first], more: true });
  assert.deepEqual(await client.ask("mqtt.delayed", { after: 3 }), { delayed: [damaged], more: false });
  assert.deepEqual(await client.ask("mqtt.delayed", { filter: "x/1" }), { delayed: [first], more: false });
  assert.deepEqual(await client.ask("mqtt.delayed", { clientId: "b" }), { delayed: [], more: false });
  for (const params of [{ limit: 0 }, { limit: listRowsMax + 1 }, { after: -1 }, { filter: "" }, { id: 3 }])
    assert.equal(await client.refusalCode("mqtt.delayed", params), "rpc.INVALID_PARAMS");
});

test("mqtt.delayed ends an answer that is large enough", async () => {
  const topic = "t".repeat(60_000);
  const long = Array.from({ length: 100 }, (_, id) => ({ ...delayed[0]!, id, topic }));
  const client = await start(subscriptions, long);
  const { delayed: listed, more } = await client.ask("mqtt.delayed", {});
  assert.deepEqual([listed.length, more], [Math.ceil(delayedLengthMax / topic.length), true]);
});

test("mqtt.cancelDelayed tells which ones waited", async () => {
  const client = await start();
  assert.deepEqual(await client.ask("mqtt.cancelDelayed", { ids: [8, 5, 3] }), { cancelled: [8, 3] });
  const tooMany = Array.from({ length: listRowsMax + 1 }, () => 3);
  for (const ids of [[], [-1], ["3"], 3, tooMany])
    assert.equal(await client.refusalCode("mqtt.cancelDelayed", { ids }), "rpc.INVALID_PARAMS");
});

test("mqtt.retained lists what matches", async () => {
  const client = await start();
  const { broker } = client.memory;
  for (const topic of ["a/1", "a/2", "b"]) {
    const publication = new Publication();
    publication.begin(broker.router.resolveName(topic));
    publication.payload = Buffer.from("xyz");
    publication.payloadEnd = 3;
    publication.qos = 1;
    publication.retain = true;
    broker.publish(publication, undefined, 0);
  }
  const { retained } = await client.ask("mqtt.retained", { filter: "a/+" });
  assert.deepEqual(
    retained.map(({ topic, qos, size, expires }) => [topic, qos, size, expires]),
    [
      ["a/1", 1, 3, null],
      ["a/2", 1, 3, null],
    ],
  );
  const all = await client.ask("mqtt.retained", { limit: 2 });
  assert.deepEqual([all.retained.length, all.more], [2, true]);
  assert.equal(await client.refusalCode("mqtt.retained", { filter: "" }), "rpc.INVALID_PARAMS");
});

test("mqtt methods are for those who may manage $mqtt", async () => {
  const asked: string[] = [];
  const allows = (_principal: object, action: string, resource: string) => {
    asked.push(`${action} ${resource}`);
    return false;
  };
  const client = await MemoryClient.start({ access: { allows } });
  for (const what of ["clients", "sessions", "subscriptions", "retained", "delayed", "bridges"])
    assert.equal(await client.refusalCode(`mqtt.${what}`, {}), "broker.NOT_AUTHORIZED");
  assert.equal(await client.refusalCode("mqtt.cancelDelayed", { ids: [1] }), "broker.NOT_AUTHORIZED");
  assert.equal(await client.refusalCode("mqtt.kick", { clientId: "a" }), "broker.NOT_AUTHORIZED");
  assert.deepEqual(new Set(asked), new Set(["manage $mqtt"]));
});
