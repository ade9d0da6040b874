import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { temporaryDirectory } from "@polylog/testkit";
import fc from "fast-check";
import { cpuModel } from "./cpu-model.ts";
import { recordModel } from "./record-model.ts";
import { nonceOf, nonceOfSeed, RowIds } from "./row-ids.ts";
import { loadModel } from "./row-models.ts";
import { loadSchema } from "./schema-model.ts";
import type { RowModel } from "./table-shape.ts";

const now = '"2024-01-01T00:00:00.000Z"';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function rowsOf(model: RowModel, count: number, { seed = 1, thread = 0, run = 1 } = {}): Record<string, unknown>[] {
  const source = model.source(seed, thread, new RowIds(nonceOfSeed(run), thread));
  return Array.from({ length: count }, () => {
    const values = JSON.parse(source.row(now)) as unknown[];
    assert.equal(values.length, model.shape.columns.length);
    return Object.fromEntries(model.shape.columns.map(({ name }, i) => [name, values[i]]));
  });
}

test("keeps to the documented values and ranges", () => {
  const rows = rowsOf(recordModel(3), 5000);
  const seen = (name: string) => new Set(rows.map((row) => row[name]));
  assert.deepEqual(seen("region"), new Set(["us-east", "us-west", "eu-central", "ap-southeast"]));
  assert.equal(seen("product_category").size, 5);
  assert.equal(seen("event_type").size, 5);
  assert.equal(seen("user_segment").size, 4);
  assert.ok(seen("obj_2").size >= 3 && seen("obj_2").size <= 8);
  for (const { id, timestamp, amount, quantity, user_id: user, metadata, obj_0: object } of rows) {
    assert.match(String(id), uuid);
    assert.equal(timestamp, "2024-01-01T00:00:00.000Z");
    assert.ok(Number(amount) >= 1 && Number(amount) <= 1000);
    assert.ok(Number(quantity) >= 1 && Number(quantity) <= 100 && Number.isInteger(quantity));
    assert.ok(Number(user) >= 1 && Number(user) <= 10_000 && Number.isInteger(user));
    assert.match(String(object), /^obj0_val_\d$/);
    const { browser, os, session_id: session, page_views: views, referrer } = metadata as Record<string, unknown>;
    assert.match(`${browser} ${os} ${referrer}`, /^Browser-[1-5] OS-[1-3] ref-([1-9]|10)$/);
    assert.match(String(session), uuid);
    assert.ok(Number(views) >= 1 && Number(views) <= 20);
  }
});

test("repeats everything but identifiers for the same seed", () => {
  const values = (options: object) => rowsOf(recordModel(2), 50, options).map(({ id: _, ...rest }) => rest);
  assert.deepEqual(values({ run: 1 }), values({ run: 2 }));
  assert.notDeepEqual(values({}), values({ seed: 2 }));
  assert.notDeepEqual(values({}), values({ thread: 1 }));
  assert.deepEqual(rowsOf(recordModel(0), 9), rowsOf(recordModel(0), 9));
});

test("never gives two rows the same identifier", () => {
  const ids = new Set<string>();
  for (let run = 0; run < 10; run++)
    for (let thread = 0; thread < 10; thread++) {
      const of = new RowIds(nonceOfSeed(run), thread);
      for (let row = 0; row < 1000; row++) ids.add(of.next());
    }
  assert.equal(ids.size, 100_000);
});

test("gives other runs other identifiers", () => {
  const bytes = fc.uint8Array({ minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(bytes, bytes, fc.integer({ min: 0, max: 255 }), (one, other, thread) => {
      const [a, b] = [nonceOf(one), nonceOf(other)];
      const id = new RowIds(a, thread).next();
      assert.match(id, uuid);
      assert.equal(id === new RowIds(b, thread).next(), a.high === b.high && a.low === b.low);
    }),
  );
});

test("walks the cpu model's figures between 0 and 100", () => {
  for (const row of rowsOf(cpuModel, 500)) {
    assert.ok(Number(row["usage_user"]) >= 0 && Number(row["usage_guest_nice"]) <= 100);
    assert.match((row["tags"] as { hostname: string }).hostname, /^host_\d+$/);
  }
});

function fileWith(t: TestContext, name: string, text: string): string {
  const path = join(temporaryDirectory(t), name);
  writeFileSync(path, text);
  return path;
}

const columns = [
  { name: "id", type: "TEXT", generator: "id" },
  { name: "at", type: "TIMESTAMP", generator: "now" },
  { name: "n", type: "INTEGER", generator: "integer", min: -5, max: 5 },
  { name: "x", type: "DOUBLE PRECISION", generator: "number", min: 1, max: 2, digits: 3 },
  { name: "c", type: "TEXT", generator: "choice", values: ["a", "b"], nulls: 0.5 },
  { name: "t", type: "TEXT", generator: "text", length: 4 },
  { name: "s", type: "BIGINT", generator: "sequence" },
  { name: "mail", type: "TEXT", generator: "faker", pattern: "{{internet.email}}" },
];

test("makes rows of a schema file", async (t) => {
  const path = fileWith(t, "s.json", JSON.stringify({ primary_key: ["id"], columns }));
  const model = await loadModel({ model: "records", objects: 0, schema: path });
  assert.deepEqual(model.shape.primaryKey, ["id"]);
  const rows = rowsOf(model, 200);
  assert.deepEqual(rows, rowsOf(model, 200));
  assert.deepEqual(new Set(rows.map(({ c }) => c)), new Set(["a", "b", null]));
  for (const [i, { id, n, x, t: text, s, mail }] of rows.entries()) {
    assert.match(`${id}`, uuid);
    assert.ok(Math.abs(Number(n)) <= 5 && Number(x) >= 1 && Number(x) <= 2);
    assert.match(`${text} ${mail}`, /^[a-z]{4} \S+@\S+$/);
    assert.equal(s, i);
  }
});

test("makes rows of a module", async (t) => {
  const path = fileWith(
    t,
    "s.mjs",
    `export const columns = [{ name: "id", type: "TEXT" }, { name: "n", type: "INTEGER" }];
     export const createRows = ({ nextId, random }) => () => [nextId(), Math.floor(random() * 10)];`,
  );
  const [row] = rowsOf(await loadSchema(path), 1);
  assert.match(String(row?.["id"]), uuid);
});

const mistakes: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ["no columns", "{}", /it needs `columns`/],
  ["a column without a type", '{"columns":[{"name":"a"}]}', /a name and a type/],
  ["no such generator", '{"columns":[{"name":"a","type":"TEXT","generator":"x"}]}', /generator is one of id, now/],
  [
    "a key that is no column",
    '{"primary_key":["b"],"columns":[{"name":"a","type":"TEXT","generator":"id"}]}',
    /no column/,
  ],
  [
    "a pattern that faker lacks",
    '{"columns":[{"name":"a","type":"TEXT","generator":"faker","pattern":"{{x.y}}"}]}',
    /a: /,
  ],
  ["no JSON", "{", /JSON/],
];
for (const [name, text, says] of mistakes)
  test(`refuses a schema with ${name}`, async (t) => {
    await assert.rejects(loadSchema(fileWith(t, "s.json", text)), says);
  });
