import assert from "node:assert/strict";
import { test } from "node:test";
import { partitionOfKey } from "@polylog/broker";
import { MemoryClient } from "../testing/memory-client.ts";

async function start(log: object = {}, options: object = {}): Promise<MemoryClient> {
  const client = await MemoryClient.start(options);
  await client.ask("log.create", { log: "orders", ...log });
  return client;
}

const utf8 = (...values: string[]) => ({
  log: "orders",
  encoding: "utf8",
  records: values.map((value) => ({ value })),
});

test("answers partition, first offset and level", async () => {
  const client = await start();
  assert.deepEqual(await client.ask("produce", utf8("a", "b")), { partition: 0, baseOffset: 0, ack: "written" });
  assert.deepEqual(await client.ask("produce", { ...utf8("c"), ack: "synced" }), {
    partition: 0,
    baseOffset: 2,
    ack: "synced",
  });
  const { ack } = await client.ask("produce", { ...utf8("d"), ack: "memory" });
  assert.equal(ack, "memory");
  const { records } = await client.ask("consume", { log: "orders", from: "earliest", encoding: "utf8" });
  assert.deepEqual(
    records.map(({ value }) => value),
    ["a", "b", "c", "d"],
  );
});

test("memory is answered before anything is written", async () => {
  const client = await start();
  client.send("produce", { ...utf8("a"), ack: "memory" });
  const partition = client.memory.broker.catalog.require("orders").partitions[0]!;
  assert.deepEqual([partition.nextOffset, partition.highWatermark], [1, 0]);
});

test("the log's own level is the default", async () => {
  const client = await start({ durability: "synced" });
  assert.equal((await client.ask("produce", utf8("a"))).ack, "synced");
});

test("says that the disk is full, and that it passes", async () => {
  const client = await start({}, { diskFreeMin: 1000 });
  await client.ask("produce", utf8("a"));
  client.memory.storage.freeBytesLeft = 999;
  await client.memory.advance(1000);
  const refusal = await client.refusal("produce", utf8("b"));
  assert.deepEqual([refusal.code, refusal.data?.code, refusal.data?.retryable], [-32045, "log.DISK_FULL", true]);
  assert.equal(await client.refusalCode("log.create", { log: "more" }), "log.DISK_FULL");
  assert.equal((await client.ask("consume", { log: "orders", from: "earliest" })).records.length, 1);
});

test("an ephemeral log reaches memory only", async () => {
  const client = await start({ log: "orders#ephemeral" });
  const request = { ...utf8("a"), log: "orders#ephemeral", ack: "synced" };
  assert.equal((await client.ask("produce", request)).ack, "memory");
});

test("requests of one connection append in order", async () => {
  const client = await start();
  for (let i = 0; i < 20; i++) client.send("produce", utf8(`${i}`));
  const { records } = await client.ask("consume", { log: "orders", from: "earliest", encoding: "utf8", waitMs: 1 });
  assert.deepEqual(
    records.map(({ value }) => value),
    Array.from({ length: 20 }, (_, i) => `${i}`),
  );
});

test("refuses a log there is not", async () => {
  const client = await MemoryClient.start();
  assert.equal((await client.refusal("produce", utf8("a"))).code, -32002);
  assert.equal(client.memory.broker.catalog.size, 0);
});

test("keeps all fields of a record", async () => {
  const client = await start();
  const record = {
    key: "k",
    headers: [
      ["a", "1"],
      ["a", "2"],
      ["", ""],
    ],
    value: "v",
    topic: "t/1",
  };
  await client.ask("produce", { log: "orders", encoding: "utf8", records: [{ ...record, notBefore: 5 }] });
  const { records } = await client.ask("consume", { log: "orders", offset: 0, encoding: "utf8" });
  const timestamp = client.memory.clock.nowMs();
  assert.deepEqual(records, [{ offset: 0, timestamp, ...record }]);
});

test("what was consumed can be produced again", async () => {
  const client = await start();
  const values = ['{"a":[1,2]}', "no json", "\xff\xfe"].map((text) => Buffer.from(text, "latin1").toString("base64"));
  await client.ask("produce", { log: "orders", records: values.map((value) => ({ value, key: "gICA" })) });
  const first = await client.ask("consume", { log: "orders", offset: 0, encoding: "json" });
  const again = first.records.map(({ offset: _, timestamp: __, ...record }) => record);
  await client.ask("produce", { log: "orders", encoding: "json", records: again });
  const { records } = await client.ask("consume", { log: "orders", offset: 3 });
  assert.deepEqual(
    records.map(({ value, key }) => [value, key]),
    values.map((value) => [value, "gICA"]),
  );
});

