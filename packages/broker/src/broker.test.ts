import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter } from "@polylog/log";
import { decodeHeaders, RecordCursor } from "@polylog/log";
import type { BrokerLog } from "./catalog/broker-log.ts";
import { defaultBrokerLimits } from "./limits.ts";
import { Publication, type QoS, type Subscriber, Subscription, type SubscriptionOptions } from "./publication.ts";
import { MemoryBroker } from "./testing/memory-broker.ts";

class RecordingSubscriber implements Subscriber {
  readonly received: string[] = [];

  onPublication(publication: Publication, _subscription: Subscription, qos: QoS): void {
    const payload = publication.payload.toString("utf8", publication.payloadStart, publication.payloadEnd);
    this.received.push(`${publication.route.topic} ${payload} q${qos}`);
  }
}

class RecordingWaiter implements DurabilityWaiter {
  readonly heard: string[] = [];

  onDurable(token: number, error: PolylogError | undefined): void {
    this.heard.push(error === undefined ? `${token}` : `${token} ${error.code}`);
  }
}

function subscribe(memory: MemoryBroker, subscriber: Subscriber, filter: string, qos: QoS): void {
  memory.broker.router.subscribe(filter, subscriber, new Subscription(subscriber, filter, { qos }));
}

function publication(memory: MemoryBroker, topic: string, payload: string, qos: QoS = 1, retain = false): Publication {
  const message = new Publication();
  message.begin(memory.broker.router.resolveName(topic));
  message.payload = Buffer.from(payload);
  message.payloadEnd = message.payload.length;
  message.qos = qos;
  message.retain = retain;
  return message;
}

function valuesOf(log: BrokerLog): string[] {
  const cursor = new RecordCursor();
  const values: string[] = [];
  const chunk = log.partitions[0]!.cachedChunk(0);
  if (chunk === undefined) return values;
  cursor.reset(chunk, 0);
  while (cursor.next()) values.push(cursor.bytes.toString("utf8", cursor.valueStart, cursor.valueEnd));
  return values;
}

test("acknowledges an uncaptured message at once", async () => {
  const memory = await MemoryBroker.start();
  assert.equal(memory.broker.publish(publication(memory, "a/b", "x"), new RecordingWaiter(), 1), true);
});

test("appends a captured message and acknowledges when it is written", async () => {
  const memory = await MemoryBroker.start({ captures: [{ log: "telemetry", filter: "sensors/#" }] });
  const waiter = new RecordingWaiter();
  assert.equal(memory.broker.publish(publication(memory, "sensors/1", "21"), waiter, 7), false);
  assert.deepEqual(waiter.heard, []);
  await memory.run();
  assert.deepEqual(waiter.heard, ["7"]);
  assert.deepEqual(valuesOf(memory.broker.catalog.require("telemetry")), ["21"]);
});

test("acknowledges once when several logs capture a message", async () => {
  const captures = [
    { log: "all", filter: "#" },
    { log: "telemetry", filter: "sensors/#" },
  ];
  const memory = await MemoryBroker.start({ captures });
  const waiter = new RecordingWaiter();
  assert.equal(memory.broker.publish(publication(memory, "sensors/1", "21", 1, true), waiter, 7), false);
  await memory.run();
  assert.deepEqual(waiter.heard, ["7"]);
  for (const { log } of captures) assert.deepEqual(valuesOf(memory.broker.catalog.require(log)), ["21"]);
});

test("captures its own name unless told otherwise", async () => {
  const memory = await MemoryBroker.start({ captures: [{ log: "telemetry", filter: "sensors/#" }] });
  memory.broker.catalog.ensure("orders");
  memory.broker.publish(publication(memory, "orders", "tea"), undefined, 0);
  memory.broker.publish(publication(memory, "telemetry", "no"), undefined, 0);
  await memory.run();
  assert.deepEqual(valuesOf(memory.broker.catalog.require("orders")), ["tea"]);
  assert.deepEqual(valuesOf(memory.broker.catalog.require("telemetry")), []);
});

test("delivers live once per subscriber at the highest granted QoS", async () => {
  const memory = await MemoryBroker.start();
  const subscriber = new RecordingSubscriber();
  subscribe(memory, subscriber, "a/+", 0);
  subscribe(memory, subscriber, "a/#", 1);
  memory.broker.publish(publication(memory, "a/b", "x", 2), undefined, 0);
  memory.broker.publish(publication(memory, "a/b", "y", 0), undefined, 0);
  assert.deepEqual(subscriber.received, ["a/b x q1", "a/b y q0"]);
});

test("delivers what is produced to the topic of the log's name, and captures it once", async () => {
  const memory = await MemoryBroker.start({ captures: [{ log: "everything", filter: "#" }] });
  const log = memory.broker.catalog.ensure("orders");
  const subscriber = new RecordingSubscriber();
  subscribe(memory, subscriber, "orders", 1);
  const bytes = Buffer.from("tea");
  memory.broker.produce(log, bytes, 0, 3, new RecordingWaiter(), 1);
  await memory.run();
  assert.deepEqual(subscriber.received, ["orders tea q1"]);
  assert.deepEqual(valuesOf(log), ["tea"]);
  assert.deepEqual(valuesOf(memory.broker.catalog.require("everything")), []);
});

