/** `crate-write` against Polylog's own `/_sql`: a running server's, and the one that it starts itself. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { startWrite, write } from "./crate-write-process.ts";

const timeout = 120_000;

async function server(t: TestContext): Promise<{ readonly started: ServerProcess; readonly url: string }> {
  const started = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => started.kill());
  return { started, url: `http://127.0.0.1:${started.listeners.http.port}` };
}

async function sql(url: string, stmt: string): Promise<unknown[][]> {
  const response = await fetch(`${url}/_sql`, { method: "POST", body: JSON.stringify({ stmt }) });
  const { rows, error } = (await response.json()) as { rows?: unknown[][]; error?: unknown };
  if (rows === undefined) throw new Error(JSON.stringify(error));
  return rows;
}

const quick = ["--batch-interval=0", "--batch-size=200"];

test("fills the documented table, and counts it", { timeout }, async (t) => {
  const { url } = await server(t);
  const flags = [`--connection-string=${url}`, "--table-name=t", "--rows=1000", "--threads=2", "--objects=2", ...quick];
  const { rows, verification, database } = await write(flags);
  assert.deepEqual([rows.written, rows.failed, verification?.agrees], [1000, 0, true]);
  assert.deepEqual([database.kind, database.isEmbedded], ["Polylog", false]);
  const [counts] = await sql(
    url,
    "SELECT count(*), count(DISTINCT id), count(DISTINCT region), count(DISTINCT metadata['browser']), min(amount) >= 1, max(amount) <= 1000 FROM t",
  );
  assert.deepEqual(counts, [1000, 1000, 4, 5, true, true]);
  const columns = await sql(
    url,
    "SELECT column_name FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position",
  );
  assert.deepEqual(
    columns.flat().join(" "),
    "id timestamp region product_category event_type user_id user_segment amount quantity metadata obj_0 obj_1",
  );
  const [shown] = await sql(url, "SHOW CREATE TABLE t");
  assert.match(String(shown?.[0]), /number_of_replicas = '?1/);
});

test("writes new rows with the same seed, and the same ones when asked to", { timeout }, async (t) => {
  const { url } = await server(t);
  const flags = [`--connection-string=${url}`, "--table-name=t", "--rows=400", "--seed=7", ...quick];
  await write(flags);
  assert.equal((await write(flags)).rows.written, 400);
  const first = await write([...flags, "--repeat-ids"]);
  const again = await write([...flags, "--repeat-ids"]);
  assert.deepEqual([first.rows.written, again.rows.written, again.rows.ignored], [400, 0, 400]);
  assert.deepEqual([again.verification?.present, again.verification?.agrees], [0, true]);
  const refused = await write([...flags, "--repeat-ids", "--on-conflict=error"]);
  assert.equal(refused.rows.refused, 400);
  // The first ten of a batch say why.
  const counts = Object.fromEntries(refused.errors.map(({ code, count }) => [code, count]));
  assert.deepEqual(counts, { "4091": 20, "no code": 380 });
});

test("starts a database of its own, says so, and leaves nothing behind", { timeout }, async (t) => {
  const cwd = temporaryDirectory(t);
  const { stdout, code } = await startWrite(["--rows=500", "--table-name=s.t", "--insert=unnest", ...quick], {
    env: { TMPDIR: cwd },
    cwd,
  }).ended;
  assert.equal(code, 0, stdout);
  assert.match(
    stdout,
    /^=+\nFINAL PERFORMANCE SUMMARY\n=+\n✓ Worker threads: 1\n✓ Total records inserted: 500\n✓ Total batches: 3\n/,
  );
  assert.match(stdout, /✓ Total runtime: [\d.]+ seconds\n✓ Average insertion rate: [\d,.]+ records\/second\n/);
  assert.match(stdout, /✓ Records per thread: 500 avg\n✓ Total errors: 0\n=+\n/);
  assert.match(stdout, /Database: the DuckDB embedded in Polylog, not CrateDB; .* started for this run/);
  assert.match(stdout, /500 acknowledged, 0 failed, 0 unknown; 500 present .* they agree/);
  const left = readdirSync(cwd).filter((name) => name.startsWith("crate-write-"));
  assert.deepEqual(left, []);
});

test("keeps the rows of its own database in --data-dir", { timeout }, async (t) => {
  const dataDir = join(temporaryDirectory(t), "data");
  const flags = [`--data-dir=${dataDir}`, "--rows=200", ...quick];
  await write(flags);
  const { verification } = await write(flags);
  assert.ok(existsSync(dataDir));
  assert.deepEqual(verification, { before: 200, after: 400, present: 200, least: 200, most: 200, agrees: true });
});

test("counts in its own database after Ctrl-C", { timeout }, async () => {
  const run = startWrite(["--log-level=trace", "--prometheus-port=0", ...quick]);
  while (!run.stdout().includes("acknowledged=")) await sleep(50);
  const [, url = ""] = /Metrics: (\S+)/.exec(run.stdout()) ?? [];
  const metrics = await (await fetch(url)).text();
  assert.match(metrics, /^crate_write_written_total \d+$/m);
  assert.match(metrics, /^crate_write_failed_requests_total 0$/m);
  run.kill("SIGINT");
  const { code, stdout } = await run.ended;
  assert.equal(code, 0, stdout);
  assert.match(stdout, /FINAL PERFORMANCE SUMMARY \(ended by Ctrl-C\)/);
  assert.match(stdout, /they agree/);
});

test("takes flag, environment, .env and file in this order", { timeout }, async (t) => {
  const { url } = await server(t);
  const cwd = temporaryDirectory(t);
  const config = join(cwd, "config.toml");
  writeFileSync(
    config,
    'table_name = "of_file"\nduration = 0.5\nbatch_size = 1\nthreads = 3\nobjects = 1\nbatch_interval = 0\n',
  );
  writeFileSync(
    join(cwd, ".env"),
    `CRATE_CONNECTION_STRING=http://127.0.0.1:9\nCRATE_BATCH_SIZE=50 # rows\nCRATE_THREADS="2"\n`,
  );
  const env = { CRATE_CONNECTION_STRING: url };
  const { stdout } = await startWrite([`--config=${config}`, "--rows=100", "--json"], { cwd, env }).ended;
  const { settings, rows } = JSON.parse(stdout) as { settings: Record<string, unknown>; rows: { batches: number } };
  const { tableName, duration, batchSize, threads, objects, connectionString } = settings;
  assert.deepEqual([tableName, duration, batchSize, threads, objects], ["of_file", "0.5", 50, 2, 1]);
  assert.deepEqual([connectionString, rows.batches], [url, 2]);
});

test("compares settings in tables that it drops", { timeout }, async (t) => {
  const { url } = await server(t);
  const flags = [`--connection-string=${url}`, "--sweep=batch=50,100", "--sweep=shards=1,2", "--step=300ms"];
  const { code, stdout } = await startWrite(flags).ended;
  assert.equal(code, 0, stdout);
  assert.equal(stdout.match(/agrees/g)?.length, 4, stdout);
  assert.match(stdout, /fastest/);
  assert.deepEqual(await sql(url, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'doc'"), []);
});

test("looks for a batch size before the run", { timeout }, async (t) => {
  const { url } = await server(t);
  const flags = [`--connection-string=${url}`, "--auto-batch", "--step=300ms", "--rows=500", "--batch-size=50"];
  const { stderr, stdout, code } = await startWrite(flags).ended;
  assert.equal(code, 0, stdout);
  assert.match(stderr, /auto-batch: 50 rows a batch: [\d.,]+ rows\/s\nauto-batch: 100 /);
  assert.match(stdout, /500 acknowledged.*they agree/);
});

test("writes tables of one's own, and the cpu model", { timeout }, async (t) => {
  const { url } = await server(t);
  const schema = join(temporaryDirectory(t), "schema.toml");
  writeFileSync(
    schema,
    `primary_key = ["id"]
[[columns]]
name = "id"
type = "TEXT"
generator = "id"
[[columns]]
name = "who"
type = "TEXT"
generator = "faker"
pattern = "{{person.firstName}} <{{internet.email}}>"
[[columns]]
name = "n"
type = "INTEGER"
generator = "integer"
min = 5
max = 7
`,
  );
  const base = [`--connection-string=${url}`, "--rows=300", ...quick];
  await write([...base, "--table-name=own", `--schema=${schema}`, "--partitioned-by=n"]);
  const [row] = await sql(url, "SELECT count(*), min(n), max(n), min(position('@' IN who)) > 0 FROM own");
  assert.deepEqual(row, [300, 5, 7, true]);
  await write([...base, "--table-name=cpu", "--model=cpu"]);
  const [cpu] = await sql(url, "SELECT count(*), count(DISTINCT tags['hostname']), max(usage_user) <= 100 FROM cpu");
  assert.deepEqual(cpu, [300, 100, true]);
});

test("refuses options that contradict each other", { timeout }, async () => {
  const refused: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
    [["--transport=postgres"], /needs a --connection-string that begins with postgres/],
    [["--connection-string=ftp://x"], /it begins with http/],
    [["--sweep=colour=1"], /it begins with one of batch, concurrency, shards/],
    [["--sweep=batch=1", "--rate=5"], /goes without --rate/],
    [["--duration=soon"], /no number of minutes/],
    [["frobnicate"], /"frobnicate": there are the commands balance, list, show/],
    [["--threshold=p99<fast"], /threshold/],
  ];
  for (const [flags, says] of refused) {
    const { code, stderr } = await startWrite(flags).ended;
    assert.equal(code, 2, stderr);
    assert.match(stderr, says);
  }
});
