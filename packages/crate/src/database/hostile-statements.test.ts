/** Statements that would do more than their first word says, or cost others. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MemorySql } from "../testing/memory-sql.ts";

const onlyQueries = { rights: { consume: true, produce: false, manage: false } };

async function start(timeoutMs?: number): Promise<MemorySql> {
  const sql = await MemorySql.open(timeoutMs);
  await sql.sql("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
  await sql.sql("INSERT INTO t VALUES (1, 'x')");
  return sql;
}

const writing: readonly string[] = [
  "WITH x AS (SELECT 2 AS a, 'y' AS b) INSERT INTO doc.t SELECT * FROM x",
  "WITH x AS (SELECT 1) UPDATE doc.t SET b = 'y'",
  "WITH x AS (SELECT 1) DELETE FROM doc.t",
  "EXPLAIN ANALYZE INSERT INTO doc.t VALUES (2, 'y')",
  "EXPLAIN ANALYZE WITH x AS (SELECT 1) DELETE FROM doc.t",
  "EXPLAIN (ANALYZE) DELETE FROM doc.t",
  "EXPLAIN ANALYZE DROP TABLE doc.t",
  "EXPLAIN ANALYZE CREATE TABLE doc.u AS SELECT 1",
  "EXPLAIN ANALYZE SET threads = 1",
  "EXPLAIN ANALYZE CALL enable_logging()",
];

for (const statement of writing)
  test(`refuses ${statement}`, async () => {
    const sql = await start();
    const { error } = await sql.sql(statement, {}, onlyQueries);
    assert.ok([4000, 4004].includes(error?.code), JSON.stringify(error));
    assert.deepEqual(await sql.rows("SELECT * FROM t"), [[1, "x"]]);
    const tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'doc'";
    assert.deepEqual(await sql.rows(tables), [["t"]]);
  });

const insides: readonly string[] = [
  "SELECT * FROM duckdb_settings()",
  "SELECT * FROM DuckDB_databases()",
  'SELECT * FROM "duckdb_logs"',
  "SELECT * FROM pragma_database_list",
  "SELECT current_setting('temp_directory')",
  "SELECT * FROM enable_logging()",
  'SELECT * FROM "Enable_Profiling"()',
  "SELECT * FROM system.main.force_checkpoint()",
  "SELECT * FROM query('SELECT * FROM duckdb_settings()')",
  "SELECT * FROM json_execute_serialized_sql('{}')",
  "INSERT INTO t SELECT 2, value FROM duckdb_settings()",
  "CREATE TABLE u (a TEXT DEFAULT current_setting('temp_directory'))",
];

for (const statement of insides)
  test(`keeps DuckDB's insides from ${statement}`, async () => {
    assert.equal((await (await start()).sql(statement)).error?.code, 4004);
  });

const readers: readonly string[] = [
  "read_text",
  "read_csv",
  "read_blob",
  "read_json",
  "read_parquet",
  "glob",
  "sniff_csv",
];

for (const name of readers)
  test(`reads no file with ${name}`, async () => {
    assert.equal((await (await start()).sql(`SELECT * FROM ${name}('/etc/passwd')`)).error?.code, 4004);
  });

const foreign: readonly string[] = [
  'DELETE FROM "CRATE_META".tables',
  'DROP TABLE "Crate_Meta".tables',
  'CREATE TABLE "SYS".x (a INTEGER)',
];

for (const statement of foreign)
  test(`keeps the server's own schemas from ${statement}`, async () => {
    const sql = await start();
    assert.equal((await sql.sql(statement)).error?.code, 4004);
    assert.equal((await sql.rows("SELECT * FROM crate_meta.tables")).length, 1);
  });

test("explains queries", async () => {
  const sql = await start();
  for (const statement of ["EXPLAIN SELECT * FROM t", "EXPLAIN ANALYZE WITH x AS (SELECT 1) SELECT * FROM x"])
    assert.equal((await sql.sql(statement, {}, onlyQueries)).rows.length, 1);
});

test("ends a request of many short statements when its time is up", async () => {
  const sql = await start(1_000);
  const bulk = Array.from({ length: 200_000 }, (_, i) => [String(i)]);
  const { error } = await sql.sql("UPDATE t SET b = ? WHERE a = 1", { bulk_args: bulk });
  assert.equal(error?.code, 5005);
});

test("leaves no transaction open when rows take too long", async () => {
  const sql = await start(1_000);
  const bulk = Array.from({ length: 20_000 }, () => ["no number", "x"]);
  assert.equal((await sql.sql("INSERT INTO t VALUES (?, ?)", { bulk_args: bulk })).error?.code, 5005);
  await sql.sql("INSERT INTO t VALUES (2, 'y')");
  // Another connection sees it: it was committed.
  assert.deepEqual(await sql.rows("SELECT a FROM t ORDER BY a"), [[1], [2]]);
});

test("refuses statements that take long to plan", async () => {
  const sql = await start();
  const queries = [`SELECT 1${" UNION ALL SELECT 1".repeat(501)}`, `SELECT b${"::text['b']".repeat(5_000)} FROM t`];
  for (const statement of queries) assert.equal((await sql.sql(statement)).error?.code, 4004);
});

const onlyRows = { rights: { consume: false, produce: true, manage: false } };
const telling: readonly string[] = [
  "INSERT INTO t SELECT a + 1, b FROM t",
  "INSERT INTO t TABLE t",
  "INSERT INTO t VALUES (2, (SELECT max(b) FROM t))",
  "INSERT INTO t (SELECT * FROM UNNEST(?, ?)) RETURNING *",
  "DELETE FROM t RETURNING *",
  "UPDATE t SET b = 'y' RETURNING a",
];

for (const statement of telling)
  test(`needs the right to query for ${statement}`, async () => {
    const sql = await start();
    assert.equal((await sql.sql(statement, { args: [[5], ["x"]] }, onlyRows)).error?.code, 4011);
    assert.deepEqual(await sql.rows("SELECT * FROM t"), [[1, "x"]]);
  });

test("writes rows with the right to write alone", async () => {
  const sql = await start();
  await sql.sql("INSERT INTO t VALUES (2, 'y')", {}, onlyRows);
  await sql.sql("INSERT INTO t (a, b) (SELECT * FROM UNNEST(?, ?))", { args: [[3], ["z"]] }, onlyRows);
  await sql.sql("DELETE FROM t WHERE a = 1", {}, onlyRows);
  assert.deepEqual(await sql.rows("SELECT * FROM t ORDER BY a"), [
    [2, "y"],
    [3, "z"],
  ]);
});

test("counts rows whose text speaks of returning", async () => {
  const { rows, rowcount } = await (await start()).sql("INSERT INTO t VALUES (2, 'returning'), (3, 'x')");
  assert.deepEqual([rows, rowcount], [[], 2]);
});

test("takes the rows beside one whose text is cut within an emoji", async () => {
  const sql = await start();
  const body = String.raw`{"stmt":"INSERT INTO t VALUES (?, ?)","bulk_args":[[2,"y"],[3,"\ud83d"],[4,"z"]]}`;
  assert.equal((await sql.send(body)).status, 200);
  assert.deepEqual(await sql.rows("SELECT b FROM t ORDER BY a"), [["x"], ["y"], ["\ufffd"], ["z"]]);
});