test("takes a framed region apart for live subscribers and keeps it whole for the log", async () => {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.ensure("orders");
  const subscriber = new RecordingSubscriber();
  subscribe(memory, subscriber, "#", 0);
  const region = Buffer.from([0, 0, 0, 1, 0x61, 0, 0, 0, 2, 0x62, 0x63]);
  const waiter = new RecordingWaiter();
  assert.equal(memory.broker.produceFramed(log, region, 0, region.length, 2, waiter, 3), false);
  await memory.run();
  assert.deepEqual(subscriber.received, ["orders a q0", "orders bc q0"]);
  assert.deepEqual(valuesOf(log), ["a", "bc"]);
  assert.deepEqual(waiter.heard, ["3"]);
});

test("keeps retained messages over a restart and removes them by an empty one", async () => {
  const memory = await MemoryBroker.start();
  const waiter = new RecordingWaiter();
  assert.equal(memory.broker.publish(publication(memory, "a/b", "x", 1, true), waiter, 1), false);
  await memory.run();
  assert.deepEqual(waiter.heard, ["1"]);
  const restarted = await memory.restart();
  assert.deepEqual(
    [...restarted.broker.retained.match("a/+")].map((message) => `${message.topic} ${message.payload}`),
    ["a/b x"],
  );
  restarted.broker.publish(publication(restarted, "a/b", "", 1, true), undefined, 0);
  assert.equal(restarted.broker.retained.size, 0);
});

test("forgets a retained message when it has expired, also over a restart", async () => {
  const memory = await MemoryBroker.start();
  for (const [topic, expiresMs] of [
    ["a/soon", 1_000],
    ["a/later", 60_000],
    ["a/never", 0],
  ] as const) {
    const message = publication(memory, topic, "x", 1, true);
    message.expiresMs = expiresMs === 0 ? 0 : memory.clock.nowMs() + expiresMs;
    message.properties = Buffer.from("_props_");
    message.propertiesStart = 1;
    message.propertiesEnd = 6;
    memory.broker.publish(message, undefined, 0);
  }
  await memory.run();
  const topicsOf = ({ broker }: MemoryBroker): string[] =>
    [...broker.retained.match("#")].map(({ topic, properties }) => `${topic} ${properties}`);
  memory.clock.advance(1_000);
  assert.deepEqual(topicsOf(memory), ["a/later props", "a/never props"]);
  assert.equal(memory.broker.retained.size, 3);
  memory.clock.advance(10_000);
  assert.equal(memory.broker.retained.size, 2);
  await memory.run();
  const restarted = await memory.restart();
  assert.deepEqual(topicsOf(restarted).toSorted(), ["a/later props", "a/never props"]);
});

test("merges overlapping subscriptions: highest QoS, all identifiers, RETAIN if one wants it", async () => {
  const memory = await MemoryBroker.start();
  const heard: Subscription[] = [];
  const subscriber: Subscriber = { onPublication: (_message, subscription) => void heard.push(subscription) };
  const put = (filter: string, options: SubscriptionOptions): unknown =>
    memory.broker.router.subscribe(filter, subscriber, new Subscription(subscriber, filter, options));
  put("a/+", { qos: 0, identifiers: [1], retainAsPublished: true });
  put("a/#", { qos: 2, identifiers: [2, 3] });
  put("#", { qos: 1 });
  memory.broker.publish(publication(memory, "a/b", "x", 2), undefined, 0);
  assert.equal(heard.length, 1);
  const { qos, identifiers, retainAsPublished } = heard[0]!;
  assert.deepEqual([qos, identifiers.toSorted(), retainAsPublished], [2, [1, 2, 3], true]);
});

test("keeps a subscriber's own messages from its subscriptions that want none of them", async () => {
  const memory = await MemoryBroker.start();
  const heard: string[] = [];
  const subscriber: Subscriber = {
    onPublication: ({ payload }, { identifiers }, qos) => void heard.push(`${payload} ${identifiers} q${qos}`),
  };
  const put = (filter: string, options: SubscriptionOptions): unknown =>
    memory.broker.router.subscribe(filter, subscriber, new Subscription(subscriber, filter, options));
  put("a/b", { qos: 2, noLocal: true, identifiers: [1] });
  put("a/+", { qos: 1, identifiers: [2] });
  put("own", { qos: 1, noLocal: true });
  for (const [topic, publisher] of [
    ["a/b", subscriber],
    ["a/b", {}],
    ["own", subscriber],
    ["own", {}],
  ] as const) {
    const message = publication(memory, topic, topic, 2);
    message.publisher = publisher;
    memory.broker.publish(message, undefined, 0);
  }
  assert.deepEqual(heard, ["a/b 2 q1", "a/b 1,2 q2", "own  q1"]);
});

