import assert from "node:assert/strict";
import { test } from "node:test";
import { MemorySql } from "../testing/memory-sql.ts";

async function withTable(
  columns = "id TEXT PRIMARY KEY, ts TIMESTAMP WITH TIME ZONE, n INTEGER, o OBJECT",
): Promise<MemorySql> {
  const sql = await MemorySql.open();
  const { error } = await sql.sql(`CREATE TABLE t (${columns}) CLUSTERED INTO 3 SHARDS WITH (number_of_replicas = 1)`);
  assert.equal(error, undefined);
  return sql;
}

test("takes timestamps as milliseconds and as text, and answers milliseconds", async () => {
  const sql = await withTable();
  await sql.sql("INSERT INTO t (id, ts) VALUES (?, ?), ('b', '2024-01-01T00:00:00Z'), ('c', 5)", {
    args: ["a", 1700000000123],
  });
  assert.deepEqual(await sql.rows("SELECT id, ts FROM t ORDER BY id"), [
    ["a", 1700000000123],
    ["b", 1704067200000],
    ["c", 5],
  ]);
  assert.deepEqual(await sql.rows("SELECT id FROM t WHERE ts > ?", 1700000000123), [["b"]]);
});

test("keeps objects, lists and lists of objects as they were sent", async () => {
  const sql = await withTable(
    "id INTEGER, o OBJECT(DYNAMIC) AS (a INTEGER), l TEXT[], os ARRAY(OBJECT), ts TIMESTAMP[]",
  );
  const values = [{ a: { b: [1, "x"] } }, ["p", "q"], [{ a: 1 }, {}], [1, 2]];
  await sql.sql("INSERT INTO t VALUES (?, ?, ?, ?, ?)", { args: [1, ...values] });
  await sql.sql("INSERT INTO t VALUES (?, ?, ?, ?, ?)", {
    bulk_args: [
      [2, ...values],
      [3, null, null, null, null],
    ],
  });
  assert.deepEqual(await sql.rows("SELECT * FROM t ORDER BY id"), [
    [1, ...values],
    [2, ...values],
    [3, null, null, null, null],
  ]);
});

test("answers each row of bulk_args for itself", async () => {
  const sql = await withTable("id TEXT PRIMARY KEY, n INTEGER NOT NULL");
  await sql.sql("INSERT INTO t VALUES ('there', 1)");
  const rows = [
    ["a", 1],
    ["there", 2],
    ["b", null],
    ["c", "x"],
    ["d", 4],
    ["a", 5],
    ["e", 6],
  ];
  const { results } = await sql.sql("INSERT INTO t (id, n) VALUES (?, ?)", { bulk_args: rows });
  assert.deepEqual(
    results.map(({ rowcount }) => rowcount),
    [1, -2, -2, -2, 1, -2, 1],
  );
  assert.deepEqual(
    results.map(({ error }) => error?.code),
    [undefined, 4091, 4000, 4003, undefined, 4091, undefined],
  );
  assert.deepEqual(await sql.rows("SELECT id FROM t ORDER BY id"), [["a"], ["d"], ["e"], ["there"]]);
});

test("tells why of the first ten failed rows only", async () => {
  const sql = await withTable("id TEXT PRIMARY KEY");
  const { results } = await sql.sql("INSERT INTO t VALUES (?)", {
    bulk_args: Array.from({ length: 15 }, () => ["same"]),
  });
  assert.equal(results.filter(({ rowcount }) => rowcount === -2).length, 14);
  assert.equal(results.filter(({ error }) => error !== undefined).length, 10);
});

test("counts rows that ON CONFLICT passes over as 0", async () => {
  const sql = await withTable("id TEXT PRIMARY KEY, n INTEGER");
  const insert = (rows: unknown[][]) =>
    sql.sql("INSERT INTO t VALUES (?, ?) ON CONFLICT (id) DO NOTHING", { bulk_args: rows });
  await insert([["a", 1]]);
  const { results } = await insert([
    ["a", 2],
    ["b", 2],
    ["b", 3],
    ["c", 4],
  ]);
  assert.deepEqual(results, [{ rowcount: 0 }, { rowcount: 1 }, { rowcount: 0 }, { rowcount: 1 }]);
  assert.deepEqual(await sql.rows("SELECT * FROM t ORDER BY id"), [
    ["a", 1],
    ["b", 2],
    ["c", 4],
  ]);
});

test("updates what conflicts from the row that came", async () => {
  const sql = await withTable("id TEXT PRIMARY KEY, n INTEGER");
  const stmt = "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n";
  const { results } = await sql.sql(stmt, {
    bulk_args: [
      ["a", 1],
      ["a", 2],
      ["a", 4],
    ],
  });
  assert.deepEqual(results, [{ rowcount: 1 }, { rowcount: 1 }, { rowcount: 1 }]);
  assert.deepEqual(await sql.rows("SELECT n FROM t"), [[7]]);
});

