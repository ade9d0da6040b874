import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecordFields } from "@polylog/broker";
import { MemoryBroker } from "@polylog/broker/testing";
import fc from "fast-check";
import type { Encoding } from "./encoding.ts";
import { chunkAt, RecordRun } from "./record-run.ts";

/** The JSON text of records with these fields, written and read back. */
async function texts(records: readonly RecordFields[], encoding: Encoding): Promise<string> {
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create("orders");
  await memory.run();
  const partition = log.partitions[0]!;
  for (const fields of records) log.appendRecord(partition, fields);
  await memory.run();
  const read = new RecordRun(0, encoding, { recordsMax: 1000, bytesMax: 1e9 });
  const chunk = await chunkAt(partition, 0, 1e6);
  while (read.take(chunk!, partition.highWatermark));
  return Buffer.concat(read.text()).toString();
}

async function one(fields: Partial<RecordFields>, encoding: Encoding): Promise<Record<string, unknown>> {
  const record = { value: Buffer.from("v"), ...fields };
  return (JSON.parse(await texts([record], encoding)) as Record<string, unknown>[])[0]!;
}

const bad = Buffer.from([0xff]);
const good = Buffer.from('"ä"');

const rows: readonly (readonly [why: string, fields: Partial<RecordFields>, asked: Encoding, used: Encoding])[] = [
  ["a text as base64", { value: good }, "base64", "base64"],
  ["no text as base64", { value: bad }, "base64", "base64"],
  ["a text as utf8", { value: good, key: good, headers: [["a", good]] }, "utf8", "utf8"],
  ["no text as utf8", { value: bad }, "utf8", "base64"],
  ["a key that is no text", { key: bad }, "utf8", "base64"],
  ["a header that is no text", { headers: [["a", bad]] }, "utf8", "base64"],
  ["JSON as json", { value: good }, "json", "json"],
  ["no JSON as json", { value: Buffer.from("{") }, "json", "utf8"],
  ["nothing as json", { value: Buffer.alloc(0) }, "json", "utf8"],
  ["a byte order mark as json", { value: Buffer.from("\ufeff1") }, "json", "utf8"],
  ["deep JSON as json", { value: Buffer.from(`${"[".repeat(200)}${"]".repeat(200)}`) }, "json", "utf8"],
  ["no text as json", { value: bad }, "json", "base64"],
  ["JSON with a key that is no text", { value: good, key: bad }, "json", "base64"],
];

for (const [why, fields, asked, used] of rows) {
  test(`sends ${why} as ${used}`, async () => {
    const record = await one(fields, asked);
    assert.equal(record["encoding"], used === asked ? undefined : used);
    const value = Buffer.from(fields.value ?? "v");
    const expected = used === "json" ? "ä" : value.toString(used);
    assert.equal(record["value"], expected);
    const as = used === "json" ? "utf8" : used;
    assert.equal(record["key"], fields.key === undefined ? null : Buffer.from(fields.key).toString(as));
  });
}

test("a JSON value goes out as it was stored", async () => {
  const value = '{ "n": 12345678901234567890, "n": 1.10 }';
  assert.match(await texts([{ value: Buffer.from(value) }], "json"), new RegExp(`"value":${value}`));
});

test("an empty key is not a missing one", async () => {
  assert.equal((await one({ key: Buffer.alloc(0) }, "utf8"))["key"], "");
  assert.equal((await one({}, "utf8"))["key"], null);
});

test("header names repeat and keep their order", async () => {
  const headers: [string, Buffer][] = [
    ["b", good],
    ["a", good],
    ["b", Buffer.alloc(0)],
  ];
  assert.deepEqual((await one({ headers }, "utf8"))["headers"], [
    ["b", '"ä"'],
    ["a", '"ä"'],
    ["b", ""],
  ]);
});

test("any record is JSON and comes back", async () => {
  const bytes = fc.uint8Array({ maxLength: 20 });
  const text = fc.string({ unit: "binary", maxLength: 10 });
  const fields = fc.record(
    {
      value: bytes,
      key: bytes,
      topic: text.map((each) => Buffer.from(each)),
      headers: fc.array(fc.tuple(text, bytes)),
    },
    { requiredKeys: ["value"] },
  );
  const encodings = fc.constantFrom<Encoding>("base64", "utf8", "json");
  const comesBack = async (records: RecordFields[], encoding: Encoding): Promise<void> => {
    const read = JSON.parse(await texts(records, encoding)) as Record<string, unknown>[];
    assert.equal(read.length, records.length);
    for (const [index, { value, key }] of records.entries()) {
      const used = (read[index]!["encoding"] ?? encoding) as Encoding;
      if (used === "json") continue;
      assert.deepEqual(Buffer.from(read[index]!["value"] as string, used), Buffer.from(value));
      if (key !== undefined) assert.deepEqual(Buffer.from(read[index]!["key"] as string, used), Buffer.from(key));
    }
  };
  const records = fc.array(fields, { minLength: 1, maxLength: 20 });
  await fc.assert(fc.asyncProperty(records, encodings, comesBack), { numRuns: 20 });
});
