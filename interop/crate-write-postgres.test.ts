/** `crate-write` by PostgreSQL's protocol, into a real PostgreSQL. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PostgresTransport } from "@polylog/crate-writer";
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
