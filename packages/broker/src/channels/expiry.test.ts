/** What becomes of a message that is not delivered in its time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogConfig } from "@polylog/log";
import { Publication } from "../publication.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import { RecordingConsumer } from "../testing/recording-consumer.ts";
import type { ChannelSettings } from "./channel.ts";

async function start(config: Partial<LogConfig> = {}, settings: Partial<ChannelSettings> = {}) {
  const memory = await MemoryBroker.start();
  const { catalog } = memory.broker;
  const log = catalog.create("orders", config);
  const channel = await catalog.ensureChannel(log, "workers");
  await catalog.configureChannel(log, "workers", settings);
  const sink = new RecordingConsumer();
  const consumer = channel.addConsumer(sink, 1000, 5000);
  const append = async (value: string, ttlMs?: number, delayMs?: number) => {
    const nowMs = memory.clock.nowMs();
    const fields = {
      ...(ttlMs !== undefined && { expiresMs: nowMs + ttlMs }),
      ...(delayMs !== undefined && { notBeforeMs: nowMs + delayMs }),
    };
    log.appendRecord(log.partitions[0]!, { value: Buffer.from(value), ...fields });
    await memory.run();
  };
  const ready = async (count: number) => {
    channel.setReady(consumer, count);
    await memory.run();
  };
  return { memory, catalog, log, channel, sink, consumer, append, ready };
}

test("does not deliver what has expired, and counts it", async () => {
  const { memory, channel, sink, append, ready } = await start();
  await append("short", 100);
  await append("long", 200);
  await append("never");
  await memory.advance(100);
  await ready(10);
  assert.deepEqual(sink.received, ["long#1", "never#1"]);
  assert.deepEqual([channel.counters.expiredCount, channel.depth], [1, 0]);
});

test("lets a record of the log expire at the log's age", async () => {
  const { memory, catalog, log, channel, sink, append, ready } = await start({ ttlMs: 100 });
  await append("a");
  await memory.advance(60);
  await append("b", 2000);
  await append("c", 10);
  await memory.advance(40);
  await ready(10);
  assert.deepEqual(sink.received, ["b#1"]);
  assert.equal(channel.counters.expiredCount, 2);
  await catalog.alter(log, { ttlMs: 0 });
  await memory.advance(1000);
  assert.deepEqual(sink.received, ["b#1", "b#2"]);
});

test("counts the log's age from the end of a delay", async () => {
  const { memory, sink, append, ready } = await start({ ttlMs: 100 });
  await append("later", undefined, 500);
  await ready(10);
  await memory.advance(500);
  assert.deepEqual(sink.received, ["later#1"]);
});

test("does not deliver again what expired meanwhile", async () => {
  const { memory, channel, sink, consumer, append, ready } = await start();
  await append("a", 500);
  await append("b", 500);
  await ready(10);
  await memory.advance(600);
  channel.requeue(consumer, 0, 0, 0);
  assert.equal(channel.finish(consumer, 0, 1), "done");
  await memory.run();
  assert.deepEqual(sink.received, ["a#1", "b#1"]);
  assert.deepEqual([channel.counters.expiredCount, channel.windows()[0]!.floor], [1, 2]);
});

test("hands what expired to the dead letters if asked", async () => {
  const { memory, catalog, channel, consumer, append, ready } = await start({ ttlMs: 50 }, { deadLetterExpired: true });
  await append("a");
  await ready(10);
  await append("b", 10);
  await memory.advance(60);
  channel.requeue(consumer, 0, 0, 0);
  channel.requeue(consumer, 0, 1, 0);
  channel.setReady(consumer, 0);
  await append("c");
  await memory.advance(60);
  await ready(10);
  const dead = catalog.require("orders.dead");
  assert.equal(dead.log.config.ttlMs, 0);
  const text = (await dead.partitions[0]!.readChunk(0, 1 << 20))!.bytes.toString("latin1");
  assert.equal(text.match(/polylog-dead-reason.expired/g)?.length, 3);
  assert.deepEqual([channel.counters.expiredCount, channel.counters.deadLetterCount], [3, 3]);
  assert.deepEqual([channel.deadCount, channel.windows()[0]!.floor], [0, 3]);
});

test("keeps settings and deaths over a restart", async () => {
  const { memory, append } = await start({ ttlMs: 50 }, { deadLetterExpired: true });
  await append("a");
  const restarted = await memory.restart();
  const log = restarted.broker.catalog.require("orders");
  const channel = log.channels.get("workers")!;
  assert.deepEqual(channel.settings, { maxAttempts: 0, ordered: false, deadLetterExpired: true });
  const sink = new RecordingConsumer();
  restarted.clock.advance(60);
  channel.setReady(channel.addConsumer(sink, 1000, 5000), 1);
  await restarted.run();
  assert.deepEqual([sink.received, channel.counters.expiredCount], [[], 1]);
});

test("keeps the expiry of a captured publication", async () => {
  const { memory, channel, sink, ready } = await start();
  const publish = (payload: string, expiresMs: number) => {
    const publication = new Publication();
    publication.begin(memory.broker.router.resolveName("orders"));
    publication.payload = Buffer.from(payload);
    publication.payloadEnd = payload.length;
    publication.expiresMs = expiresMs;
    memory.broker.publish(publication, undefined, 0);
  };
  publish("gone", memory.clock.nowMs() + 1000);
  publish("there", memory.clock.nowMs() + 3000);
  await memory.advance(2000);
  await ready(10);
  assert.deepEqual([sink.received, channel.counters.expiredCount], [["there#1"], 1]);
});

test("tells live subscribers how long a message is of use", async () => {
  const { memory, log } = await start();
  const heard: (readonly [number, number])[] = [];
  const subscriber = {
    onPublication: ({ expiresMs, expirySeconds }: Publication) => void heard.push([expiresMs, expirySeconds]),
  };
  const { Subscription } = await import("../publication.ts");
  memory.broker.router.subscribe("orders", subscriber, new Subscription(subscriber, "orders", { qos: 1 }));
  const nowMs = memory.clock.nowMs();
  const value = Buffer.from("a");
  for (const fields of [{ value }, { value, expiresMs: nowMs + 1500 }, { value, expiresMs: nowMs }])
    memory.broker.produceRecord(log, log.partitions[0]!, fields);
  assert.deepEqual(heard, [
    [0, -1],
    [nowMs + 1500, 2],
  ]);
});
