import assert from "node:assert/strict";
import { test } from "node:test";
import { recordModel } from "../rows/record-model.ts";
import { createTableSql, insertSql, type TableSettings, unnestSql } from "./table-sql.ts";

const plain: TableSettings = {
  name: "t",
  shards: undefined,
  replicas: 1,
  partitionedBy: undefined,
  refreshIntervalMs: undefined,
  translogDurability: undefined,
};

test("makes the documented table", () => {
  assert.equal(
    createTableSql(recordModel(1).shape, plain, "crate"),
    'CREATE TABLE IF NOT EXISTS "t" ("id" TEXT PRIMARY KEY, "timestamp" TIMESTAMP WITH TIME ZONE, "region" TEXT, "product_category" TEXT, "event_type" TEXT, "user_id" INTEGER, "user_segment" TEXT, "amount" DOUBLE PRECISION, "quantity" INTEGER, "metadata" OBJECT(DYNAMIC), "obj_0" TEXT) WITH (number_of_replicas = 1)',
  );
});

test("writes every setting, and a partition's column into the key", () => {
  const settings = { ...plain, name: "s.t", shards: 6, replicas: 0, partitionedBy: "region", refreshIntervalMs: 5000 };
  const sql = createTableSql(recordModel(0).shape, { ...settings, translogDurability: "ASYNC" }, "crate");
  assert.match(sql, /^CREATE TABLE IF NOT EXISTS "s"\."t" \("id" TEXT, .*, PRIMARY KEY \("id", "region"\)\)/);
  assert.ok(
    sql.endsWith(
      ` CLUSTERED INTO 6 SHARDS PARTITIONED BY ("region") WITH (number_of_replicas = 0, refresh_interval = 5000, "translog.durability" = 'ASYNC')`,
    ),
    sql,
  );
});

test("speaks PostgreSQL's types to PostgreSQL", () => {
  const sql = createTableSql(recordModel(0).shape, { ...plain, shards: 6 }, "postgres");
  assert.match(sql, /"metadata" JSONB\)$/);
});

test("quotes names", () => {
  assert.equal(
    insertSql('a"b.c', ["x", "y"], " ON CONFLICT DO NOTHING"),
    'INSERT INTO "a""b"."c" ("x", "y") VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  assert.equal(unnestSql("t", ["x"], ""), 'INSERT INTO "t" ("x") (SELECT * FROM UNNEST(?))');
});
