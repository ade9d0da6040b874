import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryClient } from "../testing/memory-client.ts";

async function start(log: object = {}, options: object = {}): Promise<MemoryClient> {
  const client = await MemoryClient.start(options);
  await client.ask("log.create", { log: "orders", ...log });
  return client;
}

const produce = (client: MemoryClient, values: readonly string[], partition?: number) =>
  client.ask("produce", {
    log: "orders",
    encoding: "utf8",
    records: values.map((value) => ({ value })),
    ...(partition !== undefined && { partition }),
  });

const subscribe = async (client: MemoryClient, params: object): Promise<number> =>
  (await client.ask("subscribe", { log: "orders", encoding: "utf8", ...params })).subscription;

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `${from + i}`);

test("sends what is there, then what comes", async () => {
  const client = await start();
  await produce(client, ["a", "b"]);
  const subscription = await subscribe(client, { from: "earliest" });
  const [first] = await client.notifications();
  assert.equal(first?.method, "subscription.records");
  const { records, ...rest } = first.params;
  assert.deepEqual(rest, { subscription, partition: 0, highWatermark: 2 });
  assert.deepEqual(records[0], {
    offset: 0,
    timestamp: client.memory.clock.nowMs(),
    key: null,
    headers: [],
    topic: null,
    value: "a",
  });
  await produce(client, ["c"]);
  assert.deepEqual(await client.recordValues(), ["c"]);
});

test("starts where it was told to", async () => {
  const client = await start();
  await produce(client, ["a", "b"]);
  await subscribe(client, { from: "latest" });
  assert.deepEqual(await client.recordValues(), []);
  await subscribe(client, { offset: 1 });
  assert.deepEqual(await client.recordValues(), ["b"]);
  client.memory.clock.advance(1000);
  await produce(client, ["c"]);
  assert.deepEqual(await client.recordValues(), ["c", "c"]);
  await subscribe(client, { timestamp: client.memory.clock.nowMs() });
  assert.deepEqual(await client.recordValues(), ["c"]);
});

test("answers before the first records, in a batch too", async () => {
  const client = await start();
  await produce(client, ["a"]);
  const request = { jsonrpc: "2.0", id: 7, method: "subscribe", params: { log: "orders", from: "earliest" } };
  const wait = { jsonrpc: "2.0", id: 8, method: "consume", params: { log: "orders", offset: 1, waitMs: 1000 } };
  client.connection.onText(JSON.stringify([request, wait]));
  await client.memory.run();
  assert.deepEqual(client.socket.received(), []);
  client.memory.clock.advance(1000);
  await client.memory.run();
  const [answers, notification] = client.socket.received() as [{ id: number }[], { method: string }];
  assert.deepEqual(
    answers.map(({ id }) => id),
    [7, 8],
  );
  assert.equal(notification.method, "subscription.records");
});

test("sends no more notifications than it has credits", async () => {
  const client = await start();
  const subscription = await subscribe(client, { from: "earliest", credits: 2 });
  for (const value of ["a", "b", "c", "d"]) await produce(client, [value]);
  assert.deepEqual(await client.recordValues(), ["a", "b"]);
  assert.deepEqual(await client.ask("subscription.credit", { subscription, credits: 1 }), { credits: 1 });
  assert.deepEqual(await client.recordValues(), ["c", "d"]);
});

test("has 16 credits at first and bounded ones", async () => {
  const client = await start();
  const subscription = await subscribe(client, { from: "latest" });
  assert.deepEqual(await client.ask("subscription.credit", { subscription, credits: 4 }), { credits: 20 });
  assert.deepEqual(await client.ask("subscription.credit", { subscription, credits: 65_536 }), { credits: 65_536 });
  assert.equal(await client.refusalCode("subscription.credit", { subscription, credits: 0 }), "rpc.INVALID_PARAMS");
});

test("sends a whole log partition by partition", async () => {
  const client = await start({ partitions: 3 });
  for (let partition = 0; partition < 3; partition++) await produce(client, numbers(0, 10), partition);
  await subscribe(client, { from: "earliest" });
  const seen = new Map<number, unknown[]>();
  for (const { params } of await client.notifications())
    for (const { value } of params.records) seen.set(params.partition, [...(seen.get(params.partition) ?? []), value]);
  assert.deepEqual([...seen.values()], [numbers(0, 10), numbers(0, 10), numbers(0, 10)]);
});

test("an offset needs a partition when there are several", async () => {
  const client = await start({ partitions: 2 });
  assert.equal(await client.refusalCode("subscribe", { log: "orders", offset: 0 }), "rpc.PARTITION_REQUIRED");
});

test("nothing comes after unsubscribing", async () => {
  const client = await start();
  const subscription = await subscribe(client, { from: "earliest" });
  client.send("produce", { log: "orders", records: [{ value: "" }] });
  assert.deepEqual(await client.ask("unsubscribe", { subscription }), {});
  assert.deepEqual(await client.notifications(), []);
  const credit = { subscription, credits: 1 };
  assert.equal(await client.refusalCode("subscription.credit", credit), "rpc.SUBSCRIPTION_NOT_FOUND");
  assert.equal(await client.refusalCode("unsubscribe", { subscription }), "rpc.SUBSCRIPTION_NOT_FOUND");
});

test("closing the connection frees its subscriptions", async () => {
  const client = await start();
  const other = client.beside();
  await subscribe(client, { from: "earliest" });
  await subscribe(client, { from: "earliest" });
  assert.equal(client.connection.subscriptionCount, 2);
  client.connection.onClose();
  assert.equal(client.connection.subscriptionCount, 0);
  await produce(other, ["a"]);
  assert.deepEqual(client.socket.received(), []);
});

