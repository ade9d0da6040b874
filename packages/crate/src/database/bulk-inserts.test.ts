import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemorySql, type SqlResult } from "../testing/memory-sql.ts";

const insert = "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT DO NOTHING";

async function withTable(): Promise<MemorySql> {
  const sql = await MemorySql.open();
  await sql.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)");
  return sql;
}

type Row = readonly [id: number, n: unknown];

test("accounts for every row of requests that are written together", async () => {
  const row = fc.tuple(
    fc.integer({ min: 0, max: 30 }),
    fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 9 }) }, fc.constantFrom(null, "x")),
  );
  const requests = fc.array(fc.array(row, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(requests, fc.boolean(), async (bodies, isLoud) => {
      const sql = await withTable();
      const stmt = isLoud ? "INSERT INTO t (id, n) VALUES (?, ?)" : insert;
      const answers = await Promise.all(bodies.map((rows) => sql.sql(stmt, { bulk_args: rows })));
      const written = new Map<number, unknown>();
      for (const [at, { results }] of answers.entries())
        for (const [i, { rowcount, error }] of results.entries()) {
          const [id, n] = bodies[at]![i] as Row;
          if (rowcount === 1) {
            assert.ok(!written.has(id), `row ${id} is written twice`);
            written.set(id, n);
          } else if (rowcount === 0) assert.ok(!isLoud);
          else assert.ok(isLoud || typeof n !== "number", `${id} ${String(n)}: ${error?.message}`);
        }
      assert.deepEqual(
        await sql.rows("SELECT id, n FROM t ORDER BY id"),
        [...written].sort(([a], [b]) => a - b),
      );
      const sound = bodies.flat().filter(([, n]) => typeof n === "number");
      assert.deepEqual(new Set(written.keys()), new Set(sound.map(([id]) => id)));
      sql.database.close();
    }),
    { numRuns: 15 },
  );
});

test("writes many requests with a few statements", async () => {
  const sql = await withTable();
  let begins = 0;
  const write = sql.database.write.bind(sql.database);
  sql.database.write = (text, values) => {
    if (text === "BEGIN") begins++;
    return write(text, values);
  };
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => sql.sql(insert, { bulk_args: [[i, i]] })));
  assert.ok(answers.every(({ results }) => results[0]?.rowcount === 1));
  assert.ok(begins < 10, `${begins} transactions`);
});

test("says what is wrong with ON CONFLICT also when no row is there", async () => {
  const sql = await withTable();
  const stmt = "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT (n) DO NOTHING";
  const { results, error }: Partial<SqlResult> = await sql.sql(stmt, { bulk_args: [[1, 1]] });
  assert.ok(error !== undefined || results?.[0]?.rowcount === -2);
  assert.deepEqual(await sql.rows("SELECT count(*) FROM t"), [[0]]);
});

test("updates what is there already, of requests that are written together", async () => {
  const sql = await withTable();
  const stmt = "INSERT INTO t (id, n) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = excluded.n";
  for (const n of [1, 2]) {
    const answers = await Promise.all([1, 2, 3].map((id) => sql.sql(stmt, { bulk_args: [[id, n]] })));
    assert.ok(answers.every(({ results }) => results[0]?.rowcount === 1));
  }
  assert.deepEqual(await sql.rows("SELECT id, n FROM t ORDER BY id"), [
    [1, 2],
    [2, 2],
    [3, 2],
  ]);
});

test("writes the others when a client goes away", async () => {
  const sql = await withTable();
  const gone = new AbortController();
  const bodies = [1, 2, 3].map((id) => ({ stmt: insert, bulk_args: [[id, id]] }));
  const answers = Promise.all(
    bodies.map((body, i) => sql.send(body, {}, i === 1 ? gone.signal : new AbortController().signal)),
  );
  gone.abort();
  const [first, , third] = await answers;
  assert.deepEqual([first?.status, third?.status], [200, 200]);
  const ids = (await sql.rows("SELECT id FROM t ORDER BY id")).flat();
  assert.ok(ids.includes(1) && ids.includes(3));
});