test("records with a key go where Kafka's would", async () => {
  const client = await start({ partitions: 7 });
  for (const key of ["21", "foobar", "abc"]) {
    const records = [{ value: "" }, { key, value: "" }];
    const { partition } = await client.ask("produce", { log: "orders", encoding: "utf8", records });
    assert.equal(partition, partitionOfKey(Buffer.from(key), 7));
  }
});

test("records without a key go round", async () => {
  const client = await start({ partitions: 3 });
  const partitions = new Set<number>();
  for (let i = 0; i < 3; i++) partitions.add((await client.ask("produce", utf8("a"))).partition);
  assert.equal(partitions.size, 3);
});

test("a partition that is named wins over keys", async () => {
  const client = await start({ partitions: 3 });
  const records = ["a", "b", "c", "d"].map((key) => ({ key, value: "" }));
  const answer = await client.ask("produce", { log: "orders", encoding: "utf8", partition: 2, records });
  assert.deepEqual([answer.partition, answer.baseOffset], [2, 0]);
  assert.equal(await client.refusalCode("produce", { ...utf8("a"), partition: 3 }), "broker.INVALID_PARTITION");
});

test("refuses keys of different partitions in one call", async () => {
  const client = await start({ partitions: 3 });
  const records = ["a", "b", "c", "d"].map((key) => ({ key, value: "" }));
  const { data } = await client.refusal("produce", { log: "orders", encoding: "utf8", records });
  assert.equal(data["code"], "rpc.KEYS_DIVERGE");
  for (const { nextOffset } of client.memory.broker.catalog.require("orders").partitions) assert.equal(nextOffset, 0);
});

test("appends nothing when one record is wrong", async () => {
  const client = await start();
  const records = [
    { value: "YQ==" },
    { value: "not base64!" },
    { value: "YQ==", key: "a" },
    { value: 7 },
    { value: "", headers: [["\ud800", "YQ"]] },
  ];
  const { data } = await client.refusal("produce", { log: "orders", records });
  const problems = data["problems"] as { path: string }[];
  assert.deepEqual(
    problems.map(({ path }) => path),
    ["records[1].value", "records[2].key", "records[3].value", "records[4].headers[0][0]"],
  );
  assert.equal(client.memory.broker.catalog.require("orders").partitions[0]!.nextOffset, 0);
});

const refused: readonly (readonly [why: string, params: object])[] = [
  ["no records", { records: [] }],
  ["too many records", { records: new Array(10_001).fill({ value: "" }) }],
  ["records that are an object", { records: { length: 1 } }],
  ["a record without a value", { records: [{}] }],
  ["a record with an unknown member", { records: [{ value: "", vlaue: "" }] }],
  ["a header that is no pair", { records: [{ value: "", headers: [["a"]] }] }],
  ["too many headers", { records: [{ value: "", headers: new Array(1025).fill(["a", ""]) }] }],
  ["headers as an object", { records: [{ value: "", headers: { a: "" } }] }],
  ["a level there is not", { records: [{ value: "" }], ack: "replicated" }],
  ["a time that is no time", { records: [{ value: "", notBefore: -1 }] }],
  ["a partition that is a text", { records: [{ value: "" }], partition: "0" }],
  ["a producer without an epoch", { records: [{ value: "" }], producer: { id: "a", sequence: 0 } }],
  ["a sequence below 0", { records: [{ value: "" }], producer: { id: "a", epoch: 1, sequence: -1 } }],
  ["half a surrogate pair", { records: [{ value: "\ud800" }], encoding: "utf8" }],
];

for (const [why, params] of refused) {
  test(`refuses ${why}`, async () => {
    const client = await start();
    assert.equal(await client.refusalCode("produce", { log: "orders", ...params }), "rpc.INVALID_PARAMS");
  });
}

test("says how far it got when the log is full", async () => {
  const client = await start({}, { pendingBytesMax: 1000 });
  const text = "x".repeat(400);
  const { data } = await client.refusal("produce", utf8(text, text, text, text, text));
  assert.deepEqual([data["code"], data["baseOffset"], data["appended"]], ["rpc.PARTLY_APPENDED", 0, 3]);
  assert.match(String(data["reason"]), /waiting to be written/);
});

test("says that a full log may be tried again", async () => {
  const client = await start({}, { pendingBytesMax: 1000 });
  client.send("produce", { ...utf8("x".repeat(2000)), ack: "memory" });
  const id = client.send("produce", utf8("y"));
  const answer = await client.answerTo(id);
  assert.equal(answer?.error?.code, -32008);
  assert.equal(answer?.error?.data["retryable"], true);
});