test("one connection cannot end another's subscription", async () => {
  const client = await start();
  const subscription = await subscribe(client, { from: "earliest" });
  assert.equal(await client.beside().refusalCode("unsubscribe", { subscription }), "rpc.SUBSCRIPTION_NOT_FOUND");
});

test("bounds the subscriptions of a connection", async () => {
  const client = await start();
  for (let i = 0; i < 64; i++) await subscribe(client, { from: "latest" });
  assert.equal(await client.refusalCode("subscribe", { log: "orders", from: "latest" }), "rpc.TOO_MANY_SUBSCRIPTIONS");
});

test("an offset out of range ends it with an error", async () => {
  const client = await start();
  const subscription = await subscribe(client, { offset: 5 });
  const [error, end, more] = await client.notifications();
  assert.equal(error?.method, "subscription.error");
  assert.deepEqual([error.params.subscription, error.params.partition, error.params.offset], [subscription, 0, 5]);
  assert.equal(error.params.error.data.code, "log.OFFSET_OUT_OF_RANGE");
  assert.deepEqual(end, { jsonrpc: "2.0", method: "subscription.end", params: { subscription, reason: "error" } });
  assert.equal(more, undefined);
  assert.equal(client.connection.subscriptionCount, 0);
});

test("deleting the log ends it", async () => {
  const client = await start();
  const subscription = await subscribe(client, { from: "earliest" });
  await client.memory.run();
  await client.memory.broker.catalog.delete("orders");
  const [end] = await client.notifications();
  assert.deepEqual(end?.params, { subscription, reason: "deleted" });
});

test("stopping the server ends it", async () => {
  const client = await start();
  const subscription = await subscribe(client, { from: "earliest" });
  client.connection.stop();
  const [end] = await client.notifications();
  assert.deepEqual(end?.params, { subscription, reason: "stopping" });
  assert.equal(client.socket.closedWith, 1001);
});

test("makes nothing for a peer that does not read", async () => {
  const client = await start();
  await subscribe(client, { from: "earliest", credits: 1000 });
  await client.memory.run();
  client.socket.received();
  client.socket.stalled = true;
  const other = client.beside();
  for (let i = 0; i < 100; i++) await produce(other, [`${i}`.padStart(200)]);
  assert.ok(client.socket.pendingBytes < 2000, `${client.socket.pendingBytes}`);
  const values: unknown[] = [];
  client.socket.stalled = false;
  for (let i = 0; i < 5; i++) {
    client.socket.drain();
    values.push(...(await client.recordValues()));
  }
  assert.deepEqual(
    values.map((value) => Number(value)),
    numbers(0, 100).map(Number),
  );
});

test("subscriptions that wait for room take turns", async () => {
  const client = await start();
  const first = await subscribe(client, { from: "earliest", credits: 1000 });
  const second = await subscribe(client, { from: "earliest", credits: 1000 });
  client.socket.stalled = true;
  const other = client.beside();
  const large = "x".repeat(250_000);
  for (let i = 0; i < 4; i++) await produce(other, [large]);
  const order: number[] = [];
  for (let i = 0; i < 10; i++) {
    client.socket.drain();
    for (const { params } of await client.notifications()) order.push(params.subscription);
  }
  assert.deepEqual(order, [first, second, first, second, first, second, first, second]);
});

test("sends every record once and in order, however it is read", async () => {
  const action = fc.oneof(
    fc.record({ produce: fc.integer({ min: 1, max: 200 }), partition: fc.integer({ min: 0, max: 1 }) }),
    fc.constant({ stall: true }),
    fc.constant({ stall: false }),
    fc.record({ credits: fc.integer({ min: 1, max: 3 }) }),
    fc.constant({ resubscribe: true }),
  );
  const holds = async (actions: readonly object[]): Promise<void> => {
    const client = await start({ partitions: 2 }, { tailCacheSizeMax: 4096 });
    const writer = client.beside();
    const written: [number, number] = [0, 0];
    const seen: [number, number] = [0, 0];
    let subscription = await subscribe(client, { partition: 0, offset: 0, credits: 1 });
    let partition = 0;
    const receive = async (): Promise<void> => {
      for (const { method, params } of await client.notifications()) {
        assert.equal(method, "subscription.records");
        if (params.subscription !== subscription) continue;
        for (const { offset } of params.records) assert.equal(offset, seen[params.partition as 0 | 1]++);
      }
    };
    const flow = async (): Promise<void> => {
      client.socket.stalled = false;
      client.socket.drain();
      await receive();
    };
    for (const each of actions as { produce?: number; partition?: 0 | 1; stall?: boolean; credits?: number }[]) {
      if (each.produce !== undefined) {
        await produce(
          writer,
          numbers(0, each.produce).map((value) => value.padEnd(40)),
          each.partition,
        );
        written[each.partition!] += each.produce;
        await receive();
      } else if (each.stall === true) client.socket.stalled = true;
      else if (each.stall === false) await flow();
      else if (each.credits !== undefined) {
        await flow();
        await client.ask("subscription.credit", { subscription, credits: each.credits });
        await receive();
      } else {
        await flow();
        await client.ask("unsubscribe", { subscription });
        await receive();
        partition = 1 - partition;
        subscription = await subscribe(client, { partition, offset: seen[partition as 0 | 1], credits: 1 });
        await receive();
      }
    }
    await flow();
    await client.ask("subscription.credit", { subscription, credits: 1000 });
    await receive();
    assert.equal(seen[partition as 0 | 1], written[partition as 0 | 1]);
  };
  await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 12 }), holds), { numRuns: 40 });
});