test("inserts columns of UNNEST, all or none", async () => {
  const sql = await withTable();
  const stmt = "INSERT INTO t (id, ts, o) (SELECT * FROM UNNEST(?, ?, ?))";
  assert.equal(
    (
      await sql.sql(stmt, {
        args: [
          ["a", "b"],
          [1, 2],
          [{ x: 1 }, null],
        ],
      })
    ).rowcount,
    2,
  );
  assert.equal(
    (
      await sql.sql(stmt, {
        args: [
          ["c", "a"],
          [1, 2],
          [null, null],
        ],
      })
    ).error.code,
    4091,
  );
  assert.deepEqual(await sql.rows("SELECT id, ts, o FROM t ORDER BY id"), [
    ["a", 1, { x: 1 }],
    ["b", 2, null],
  ]);
});

test("keeps all digits of whole numbers in bulk_args", async () => {
  const sql = await withTable("n BIGINT");
  await sql.send('{"stmt":"INSERT INTO t VALUES (?)","bulk_args":[[9007199254740993]]}');
  const { body } = await sql.send({ stmt: "SELECT n FROM t" });
  assert.match(body, /\[\[9007199254740993\]\]/);
});

test("updates and deletes, one by one and many", async () => {
  const sql = await withTable();
  await sql.sql("INSERT INTO t (id, n) VALUES ('a', 1), ('b', 2), ('c', 3)");
  assert.equal((await sql.sql("UPDATE t SET n = n + 1, ts = ? WHERE id = ?", { args: [7, "a"] })).rowcount, 1);
  const { results } = await sql.sql("UPDATE t SET n = ? WHERE id = ?", {
    bulk_args: [
      [9, "b"],
      [9, "none"],
    ],
  });
  assert.deepEqual(results, [{ rowcount: 1 }, { rowcount: 0 }]);
  assert.equal((await sql.sql("DELETE FROM t WHERE n = 9")).rowcount, 1);
  assert.deepEqual(await sql.rows("SELECT id, n, ts FROM t ORDER BY id"), [
    ["a", 2, 7],
    ["c", 3, null],
  ]);
});

test("compares parts of objects as what they are compared with", async () => {
  const sql = await withTable();
  await sql.sql("INSERT INTO t (id, o) VALUES ('a', {n = 9, s = 'x'}), ('b', {n = 100})");
  assert.deepEqual(await sql.rows("SELECT id FROM t WHERE o['n'] > 10"), [["b"]]);
  assert.deepEqual(await sql.rows("SELECT id FROM t WHERE o['n'] < ?", 10), [["a"]]);
  assert.deepEqual(await sql.rows("SELECT o['s'] FROM t WHERE o['s'] = ?", "x"), [["x"]]);
});

test("numbers the types when asked to", async () => {
  const sql = await withTable(
    "a TEXT, b BOOLEAN, c BIGINT, d DOUBLE PRECISION, e TIMESTAMP WITH TIME ZONE, f OBJECT, g INTEGER[]",
  );
  const { cols, col_types: types } = await sql.sql("SELECT * FROM t", {}, { types: true });
  assert.deepEqual(cols, ["a", "b", "c", "d", "e", "f", "g"]);
  assert.deepEqual(types, [4, 3, 10, 6, 11, 12, [100, 9]]);
});

const refusals: readonly (readonly [stmt: string, status: number, code: number])[] = [
  ["selec 1", 400, 4000],
  ["", 400, 4000],
  ["select 1; drop table t", 400, 4000],
  ["select 'open", 400, 4000],
  ["select from where", 400, 4000],
  ["select nope from t", 404, 4043],
  ["insert into t (nope) values (1)", 404, 4043],
  ["select * from nope", 404, 4041],
  ["insert into nope values (1)", 404, 4041],
  ["drop table nope", 404, 4041],
  ["select nope(1)", 404, 4049],
  ["create table t (id text)", 409, 4093],
  ["insert into t (id) values ('a', 'b')", 400, 4000],
  ["insert into t (n) values ('x')", 400, 4003],
  ["insert into sys.nodes (id) values ('x')", 400, 4004],
  ["copy t to '/tmp/x'", 400, 4000],
  ["attach '/tmp/x'", 400, 4000],
  ["pragma database_list", 400, 4000],
  ["select * from read_csv('/etc/passwd')", 400, 4004],
  ["select * from '/etc/passwd'", 404, 4041],
  ["select ?", 400, 4000],
  ["create table u (a nonsense)", 400, 4000],
];

test("refuses with CrateDB's statuses and numbers", async () => {
  const sql = await withTable();
  for (const [stmt, status, code] of refusals) {
    const answer = await sql.send({ stmt });
    const { error } = JSON.parse(answer.body) as { error?: { code: number; message: string } };
    assert.deepEqual([answer.status, error?.code], [status, code], `${stmt}: ${answer.body}`);
  }
});

