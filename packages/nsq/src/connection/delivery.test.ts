import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf, message, mpub, sized } from "../testing/frames.ts";
import { TestNsqd } from "../testing/test-nsqd.ts";

const nothing = Buffer.alloc(0);

test("sends values of every size unchanged", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 100);
  const bodies = [1, 40, 41, 4095, 4096, 100_000].map((size) => Buffer.alloc(size, "0123456789"));
  for (const [offset, body] of bodies.entries()) {
    await nsqd.connect().exchange(sized("PUB orders", body));
    assert.deepEqual(consumer.stream.received(), message({ offset, body, timestampMs: nsqd.nowMs }));
  }
});

test("writes once per turn", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 100);
  const before = consumer.stream.writeCount;
  await nsqd.connect().exchange(mpub("orders", new Array(50).fill("abc")));
  assert.equal(consumer.stream.writeCount, before + 1);
});

test("names the partition in the id", async () => {
  const nsqd = await TestNsqd.start();
  nsqd.catalog.create("orders", { partitions: 2 });
  const consumer = await nsqd.subscribe("orders", "billing", 10);
  const publisher = nsqd.connect();
  publisher.send(sized("PUB orders", "a"));
  await nsqd.run(); // What is published in one turn goes to one partition.
  publisher.send(sized("PUB orders", "b"));
  await nsqd.run();
  const timestampMs = nsqd.nowMs;
  const received = consumer.stream.received();
  for (const [partition, body] of [
    [0, "b"],
    [1, "a"],
  ] as const)
    assert.ok(received.includes(message({ offset: 0, partition, body, timestampMs })));
  assert.deepEqual(await consumer.exchange(`FIN ${idOf(0, 0)}\nFIN ${idOf(0, 1)}\n`), nothing);
});

test("shares messages among the ready consumers", async () => {
  const nsqd = await TestNsqd.start();
  const consumers = [await nsqd.subscribe("orders", "billing", 2), await nsqd.subscribe("orders", "billing", 2)];
  await nsqd.connect().exchange(mpub("orders", ["a", "b", "c", "d"]));
  for (const consumer of consumers) assert.equal(consumer.stream.received().length, 2 * 35);
});

test("sends every channel every message", async () => {
  const nsqd = await TestNsqd.start();
  const consumers = [await nsqd.subscribe("orders", "billing", 2), await nsqd.subscribe("orders", "shipping", 2)];
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  const delivered = message({ offset: 0, body: "a", timestampMs: nsqd.nowMs });
  for (const consumer of consumers) assert.deepEqual(consumer.stream.received(), delivered);
});

test("NSQ-1.12-3: sends nothing while the channel or the log is paused", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 5);
  const log = nsqd.catalog.require("orders");
  const channel = log.channels.get("billing")!;
  channel.setPaused(true);
  await nsqd.connect().exchange(sized("PUB orders", "a"));
  assert.deepEqual(consumer.stream.received(), nothing);
  channel.setPaused(false);
  await nsqd.run();
  assert.equal(consumer.stream.received().length, 35);
  await nsqd.catalog.setPaused(log, true);
  await nsqd.connect().exchange(sized("PUB orders", "b"));
  assert.deepEqual(consumer.stream.received(), nothing);
  await nsqd.catalog.setPaused(log, false);
  await nsqd.run();
  assert.equal(consumer.stream.received().length, 35);
});

test("NSQ-1.12-4: forgets what was in flight when the channel is emptied", async () => {
  const nsqd = await TestNsqd.start();
  const consumer = await nsqd.subscribe("orders", "billing", 1);
  await nsqd.connect().exchange(mpub("orders", ["a", "b"]));
  consumer.stream.received();
  nsqd.catalog.require("orders").channels.get("billing")!.empty();
  const answer = await consumer.exchange(`FIN ${idOf(0)}\n`);
  assert.equal(answer.toString("latin1", 8), `E_FIN_FAILED FIN ${idOf(0)} failed ID not in flight`);
  await nsqd.connect().exchange(sized("PUB orders", "c"));
  assert.deepEqual(consumer.stream.received(), message({ offset: 2, body: "c", timestampMs: nsqd.nowMs }));
});

test("NSQ-1.12-1: keeps one percent more than the sample rate and finishes the rest", async () => {
  let next = 0;
  const nsqd = await TestNsqd.start({ randomPercent: () => next++ % 100 });
  const consumer = nsqd.connect();
  await consumer.exchange(sized("IDENTIFY", '{"sample_rate":20}'), "SUB orders billing\nRDY 2500\n");
  await nsqd.connect().exchange(mpub("orders", new Array(200).fill("a")));
  assert.equal(consumer.stream.received().length, 2 * 21 * 35);
  const channel = nsqd.catalog.require("orders").channels.get("billing")!;
  assert.deepEqual([channel.inFlightCount, channel.depth], [42, 0]);
  assert.equal(nsqd.metric("polylog_nsq_messages_sampled_out_total"), 158);
  assert.equal(nsqd.metric("polylog_nsq_messages_delivered_total"), 42);
});

test("holds a consumer that does not read and lets it go on", async () => {
  const nsqd = await TestNsqd.start({ limits: { msgTimeoutMs: 900_000 } });
  const reading = await nsqd.subscribe("orders", "reading", 2500);
  const stalled = await nsqd.subscribe("orders", "stalled", 2500);
  stalled.stream.stalled = true;
  const publisher = nsqd.connect();
  const body = Buffer.alloc(1_000_000, "x");
  for (let i = 0; i < 40; i++) await publisher.exchange(sized("PUB orders", body));
  const held = nsqd.catalog.require("orders").channels.get("stalled")!;
  assert.equal(reading.stream.received().length, 40 * (34 + body.length));
  assert.equal(held.inFlightCount, 17); // One above 16 MiB.
  stalled.stream.unstall();
  await nsqd.advance(250); // The rest is more than 16 MiB again, all in one turn.
  assert.equal(held.inFlightCount, 40);
  assert.equal(stalled.stream.received().length, 40 * (34 + body.length));
});

test("gives a consumer that was held its last RDY", async () => {
  const nsqd = await TestNsqd.start({ limits: { msgTimeoutMs: 900_000 } });
  const consumer = await nsqd.subscribe("orders", "billing", 2500);
  consumer.stream.stalled = true;
  const publisher = nsqd.connect();
  const body = Buffer.alloc(1_000_000, "x");
  for (let i = 0; i < 20; i++) await publisher.exchange(sized("PUB orders", body));
  consumer.send("RDY 18\n");
  await nsqd.run();
  const channel = nsqd.catalog.require("orders").channels.get("billing")!;
  assert.equal(channel.inFlightCount, 17);
  consumer.stream.unstall();
  await nsqd.run();
  assert.equal(channel.inFlightCount, 18);
});
