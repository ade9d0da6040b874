import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { TurnFlusher } from "@polylog/base/transport";
import { MemoryStream, settle } from "@polylog/testkit";
import { resolveLimits } from "./limits.ts";
import { MqttServer } from "./mqtt-server.ts";
import { connectBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

test("closes connections above the limit", async () => {
  const server = await MemoryServer.start({ limits: { connectionsMax: 2 } });
  const clients = [server.open(), server.open(), server.open()];
  assert.deepEqual(
    clients.map(({ closed }) => closed),
    [false, false, true],
  );
  assert.equal(server.metric("polylog_mqtt_connections_refused_total"), 1);
  clients[0].stream.disconnect();
  assert.equal(server.open().closed, false);
});

test("lists sessions with and without a connection", async () => {
  const server = await MemoryServer.start();
  const away = await server.connect("away", { cleanSession: false });
  await away.subscribe("t", 1);
  await away.disconnect();
  const here = await server.connect("here");
  await here.subscribe("t", 1);
  await here.publish("t", "x", { qos: 1 });
  const counts = { subscriptionCount: 1, inFlightCount: 0, queuedCount: 0, droppedCount: 0 };
  const forGood = Number.POSITIVE_INFINITY;
  const clients = [...server.server.clients()];
  assert.deepEqual(
    clients.map(({ traffic }) => [traffic?.messagesIn, traffic?.messagesOut]),
    [
      [undefined, undefined],
      [1, 1],
    ],
  );
  assert.deepEqual(
    clients.map(({ traffic: _, ...client }) => client),
    [
      { clientId: "away", remote: undefined, persistent: true, expirySeconds: forGood, ...counts, queuedCount: 1 },
      {
        clientId: "here",
        remote: `memory:${here.stream.remotePort}`,
        persistent: false,
        expirySeconds: 0,
        ...counts,
        inFlightCount: 1,
      },
    ],
  );
});

test("accepts nothing before it is started", async () => {
  const { broker } = await MemoryServer.start();
  const clock = new ManualClock();
  const server = new MqttServer({ broker, clock, flusher: new TurnFlusher(clock) });
  const stream = new MemoryStream();
  server.accept(stream);
  assert.equal(stream.closed, true);
});

test("stops at once without connections", async () => {
  const server = await MemoryServer.start();
  await server.server.stop();
  assert.equal(server.open().closed, true);
});

test("stop ends connections that wait for nothing", async () => {
  const server = await MemoryServer.start();
  const clients = [server.open(), await server.connect("a"), await server.connect("b", { cleanSession: false })];
  await server.server.stop();
  assert.ok(clients.every(({ closed }) => closed));
  assert.equal(server.server.connectionCount, 0);
});

test("stop sends the PUBACKs that are due first", async () => {
  const server = await MemoryServer.start({ captures: [{ log: "log", filter: "t" }] });
  server.storage.manual = true;
  const client = await server.connect("a");
  await client.publish("t", "x", { qos: 1 });
  const stopped = server.server.stop();
  await server.run();
  assert.equal(client.closed, false);
  await client.publish("t", "too late", { qos: 1 });
  server.storage.complete();
  await server.run();
  await stopped;
  assert.deepEqual(client.packets(), [{ type: "PUBACK", packetIdentifier: 1 }]);
  assert.equal(client.closed, true);
});

test("stop gives up at its deadline", async () => {
  const server = await MemoryServer.start({ captures: [{ log: "log", filter: "t" }] });
  server.storage.manual = true;
  const client = await server.connect("a");
  await client.publish("t", "x", { qos: 1 });
  let isStopped = false;
  const stopped = server.server.stop({ deadlineMs: 5_000 }).then(() => {
    isStopped = true;
  });
  server.clock.advance(4_000);
  await settle();
  assert.equal(isStopped, false);
  server.clock.advance(1_000);
  await stopped;
  assert.deepEqual([client.packets(), client.closed], [[], true]);
});

test("stop publishes wills", async () => {
  const server = await MemoryServer.start({ captures: [{ log: "wills", filter: "will" }] });
  await server.connect("a", { will: { topic: "will", payload: Buffer.from("x"), qos: 0, retain: false } });
  await server.server.stop();
  assert.equal(server.broker.catalog.require("wills").partitions[0].nextOffset, 1);
});

test("ignores what a connection sends while it is ending", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await server.server.stop();
  await client.send(connectBytes("a"));
  assert.deepEqual(client.packets(), []);
});

test("counts packets by type in both directions", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.subscribe("t", 1);
  await client.publish("t", "x", { qos: 1 });
  await client.puback(1);
  await client.unsubscribe("t");
  await client.ping();
  const received = (type: string) => server.metric(`polylog_mqtt_packets_received_total{type="${type}"}`);
  const sent = (type: string) => server.metric(`polylog_mqtt_packets_sent_total{type="${type}"}`);
  for (const type of ["CONNECT", "SUBSCRIBE", "PUBLISH", "PUBACK", "UNSUBSCRIBE", "PINGREQ"])
    assert.equal(received(type), 1, type);
  for (const type of ["CONNACK", "SUBACK", "PUBLISH", "PUBACK", "UNSUBACK", "PINGRESP"])
    assert.equal(sent(type), 1, type);
});

test("refuses limits that contradict each other", () => {
  assert.throws(() => resolveLimits({ inFlightMax: 0 }), RangeError);
  assert.throws(() => resolveLimits({ unacknowledgedMax: 65_536 }), RangeError);
  assert.throws(() => resolveLimits({ backlogBytesMax: 2, outputBytesMax: 1 }), RangeError);
  assert.equal(resolveLimits({ packetSizeMax: 1024 }).connectPacketSizeMax, 1024);
  assert.equal(resolveLimits({ packetSizeMax: 2 ** 28 }).queuedBytesMax, 2 ** 28);
});
