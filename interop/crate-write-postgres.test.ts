/** `crate-write` by PostgreSQL's protocol, into a real PostgreSQL. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "@polylog/base/clock";
import { BatchWriter, Brake, PostgresTransport } from "@polylog/crate-writer";
import { missingPostgres, startPostgres } from "./postgres.ts";

const command = fileURLToPath(new URL("../../packages/loadgen/bin/crate-write.js", import.meta.url));

interface Result {
  readonly rows: Readonly<Record<"written" | "ignored" | "refused" | "unknown", number>>;
  readonly verification: { readonly present: number; readonly agrees: boolean };
  readonly database: { readonly kind: string; readonly name: string };
  readonly errors: readonly { readonly code: string; readonly count: number }[];
}

async function write(...flags: readonly string[]): Promise<Result> {
  const argv = [command, ...flags, "--json", "--batch-interval=0", "--threads=2", "--concurrency=2"];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: tmpdir() });
  return JSON.parse(stdout) as Result;
}

test("fills a table of PostgreSQL, and accounts for every row", {
  skip: missingPostgres,
  timeout: 120_000,
}, async (t) => {
  const url = await startPostgres(t);
  const database = new PostgresTransport({ url: new URL(url), table: "", columns: [] });
  t.after(() => database.close());
  const flags = [
    `--connection-string=${url}`,
    "--table-name=records",
    "--rows=4000",
    "--batch-size=500",
    "--repeat-ids",
  ];
  const first = await write(...flags, "--objects=1");
  assert.match(first.database.name, /^PostgreSQL, not CrateDB/);
  assert.deepEqual([first.rows.written, first.rows.refused, first.verification.agrees], [4000, 0, true]);
  const [sums] = await database.query(
    "SELECT count(*)::int AS rows, count(DISTINCT metadata->>'os')::int AS systems, count(obj_0)::int AS objects FROM records",
  );
  assert.deepEqual(sums, { rows: 4000, systems: 3, objects: 4000 });
  const again = await write(...flags, "--objects=1");
  assert.deepEqual([again.rows.written, again.rows.ignored, again.verification.present], [0, 4000, 0]);
  const refused = await write(...flags, "--objects=1", "--on-conflict=error");
  assert.deepEqual(
    [refused.rows.refused, refused.errors],
    [4000, [{ ...refused.errors[0], code: "23505", count: 4000 }]],
  );
});

test("counts single rows that PostgreSQL refuses", { skip: missingPostgres, timeout: 120_000 }, async (t) => {
  const url = await startPostgres(t);
  const database = new PostgresTransport({ url: new URL(url), table: "", columns: [] });
  t.after(() => database.close());
  await database.query(
    `CREATE TABLE records (id TEXT PRIMARY KEY, timestamp TIMESTAMPTZ, region TEXT CHECK (region <> 'us-east'), product_category TEXT,
     event_type TEXT, user_id INTEGER, user_segment TEXT, amount DOUBLE PRECISION, quantity INTEGER, metadata JSONB)`,
  );
  const { rows, errors, verification } = await write(
    `--connection-string=${url}`,
    "--table-name=records",
    "--rows=1000",
  );
  assert.equal(rows.written + rows.refused, 1000);
  assert.ok(rows.refused > 150 && rows.refused < 350, String(rows.refused));
  assert.deepEqual([errors[0]?.code, errors[0]?.count, verification.agrees], ["23514", rows.refused, true]);
});

const types = {
  id: "INTEGER PRIMARY KEY",
  big: "BIGINT",
  part: "NUMERIC(6,2)",
  flag: "BOOLEAN",
  word: "VARCHAR(5)",
  letter: "CHAR(3)",
  at: "TIMESTAMPTZ",
  plain: "TIMESTAMP",
  day: "DATE",
  doc: "JSONB",
  list: "INTEGER[]",
  words: "TEXT[]",
  address: "INET",
  bytes: "BYTEA",
};

/** JSON of each column after `id` → their texts in PostgreSQL, or with which code it refuses the row. */
const values: readonly (readonly [
  name: string,
  json: readonly string[],
  expected: readonly (string | null)[] | string,
])[] = [
  [
    "texts, numbers and lists",
    [
      ...["9007199254740993", "1.255", "true", '"word"', '"ab"'],
      ...['"2024-05-06T07:08:09.5+01:00"', '"2024-05-06T07:08:09"', '"2024-05-06"'],
      ...['{"b":[1,null]}', "[1,null,3]", '["a","b,\\"c"]', '"10.0.0.1"', '"\\\\x00ff"'],
    ],
    [
      ...["9007199254740993", "1.26", "true", "word", "ab "],
      ...["2024-05-06T06:08:09.5+00:00", "2024-05-06T07:08:09", "2024-05-06"],
      ...['{"b": [1, null]}', "[1, null, 3]", '["a", "b,\\"c"]', "10.0.0.1", "\\x00ff"],
    ],
  ],
  [
    "milliseconds, and texts of objects and lists",
    [
      ...["1", "2", "null", "null", "null", "1700000000123", "1700000000123", "1700000000123"],
      ...['"{\\"a\\":1}"', '"{4,5}"', '"{}"', "null", "null"],
    ],
    [
      ...["1", "2.00", null, null, null],
      ...["2023-11-14T22:13:20.123+00:00", "2023-11-14T22:13:20.123", "2023-11-14"],
      ...['{"a": 1}', "[4, 5]", "[]", null, null],
    ],
  ],
  ["nothing", Array.from({ length: 13 }, () => "null"), Array.from({ length: 13 }, () => null)],
  ["a word that is too long", ["1", "1", "true", '"longer"'], "22001"],
  ["half a number", ["1.5"], "22P02"],
  ["a zero byte", ["1", "1", "true", '"a\\u0000"'], "22P05"],
  ["half a character", ["1", "1", "true", '"\\ud800"'], "22P02"],
  ["a value that is nested too deep", [...Array.from({ length: 8 }, () => "null"), deep(20_000)], "54001"],
];