test("refuses bodies that are none", async () => {
  const sql = await MemorySql.open();
  const bodies = [
    "",
    "{",
    "[]",
    "null",
    '{"stmt":5}',
    '{"stmt":"select 1","args":{}}',
    '{"stmt":"select 1","bulk_args":[1]}',
  ];
  for (const body of bodies) {
    const { status, body: text } = await sql.send(body);
    assert.equal(status, 400, `${body}: ${text}`);
  }
  assert.equal((await sql.send({ stmt: "select 1", args: [1], bulk_args: [[1]] })).status, 400);
  assert.equal((await sql.send({ stmt: "select 1", args: [], bulk_args: [] })).status, 200);
});

test("asks for the permission that a statement needs", async () => {
  const sql = await withTable();
  const rights = { consume: true, produce: false, manage: false };
  for (const stmt of [
    "insert into t (id) values ('a')",
    "delete from t",
    "update t set n = 1",
    "drop table t",
    "create table u (a int)",
  ]) {
    const { status, body } = await sql.send({ stmt }, { rights });
    assert.deepEqual([status, JSON.parse(body).error.code], [401, 4011], stmt);
  }
  assert.equal((await sql.send({ stmt: "select * from t" }, { rights })).status, 200);
  assert.equal((await sql.send({ stmt: "select * from t" }, { rights: { ...rights, consume: false } })).status, 401);
});

test("shows tables, columns and shards as clients look for them", async () => {
  const sql = await withTable("id TEXT PRIMARY KEY, ts TIMESTAMP, tags TEXT[]");
  assert.deepEqual(await sql.rows("SHOW TABLES"), [["t"]]);
  const tables =
    "SELECT table_name, number_of_shards, number_of_replicas FROM information_schema.tables WHERE table_schema = ?";
  assert.deepEqual(await sql.rows(tables, "doc"), [["t", 3, "1"]]);
  const columns =
    "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position";
  assert.deepEqual(await sql.rows(columns), [
    ["id", "text"],
    ["ts", "timestamp without time zone"],
    ["tags", "text_array"],
  ]);
  assert.deepEqual(await sql.rows("SELECT column_name FROM information_schema.key_column_usage"), [["id"]]);
  assert.deepEqual(await sql.rows("SELECT count(*), sum(num_docs) FROM sys.shards WHERE state = 'STARTED'"), [[3, 0]]);
  assert.deepEqual(await sql.rows("SELECT name, version['number'] FROM sys.nodes"), [["polylog", "6.0.0+polylog.0"]]);
  assert.match(String((await sql.rows("SHOW CREATE TABLE t"))[0]?.[0]), /^CREATE TABLE t \(id TEXT PRIMARY KEY/);
  assert.match(String((await sql.rows("SELECT version()"))[0]?.[0]), /Polylog.*DuckDB/);
});

test("accepts what means nothing here", async () => {
  const sql = await withTable();
  for (const stmt of [
    "REFRESH TABLE t",
    "SET search_path TO 'doc'",
    "ALTER TABLE t SET (refresh_interval = 0)",
    "BEGIN",
    "COMMIT",
  ])
    assert.equal((await sql.send({ stmt })).status, 200, stmt);
});

test("adds columns", async () => {
  const sql = await withTable("id INTEGER");
  await sql.sql("INSERT INTO t VALUES (?)", { args: [1] });
  await sql.sql("ALTER TABLE t ADD COLUMN extra TEXT");
  await sql.sql("INSERT INTO t VALUES (?, ?)", { args: [2, "x"] });
  assert.deepEqual(await sql.rows("SELECT * FROM t ORDER BY id"), [
    [1, null],
    [2, "x"],
  ]);
});

test("keeps schemas apart", async () => {
  const sql = await withTable("id INTEGER");
  await sql.sql("CREATE TABLE other.t (id INTEGER)");
  await sql.sql("INSERT INTO t VALUES (1)", {}, { schema: "other" });
  assert.deepEqual((await sql.sql("SELECT * FROM t", {}, { schema: "other" })).rows, [[1]]);
  assert.deepEqual((await sql.sql("SELECT * FROM t")).rows, []);
  assert.deepEqual((await sql.sql("SELECT * FROM other.t")).rows, [[1]]);
});

test("ends a statement that runs too long, and one whose client went away", async () => {
  const sql = await MemorySql.open(300);
  const stmt = "select count(*) from range(100000000000) t(i) where i * 3 % 7 = 8";
  assert.equal((await sql.sql(stmt)).error.code, 5005);
  const controller = new AbortController();
  const answer = sql.send({ stmt }, {}, controller.signal);
  controller.abort();
  assert.equal(JSON.parse((await answer).body).error.code, 5005);
  assert.deepEqual(await sql.rows("select 1"), [[1]]);
});
