/** In which order a channel delivers: within a partition as appended, between partitions in turns. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { feedTurnMax } from "../limits.ts";
import { MemoryBroker } from "../testing/memory-broker.ts";
import type { ConsumerSink } from "./channel-consumer.ts";

/** Notes `[partition, offset]` of what it gets. */
class PlaceConsumer implements ConsumerSink {
  readonly places: (readonly [partition: number, offset: number])[] = [];

  onRecord(record: { readonly offset: number }, partition: number): void {
    this.places.push([partition, record.offset]);
  }

  onChannelClosed(): void {}
}

async function start(partitions: number) {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create("orders", { partitions });
  const channel = await memory.broker.catalog.ensureChannel(log, "workers");
  const sink = new PlaceConsumer();
  const consumer = channel.addConsumer(sink, 60_000, 60_000);
  const append = (partition: number, count: number) => {
    for (let i = 0; i < count; i++) log.appendRecord(log.partitions[partition]!, { value: Buffer.from("x") });
  };
  return { memory, channel, sink, consumer, append };
}

test("keeps a partition's order when nothing is requeued", async () => {
  const { memory, channel, sink, consumer, append } = await start(3);
  for (let round = 0; round < 20; round++) {
    for (let partition = 0; partition < 3; partition++) append(partition, 1 + ((round * 7 + partition * 5) % 11));
    channel.setReady(consumer, 1 + (round % 9));
    await memory.run();
    for (const [partition, offset] of sink.places.slice(-consumer.inFlightCount))
      if (offset % 2 === round % 2) channel.finish(consumer, partition, offset);
  }
  channel.setReady(consumer, 10_000);
  await memory.run();
  for (let partition = 0; partition < 3; partition++) {
    const offsets = sink.places.filter(([at]) => at === partition).map(([, offset]) => offset);
    assert.deepEqual(
      offsets,
      offsets.map((_, index) => index),
    );
    assert.ok(offsets.length > 50);
  }
});

test("gives every partition its turn, one record at a time", async () => {
  const { memory, channel, sink, consumer, append } = await start(3);
  for (let partition = 0; partition < 3; partition++) append(partition, 100);
  channel.setReady(consumer, 1);
  for (let i = 0; i < 6 * feedTurnMax; i++) {
    await memory.run();
    channel.finish(consumer, ...sink.places.at(-1)!);
  }
  const counts = [0, 1, 2].map((partition) => sink.places.filter(([at]) => at === partition).length);
  assert.deepEqual(counts, [2 * feedTurnMax, 2 * feedTurnMax, 2 * feedTurnMax]);
});

test("gives every partition its turn in one turn", async () => {
  const { memory, channel, sink, consumer, append } = await start(4);
  for (let partition = 0; partition < 4; partition++) append(partition, 1000);
  channel.setReady(consumer, 8 * feedTurnMax);
  await memory.run();
  for (let partition = 0; partition < 4; partition++)
    assert.equal(sink.places.filter(([at]) => at === partition).length, 2 * feedTurnMax);
});

test("passes over partitions that have nothing", async () => {
  const { memory, channel, sink, consumer, append } = await start(64);
  append(41, 100);
  channel.setReady(consumer, 1000);
  await memory.run();
  assert.equal(sink.places.length, 100);
  append(3, 1);
  await memory.run();
  assert.deepEqual(sink.places.at(-1), [3, 0]);
});
