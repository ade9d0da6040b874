import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../testing/memory-client.ts";

/** A client of a log with `count` records `0`, `1`, …, one second apart. */
async function start(count: number, options: object = {}): Promise<MemoryClient> {
  const client = await MemoryClient.start(options);
  await client.ask("log.create", { log: "orders" });
  for (let i = 0; i < count; i++) {
    await produce(client, `${i}`);
    client.memory.clock.advance(1000);
  }
  return client;
}

const produce = (client: MemoryClient, ...values: string[]) =>
  client.ask("produce", { log: "orders", encoding: "utf8", records: values.map((value) => ({ value })) });

async function consume(client: MemoryClient, params: object): Promise<{ values: unknown[]; highWatermark: number }> {
  const { records, highWatermark } = await client.ask("consume", { log: "orders", encoding: "utf8", ...params });
  return { values: records.map(({ value }) => value), highWatermark };
}

test("reads from an offset, an end or a time", async () => {
  const client = await start(5);
  const startMs = 1_700_000_000_000;
  const reads: [object, string[]][] = [
    [{ offset: 0 }, ["0", "1", "2", "3", "4"]],
    [{ offset: 3 }, ["3", "4"]],
    [{ offset: 5 }, []],
    [{ from: "earliest" }, ["0", "1", "2", "3", "4"]],
    [{ from: "latest" }, []],
    [{ timestamp: 0 }, ["0", "1", "2", "3", "4"]],
    [{ timestamp: startMs + 1500 }, ["2", "3", "4"]],
    [{ timestamp: startMs + 1_000_000 }, []],
  ];
  for (const [position, values] of reads)
    assert.deepEqual(await consume(client, position), { values, highWatermark: 5 }, JSON.stringify(position));
});

test("answers at most so many records", async () => {
  const client = await start(5);
  assert.deepEqual((await consume(client, { offset: 1, maxRecords: 2 })).values, ["1", "2"]);
});

test("answers at most so many bytes, but one record", async () => {
  const client = await start(0);
  await produce(client, "aaaa", "bbbb", "cccc", "d".repeat(100), "e");
  assert.deepEqual((await consume(client, { offset: 0, maxBytes: 8 })).values, ["aaaa", "bbbb"]);
  assert.deepEqual((await consume(client, { offset: 0, maxBytes: 11 })).values, ["aaaa", "bbbb"]);
  assert.deepEqual((await consume(client, { offset: 3, maxBytes: 1 })).values, ["d".repeat(100)]);
});

test("goes on over many chunks", async () => {
  const client = await start(0, { tailCacheSizeMax: 4096 });
  const values = Array.from({ length: 3000 }, (_, i) => `${i}`.padStart(50, "."));
  for (let at = 0; at < values.length; at += 100) await produce(client, ...values.slice(at, at + 100));
  assert.deepEqual((await consume(client, { offset: 0, maxRecords: 10_000 })).values, values);
  let read: unknown[] = [];
  while (read.length < values.length)
    read = read.concat((await consume(client, { offset: read.length, maxBytes: 7777 })).values);
  assert.deepEqual(read, values);
});

test("refuses an offset out of range", async () => {
  const client = await start(2);
  const { code, data } = await client.refusal("consume", { log: "orders", offset: 3 });
  assert.equal(code, -32007);
  assert.deepEqual(data, { code: "log.OFFSET_OUT_OF_RANGE", retryable: false, offset: 3, low: 0, high: 2 });
  assert.equal(
    await client.refusalCode("consume", { log: "orders", offset: 3, waitMs: 10 }),
    "log.OFFSET_OUT_OF_RANGE",
  );
});

test("wants exactly one position", async () => {
  const client = await start(0);
  for (const position of [{}, { offset: 0, from: "latest" }, { timestamp: 0, offset: 0 }]) {
    const { data } = await client.refusal("consume", { log: "orders", ...position });
    assert.match(JSON.stringify(data["problems"]), /exactly one of offset, timestamp and from/);
  }
});

test("wants a partition when there are several", async () => {
  const client = await start(0);
  await client.ask("log.create", { log: "wide", partitions: 2 });
  const position = { log: "wide", from: "earliest" };
  assert.equal(await client.refusalCode("consume", position), "rpc.PARTITION_REQUIRED");
  assert.equal(await client.refusalCode("consume", { ...position, partition: 2 }), "broker.INVALID_PARTITION");
  assert.deepEqual(await client.ask("consume", { ...position, partition: 1 }), { records: [], highWatermark: 0 });
});