function deep(levels: number): string {
  return `${"[".repeat(levels)}${"]".repeat(levels)}`;
}

test("writes values of each type, and finds the rows that PostgreSQL refuses", {
  skip: missingPostgres,
  timeout: 120_000,
}, async (t) => {
  const url = new URL(`${await startPostgres(t)}?options=-c%20TimeZone%3DUTC`);
  const database = new PostgresTransport({ url, table: "", columns: [] });
  t.after(() => database.close());
  const definitions = Object.entries(types).map((column) => column.join(" "));
  await database.query(`CREATE TABLE types (${definitions.join(", ")})`);
  const columns = Object.keys(types);
  const transport = new PostgresTransport({ url, table: "types", columns });
  t.after(() => transport.close());
  const clock = systemClock;
  const writer = new BatchWriter({ transport, brake: new Brake(clock), clock, isIdempotent: false });
  const rows = Array.from({ length: 300 }, (_, i) => {
    const json = values[i % values.length]![1];
    return `[${[String(i), ...json, ...Array.from({ length: 13 - json.length }, () => "null")].join(",")}]`;
  });
  const { written, refused, unknown } = await writer.write(rows, new AbortController().signal);
  const codes = new Map(refused.map(({ index, code }) => [index, code]));
  const texts = columns.slice(1).map((name) => `to_jsonb(types)->>'${name}'`);
  const found = await database.query(`SELECT id, ARRAY[${texts.join(", ")}] AS texts FROM types`);
  const there = new Map(found.map((row) => [row["id"], row["texts"]]));
  assert.deepEqual([written, written + refused.length, unknown.length], [there.size, 300, 0]);
  for (let i = 0; i < 300; i++) {
    const [name, , expected] = values[i % values.length]!;
    assert.deepEqual(typeof expected === "string" ? codes.get(i) : there.get(i), expected, name);
  }
});

test("writes values one by one into a column that keeps the text of JSON", {
  skip: missingPostgres,
  timeout: 120_000,
}, async (t) => {
  const url = new URL(await startPostgres(t));
  const transport = new PostgresTransport({ url, table: "texts", columns: ["id", "raw"] });
  t.after(() => transport.close());
  await transport.query("CREATE TABLE texts (id INTEGER PRIMARY KEY, raw JSON)");
  const writer = new BatchWriter({ transport, brake: new Brake(systemClock), clock: systemClock, isIdempotent: true });
  // More than go into one statement.
  const rows = Array.from({ length: 40_000 }, (_, i) => `[${i === 7 ? '"x"' : i},{"b":1,"a":[2]}]`);
  const { written, refused } = await writer.write(rows, new AbortController().signal);
  assert.deepEqual([written, refused.map(({ index, code }) => [index, code])], [39_999, [[7, "22P02"]]]);
  const [sums] = await transport.query("SELECT count(*)::int AS count, min(raw::text) AS raw FROM texts");
  assert.deepEqual(sums, { count: 39_999, raw: '{"b":1,"a":[2]}' });
});
