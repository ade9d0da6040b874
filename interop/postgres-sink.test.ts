/** `--sink` into a real PostgreSQL. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PostgresTransport } from "@polylog/crate-writer";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { missingPostgres, startPostgres } from "./postgres.ts";

async function rpc(server: ServerProcess, method: string, params: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (error !== undefined) throw new Error(error.message);
  return result;
}

test("fills a table of PostgreSQL once, over kill -9, and buries what it refuses", {
  skip: missingPostgres,
  timeout: 120_000,
}, async (t) => {
  const url = await startPostgres(t);
  const database = new PostgresTransport({ url: new URL(url), table: "", columns: [] });
  t.after(() => database.close());
  await database.query(
    'CREATE TABLE orders ("partition" INTEGER, "offset" BIGINT, n INTEGER CHECK (n <> 13), value JSONB, PRIMARY KEY ("partition", "offset"))',
  );
  const dataDir = temporaryDirectory(t);
  const flags = [`--sink=orders=${url}/orders?batch=20`];
  let server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
  for (let round = 0; round < 5; round++) {
    const records = Array.from({ length: 40 }, (_, i) => ({ value: { n: round * 40 + i } }));
    await rpc(server, "produce", { log: "orders", encoding: "json", records });
    await sleep(30 * round);
    await server.kill();
    server = await startServer({ dataDir, flags });
  }
  const count = async () => Number((await database.query("SELECT count(*) AS n FROM orders"))[0]?.["n"]);
  for (let waitedMs = 0; (await count()) < 199 && waitedMs < 30_000; waitedMs += 50) await sleep(50);
  const [sums] = await database.query(
    "SELECT count(*) AS count, sum(n) AS sum, sum((value->>'n')::int) AS values FROM orders",
  );
  const sum = (200 * 199) / 2 - 13;
  assert.deepEqual(sums, { count: "199", sum: String(sum), values: String(sum) });
  type Dead = { records: { value: { n: number }; headers: [string, string][] }[] };
  const read = () =>
    rpc(server, "consume", { log: "orders.dead", from: "earliest", encoding: "json" }) as Promise<Dead>;
  let dead: Dead = { records: [] };
  for (let waitedMs = 0; dead.records.length === 0 && waitedMs < 30_000; waitedMs += 50) {
    await sleep(50);
    dead = await read().catch(() => ({ records: [] }));
  }
  assert.deepEqual(new Set(dead.records.map(({ value }) => value.n)), new Set([13]));
  assert.match(Object.fromEntries(dead.records[0]!.headers)["polylog-dead-detail"] ?? "", /^23514 /);
  assert.equal(await server.stop(), 0, server.output());
});

test("makes its own table in PostgreSQL, with times, headers and values", {
  skip: missingPostgres,
  timeout: 120_000,
}, async (t) => {
  const url = await startPostgres(t);
  const database = new PostgresTransport({ url: new URL(url), table: "", columns: [] });
  t.after(() => database.close());
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: [`--sink=plain=${url}/made`] });
  t.after(() => server.kill());
  const records = [{ value: { b: 1, a: [2] }, headers: [["h", "v"]] }, { value: [7] }];
  await rpc(server, "produce", { log: "plain", encoding: "json", records });
  const select = `SELECT "offset"::int AS at, headers, value, text, abs(extract(epoch FROM now() - timestamp)) < 120 AS recent FROM made ORDER BY 1`;
  let rows: readonly unknown[] = [];
  for (let waitedMs = 0; rows.length < 2 && waitedMs < 30_000; waitedMs += 50) {
    await sleep(50);
    rows = await database.query(select).catch(() => []);
  }
  assert.deepEqual(rows, [
    { at: 0, headers: { h: "v" }, value: { a: [2], b: 1 }, text: null, recent: true },
    { at: 1, headers: {}, value: null, text: "[7]", recent: true },
  ]);
  assert.equal(await server.stop(), 0, server.output());
});
