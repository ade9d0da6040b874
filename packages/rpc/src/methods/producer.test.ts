import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryClient } from "../testing/memory-client.ts";

async function start(log: object = {}, options: object = {}): Promise<MemoryClient> {
  const client = await MemoryClient.start(options);
  await client.ask("log.create", { log: "orders", ...log });
  return client;
}

/** A call of producer `a` in epoch 1 with these values. */
const call = (sequence: number, values: readonly string[], more: object = {}) => ({
  log: "orders",
  encoding: "utf8",
  records: values.map((value) => ({ value })),
  producer: { id: "a", epoch: 1, sequence },
  ...more,
});

async function values(client: MemoryClient, partition = 0): Promise<unknown[]> {
  const { records } = await client.ask("consume", { log: "orders", partition, from: "earliest", encoding: "utf8" });
  return records.map(({ value }) => value);
}

test("a call sent again is answered as it was and appended once", async () => {
  const client = await start();
  assert.deepEqual(await client.ask("producer.open", { id: "a" }), { id: "a", epoch: 1 });
  const first = await client.ask("produce", call(0, ["x", "y"]));
  assert.deepEqual(first, { partition: 0, baseOffset: 0, ack: "written" });
  assert.deepEqual(await client.ask("produce", call(2, ["z"])), { partition: 0, baseOffset: 2, ack: "written" });
  const again = await client.ask("produce", call(0, ["x", "y"], { ack: "synced" }));
  assert.deepEqual(again, { partition: 0, baseOffset: 0, ack: "synced", duplicate: true });
  assert.deepEqual(await values(client), ["x", "y", "z"]);
});

test("a call sent again waits for what was sent first", async () => {
  const client = await start();
  await client.ask("producer.open", { id: "a" });
  const { storage } = client.memory;
  storage.manual = true;
  const [first, again] = [client.send("produce", call(0, ["x"])), client.send("produce", call(0, ["x"]))];
  const now = client.send("produce", call(0, ["x"], { ack: "memory" }));
  assert.equal(await client.answerTo(first), undefined);
  assert.equal(await client.answerTo(again), undefined);
  assert.deepEqual((await client.answerTo(now))?.result, {
    partition: 0,
    baseOffset: 0,
    ack: "memory",
    duplicate: true,
  });
  storage.complete();
  assert.deepEqual((await client.answerTo(first))?.result, { partition: 0, baseOffset: 0, ack: "written" });
  assert.deepEqual((await client.answerTo(again))?.result, {
    partition: 0,
    baseOffset: 0,
    ack: "written",
    duplicate: true,
  });
});

test("sequences that do not fit are refused with the one expected", async () => {
  const client = await start();
  await client.ask("producer.open", { id: "a" });
  assert.equal(await client.refusalCode("produce", call(3, ["x"])), "log.PRODUCER_UNKNOWN");
  for (let i = 0; i < 7; i++) await client.ask("produce", call(i, [`${i}`]));
  const gap = await client.refusal("produce", call(9, ["x"]));
  assert.deepEqual([gap.code, gap.data["code"], gap.data["expected"]], [-32052, "log.SEQUENCE_GAP", 7]);
  const old = await client.refusal("produce", call(1, ["1"]));
  assert.deepEqual([old.code, old.data["code"], old.data["expected"]], [-32053, "log.DUPLICATE_SEQUENCE", 7]);
  assert.equal((await client.ask("produce", call(2, ["2"]))).baseOffset, 2);
  assert.equal((await values(client)).length, 7);
});

test("a zombie is fenced, also on another connection and in another log", async () => {
  const client = await start();
  await client.ask("log.create", { log: "payments" });
  await client.ask("producer.open", { id: "a" });
  await client.ask("produce", call(0, ["x"]));
  assert.deepEqual(await client.beside().ask("producer.open", { id: "a" }), { id: "a", epoch: 2 });
  const { code, data } = await client.refusal("produce", call(1, ["y"]));
  assert.deepEqual([code, data["code"], data["epochCurrent"]], [-32050, "log.PRODUCER_FENCED", 2]);
  assert.equal(await client.refusalCode("produce", call(0, ["y"], { log: "payments" })), "log.PRODUCER_FENCED");
  const current = { producer: { id: "a", epoch: 2, sequence: 0 } };
  assert.equal((await client.ask("produce", call(0, ["y"], current))).baseOffset, 1);
});

test("an epoch that was not handed out is not known", async () => {
  const client = await start();
  assert.equal(await client.refusalCode("produce", call(0, ["x"])), "log.PRODUCER_UNKNOWN");
  assert.equal(await client.refusalCode("producer.open", { id: "a b" }), "broker.PRODUCER_ID_INVALID");
  assert.equal(await client.refusalCode("producer.open", {}), "rpc.INVALID_PARAMS");
});

test("the partition is named, or follows from keys, or is the only one", async () => {
  const client = await start({ partitions: 3 });
  await client.ask("producer.open", { id: "a" });
  assert.equal(await client.refusalCode("produce", call(0, ["x"])), "rpc.PARTITION_REQUIRED");
  assert.equal((await client.ask("produce", call(0, ["x"], { partition: 0 }))).partition, 0);
  const records = [
    { key: "k", value: "1" },
    { key: "k", value: "2" },
  ];
  const { partition } = await client.ask("produce", call(0, [], { records }));
  assert.equal((await client.ask("produce", call(0, [], { records }))).duplicate, true);
  assert.deepEqual(await values(client, partition), ["1", "2"]);
  const apart = ["a", "b", "c", "d"].map((key) => ({ key, value: "" }));
  assert.equal(await client.refusalCode("produce", call(2, [], { records: apart })), "rpc.KEYS_DIVERGE");
});

test("more than a batch takes is refused as a whole", async () => {
  const client = await start();
  await client.ask("producer.open", { id: "a" });
  const { code, data } = await client.refusal("produce", call(0, ["x".repeat(600_000), "y".repeat(600_000)]));
  assert.deepEqual([code, data["code"]], [-32054, "log.PRODUCE_TOO_LARGE"]);
  assert.deepEqual(await values(client), []);
  assert.equal((await client.ask("produce", call(0, ["x".repeat(1_200_000)]))).baseOffset, 0);
});

test("a full log takes all of a call or nothing", async () => {
  const client = await start({}, { pendingBytesMax: 1000 });
  await client.ask("producer.open", { id: "a" });
  const text = "x".repeat(400);
  assert.equal((await client.ask("produce", call(0, [text, text, text, text]))).baseOffset, 0);
  client.send("produce", call(4, [text, text, text]));
  const refused = await client.answerTo(client.send("produce", call(7, ["y"])));
  assert.deepEqual([refused?.error?.data["code"], refused?.error?.data["retryable"]], ["log.APPEND_QUEUE_FULL", true]);
  assert.equal((await client.ask("produce", call(7, ["y"]))).baseOffset, 7);
});

test("what is known of producers survives a crash of the server", async () => {
  const client = await start();
  await client.ask("producer.open", { id: "a" });
  await client.ask("produce", call(0, ["x"]));
  const log = (await client.memory.crash()).broker.catalog.require("orders");
  const records = [{ value: Buffer.from("x") }];
  const again = log.partitions[0]!.appendProduced({ id: "a", epoch: 1, sequence: 0 }, records);
  assert.deepEqual(again, { baseOffset: 0, duplicate: true });
});
