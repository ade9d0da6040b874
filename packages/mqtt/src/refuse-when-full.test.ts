import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryServer } from "./testing/memory-server.ts";

const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 100 } };

/** A server with a session that is away and whose queue for `t` takes `messagesMax` messages, and a publisher. */
async function start(filter: string, messagesMax = 1) {
  const captures = [{ log: "captured", filter: "t" }];
  const server = await MemoryServer.start({ captures, limits: { queuedMessagesMax: messagesMax, whenFull: "refuse" } });
  const away = await server.connect5("away", lasting);
  await away.subscribe(filter, { qos: 1 });
  await away.disconnect();
  return { server, publisher: await server.connect5("publisher") };
}

/** Publishes and returns the answer. */
async function publish({ server, publisher }: Awaited<ReturnType<typeof start>>, text: string, retain = false) {
  await publisher.publish("t", text, { qos: 1, retain });
  await server.run();
  return publisher.names();
}

test("delivers nothing that a full session refuses", async () => {
  const rig = await start("t");
  const online = await rig.server.connect5("online");
  await online.subscribe("t", { qos: 1 });
  online.packets();
  assert.deepEqual(await publish(rig, "1"), ["PUBACK"]);
  assert.deepEqual(await publish(rig, "2", true), ["PUBACK 97"]);
  assert.deepEqual(online.payloads(), ["1"]);
  assert.equal(rig.server.broker.catalog.require("captured").partitions[0]!.nextOffset, 1);
  assert.equal(rig.server.broker.retained.size, 0);
  const dropped = rig.server.metric('polylog_mqtt_queue_dropped_total{which="refused"}');
  assert.equal(dropped, 1);
});

test("refuses what the queue of a shared subscription has no room for", async () => {
  const rig = await start("$share/g/t");
  const online = await rig.server.connect5("online");
  await online.subscribe("#");
  online.packets();
  assert.deepEqual(await publish(rig, "1"), ["PUBACK"]);
  assert.deepEqual(await publish(rig, "2"), ["PUBACK 97"]);
  assert.deepEqual(online.payloads(), ["1"]);
});

test("counts both copies for a session with a shared subscription too", async () => {
  const { server, publisher } = await start("other");
  const both = await server.connect5("both", lasting);
  await both.subscribe("t", { qos: 1 });
  await both.subscribe("$share/g/t", { qos: 1 });
  both.packets();
  assert.deepEqual(await publish({ server, publisher }, "1"), ["PUBACK 97"]);
  assert.deepEqual(both.payloads(), []);
});

test("takes a message again once there is room", async () => {
  const rig = await start("t");
  await publish(rig, "1");
  const back = rig.server.open5();
  await back.connect("away", lasting);
  const [message] = back.messages();
  await back.ack("PUBACK", message!.packetIdentifier);
  assert.deepEqual(await publish(rig, "2"), ["PUBACK"]);
  assert.deepEqual(back.payloads(), ["2"]);
});

test("passes over a session whose own message it is", async () => {
  const { server } = await start("other");
  const own = await server.connect5("own", lasting);
  await own.subscribe("t", { qos: 1, noLocal: true });
  own.packets();
  for (const text of ["1", "2"]) await own.publish("t", text, { qos: 1 });
  await server.run();
  assert.deepEqual(own.names(), ["PUBACK", "PUBACK"]);
});
