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

/** As `start`, with a log of the topic's name; what a producer of another protocol does. */
async function startLog(filter: string, messagesMax: number) {
  const rig = await start(filter, messagesMax);
  const { broker } = rig.server;
  const log = broker.catalog.ensure("t");
  const waiter = { onDurable: () => undefined };
  const values = (texts: readonly string[]) => texts.map((text) => ({ value: Buffer.from(text) }));
  const frames = (texts: readonly string[]) =>
    Buffer.concat(texts.flatMap((text) => [Buffer.of(0, 0, 0, text.length), Buffer.from(text)]));
  return {
    ...rig,
    log,
    one: (text: string) => broker.produce(log, Buffer.from(text), 0, text.length, waiter, 0),
    framed: (...texts: string[]) =>
      broker.produceFramed(log, frames(texts), 0, frames(texts).length, texts.length, waiter, 0),
    records: (...texts: string[]) => {
      broker.askFirst(log, values(texts));
      for (const fields of values(texts)) broker.produceRecord(log, log.partitions[0]!, fields);
    },
    once: (sequence: number, epoch: number, ...texts: string[]) =>
      broker.produceOnce(log, log.partitions[0]!, { id: "p", epoch, sequence }, values(texts)),
  };
}

const full = { code: "broker.SESSION_QUEUE_FULL" };

test("asks before what is produced is appended", async () => {
  const { server, log, one, framed, records } = await startLog("t", 2);
  const online = await server.connect5("online");
  await online.subscribe("t", { qos: 1 });
  online.packets();
  assert.throws(() => framed("1", "2", "3"), full);
  assert.throws(() => records("1", "2", "3"), full);
  framed("1", "2");
  assert.throws(() => one("3"), full);
  assert.throws(() => records("3"), full);
  await server.run();
  assert.deepEqual([online.payloads(), log.partitions[0]!.nextOffset], [["1", "2"], 2]);
  const back = server.open5();
  await back.connect("away", lasting);
  const messages = back.messages();
  assert.deepEqual(
    messages.map(({ text }) => text),
    ["1", "2"],
  );
  for (const { packetIdentifier } of messages) await back.ack("PUBACK", packetIdentifier);
  await server.run();
  one("3");
  await server.run();
  assert.deepEqual(back.payloads(), ["3"]);
});

test("answers a repeated call of a producer although a session is full", async () => {
  const { server, once } = await startLog("t", 1);
  const epoch = await server.broker.producers.open("p");
  assert.deepEqual(once(0, epoch, "1"), { baseOffset: 0, duplicate: false });
  await server.run();
  assert.deepEqual(once(0, epoch, "1"), { baseOffset: 0, duplicate: true });
  assert.throws(() => once(1, epoch, "2"), full);
});

test("does not ask about what is deferred or expired", async () => {
  const { server, log, one } = await startLog("t", 1);
  one("1");
  const [partition] = log.partitions;
  for (const fields of [{ notBeforeMs: server.clock.nowMs() + 5 }, { expiresMs: 1 }]) {
    const record = { value: Buffer.from("2"), ...fields };
    server.broker.askFirst(log, [record]);
    server.broker.produceRecord(log, partition!, record);
  }
  await server.run();
  assert.equal(partition!.nextOffset, 3);
});

test("has room in a shared subscription for all of a call, or takes none of it", async () => {
  const { server, log, framed } = await startLog("$share/g/t", 2);
  const [first, second] = [await server.connect5("first"), await server.connect5("second")];
  for (const client of [first, second]) await client.subscribe("$share/g/t", { qos: 1 });
  for (const client of [first, second]) client.packets();
  assert.throws(() => framed("1", "2", "3", "4", "5"), full);
  assert.equal(log.partitions[0]!.nextOffset, 0);
  framed("1", "2", "3", "4");
  await server.run();
  assert.deepEqual([...first.payloads(), ...second.payloads()].sort(), ["1", "2", "3", "4"]);
});