test("notes a message's headers in the logs that capture it", async () => {
  const memory = await MemoryBroker.start({ captures: [{ log: "telemetry", filter: "#" }] });
  const waiter = new RecordingWaiter();
  const message = publication(memory, "a/b", "x");
  message.headers = [["unit", Buffer.from("C")]];
  assert.equal(memory.broker.publish(message, waiter, 7), false);
  await memory.run();
  assert.deepEqual(waiter.heard, ["7"]);
  const cursor = new RecordCursor();
  cursor.reset(memory.broker.catalog.require("telemetry").partitions[0]!.cachedChunk(0)!, 0);
  assert.equal(cursor.next(), true);
  assert.deepEqual(decodeHeaders(cursor), [["unit", Buffer.from("C")]]);
  assert.equal(cursor.bytes.toString("utf8", cursor.topicStart, cursor.topicEnd), "a/b");
});

test("refuses names that are not valid and logs that exist", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  for (const name of ["", "a b", "a/b", "#ephemeral", "a".repeat(65)])
    assert.throws(() => catalog.create(name), { code: "broker.INVALID_NAME" });
  catalog.create("orders");
  assert.throws(() => catalog.create("orders"), { code: "broker.LOG_EXISTS" });
  assert.throws(() => catalog.require("nothing"), { code: "broker.LOG_NOT_FOUND" });
});

test("forgets a deleted log, its channels and its capture", async () => {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.ensure("orders");
  await catalog.ensureChannel(log, "workers");
  await memory.run();
  await catalog.delete("orders");
  const restarted = await memory.restart();
  assert.equal(restarted.broker.catalog.get("orders"), undefined);
  assert.equal(restarted.broker.router.resolveName("orders").captures.length, 0);
});

test("stores nothing of a retained message that it has no room for", async () => {
  const limits = { ...defaultBrokerLimits, retainedMax: 1 };
  const memory = await MemoryBroker.start({ captures: [{ log: "all", filter: "#" }], limits });
  memory.broker.publish(publication(memory, "a", "1", 1, true), undefined, 0);
  const refused = publication(memory, "b", "2", 1, true);
  assert.throws(() => memory.broker.publish(refused, undefined, 0), { code: "broker.RETAINED_LIMIT" });
  await memory.run();
  assert.deepEqual(valuesOf(memory.broker.catalog.require("all")), ["1"]);
});

test("keeps to one partition for a turn's records, and takes the next one then", async () => {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create("orders", { partitions: 3 });
  const ends: number[][] = [];
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < 4; i++) memory.broker.produce(log, Buffer.from("x"), 0, 1, new RecordingWaiter(), 0);
    ends.push(log.partitions.map(({ nextOffset }) => nextOffset).sort());
    await memory.run();
  }
  assert.deepEqual(ends, [
    [0, 0, 4],
    [0, 4, 4],
    [4, 4, 4],
  ]);
  for (let i = 0; i < 3; i++) memory.broker.produce(log, Buffer.alloc(600_000), 0, 600_000, new RecordingWaiter(), 0);
  assert.deepEqual(log.partitions.map(({ nextOffset }) => nextOffset).sort(), [4, 5, 6]);
});

for (const bound of ["pendingBytesMax", "pendingTotalMax"] as const)
  test(`appends to all logs or none when ${bound} is reached`, async () => {
    const captures = ["first", "second"].map((log) => ({ log, filter: "sensors/#" }));
    const memory = await MemoryBroker.start({ captures, [bound]: 1000 });
    const logs = captures.map(({ log }) => memory.broker.catalog.require(log));
    const refused = { code: "log.APPEND_QUEUE_FULL" };
    const publish = () =>
      memory.broker.publish(publication(memory, "sensors/1", "x".repeat(400)), new RecordingWaiter(), 0);
    let taken = 0;
    for (let i = 0; i < 10; i++)
      try {
        publish();
        taken++;
      } catch (error) {
        assert.equal((error as PolylogError).code, refused.code);
      }
    assert.ok(taken > 0 && taken < 5, `${taken}`);
    assert.deepEqual(
      logs.map((log) => log.messageCount),
      [taken, taken],
    );
    await memory.run();
    logs[1]!.appendRecord(logs[1]!.partitions[0]!, { value: Buffer.alloc(2000) });
    for (let i = 0; i < 3; i++) assert.throws(publish, refused);
    await memory.run();
    assert.equal(logs[0]!.partitions[0]!.nextOffset, taken);
    publish();
    await memory.run();
    assert.equal(logs[0]!.partitions[0]!.nextOffset, taken + 1);
  });

test("appends a message to all logs that capture it, or to none", async () => {
  const captures = ["open", "full"].map((log) => ({ log, filter: "sensors/#" }));
  const memory = await MemoryBroker.start({ captures });
  const [open, full] = captures.map(({ log }) => memory.broker.catalog.require(log)) as [BrokerLog, BrokerLog];
  await memory.broker.catalog.alter(full, { depthRecords: 1 });
  memory.broker.publish(publication(memory, "sensors/1", "a"), undefined, 0);
  for (let i = 0; i < 5; i++)
    assert.throws(() => memory.broker.publish(publication(memory, "sensors/1", "b"), undefined, 0), {
      code: "broker.LOG_FULL",
    });
  await memory.run();
  assert.deepEqual([valuesOf(open), valuesOf(full)], [["a"], ["a"]]);
});