test("refuses bounds out of range", async () => {
  const client = await start(0);
  for (const bound of [
    { maxRecords: 0 },
    { maxRecords: 10_001 },
    { maxBytes: 1e9 },
    { waitMs: 60_001 },
    { waitMs: -1 },
  ])
    assert.equal(await client.refusalCode("consume", { log: "orders", offset: 0, ...bound }), "rpc.INVALID_PARAMS");
});

test("waits for the first record", async () => {
  const client = await start(2);
  const waiting = client.send("consume", { log: "orders", from: "latest", waitMs: 1000, encoding: "utf8" });
  assert.equal(await client.answerTo(waiting), undefined);
  await produce(client, "new");
  const answer = await client.answerTo(waiting);
  const { records } = answer!.result as { records: { offset: number; value: string }[] };
  assert.deepEqual(
    records.map(({ offset, value }) => [offset, value]),
    [[2, "new"]],
  );
});

test("waits no longer than asked", async () => {
  const client = await start(2);
  const waiting = client.send("consume", { log: "orders", offset: 2, waitMs: 1000 });
  await client.memory.run();
  client.memory.clock.advance(999);
  assert.equal(await client.answerTo(waiting), undefined);
  client.memory.clock.advance(1);
  assert.deepEqual((await client.answerTo(waiting))?.result, { records: [], highWatermark: 2 });
});

test("waiting ends with the log", async () => {
  const client = await start(2);
  const waiting = client.send("consume", { log: "orders", offset: 2, waitMs: 1000 });
  await client.memory.run();
  await client.memory.broker.catalog.delete("orders");
  assert.ok((await client.answerTo(waiting)) !== undefined);
});

test("waiting ends with the connection", async () => {
  const client = await start(2);
  const timers = client.memory.clock.timersPending;
  for (let i = 0; i < 5; i++) client.send("consume", { log: "orders", offset: 2, waitMs: 60_000 });
  await client.memory.run();
  assert.equal(client.memory.clock.timersPending, timers + 5);
  client.connection.onClose();
  await client.memory.run();
  assert.equal(client.memory.clock.timersPending, timers);
  assert.equal(client.connection.peer.requestCount, 0);
});

test("bounds what unanswered calls hold", async () => {
  const client = await start(1);
  client.socket.stalled = true;
  const ids = Array.from({ length: 10 }, () =>
    client.send("consume", { log: "orders", offset: 0, maxBytes: 8 * 1024 * 1024 }),
  );
  await client.memory.run();
  client.socket.stalled = false;
  client.socket.drain();
  const codes = await Promise.all(ids.map(async (id) => (await client.answerTo(id))?.error?.data["code"]));
  assert.equal(codes.filter((code) => code === "rpc.TOO_MANY_BYTES").length, 2);
  assert.equal(client.connection.peer.heldBytes, 0);
});

test("passes over records that compaction removed", async () => {
  const client = await MemoryClient.start({ tailCacheSizeMax: 0 });
  await client.ask("log.create", { log: "orders", cleanup: "compact", segmentSizeMax: 4096, tombstoneRetentionMs: 0 });
  const { clock } = client.memory;
  for (let i = 0; i < 300; i++) {
    const record = i < 240 ? { key: `k${i % 4}`, value: `${i}` } : { value: "x".repeat(800) };
    await client.ask("produce", { log: "orders", encoding: "utf8", records: [record] });
  }
  clock.advance(10_000);
  for (let i = 0; i < 100; i++) await client.memory.run();
  assert.deepEqual((await consume(client, { offset: 0, maxRecords: 3 })).values, ["236", "237", "238"]);
  assert.deepEqual((await consume(client, { offset: 238, maxRecords: 2, waitMs: 5 })).values, ["238", "239"]);
  await client.ask("subscribe", { log: "orders", encoding: "utf8", from: "earliest" });
  for (let i = 0; i < 20; i++) await client.memory.run();
  const [first] = await client.notifications();
  assert.equal(first?.params["records"][0].offset, 236);
});
