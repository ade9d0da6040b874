/** DuckDB runs in its own process here as everywhere. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { temporaryDirectory } from "@polylog/testkit";
import type { Environment } from "../commands/command.ts";
import { exportResults } from "../commands/export.ts";
import { importRuns } from "../commands/import.ts";
import { list } from "../commands/list.ts";
import { show } from "../commands/show.ts";
import { benchProfile } from "../mqtt/bench-profile.ts";
import { Database, insert } from "./database.ts";
import { ResultStore } from "./result-store.ts";
import { tables } from "./tables.ts";

const runId = "11111111-1111-4111-8111-111111111111";
const scenarioId = "22222222-2222-4222-8222-222222222222";
const startedAt = "2026-01-14T10:00:00.000Z";

/** A file as mqtt-bench itself leaves it: its seven tables, one run. */
async function makeOriginal(t: TestContext): Promise<string> {
  const path = join(temporaryDirectory(t), "original.duckdb");
  const database = await Database.open(path);
  const ours = tables.filter(({ isOriginal }) => !isOriginal);
  assert.equal(tables.length - ours.length, 7);
  const zeros = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 0]));
  const times = [
    "min_ns",
    "max_ns",
    "mean_ns",
    "stdev_ns",
    "p50_ns",
    "p75_ns",
    "p90_ns",
    "p95_ns",
    "p999_ns",
    "p9999_ns",
  ];
  await database.write([
    ...ours.map(({ name }) => ({ sql: `DROP TABLE ${name}`, values: [] })),
    insert("runs", {
      run_id: runId,
      started_at: startedAt,
      broker_host: "h",
      broker_port: 1883,
      broker_name: "vibemq",
    }),
    insert("scenarios", {
      scenario_id: scenarioId,
      run_id: runId,
      started_at: startedAt,
      scenario_name: "fan-in",
      qos: 2,
      ...zeros(["publishers", "subscribers", "topics", "msg_rate", "payload_size", "warmup_ns", "duration_ns"]),
    }),
    insert("final_results", {
      scenario_id: scenarioId,
      total_sent: 100,
      total_received: 99,
      ...zeros(["total_acked", "total_timed_out", "total_errors", "avg_send_rate"]),
      avg_recv_rate: 9.9,
      delivery_rate: 0.99,
      ...zeros(times),
      p99_ns: 5_000_000,
    }),
  ]);
  await database.close();
  return path;
}

async function run(command: (argv: readonly string[], environment: Environment) => Promise<number>, ...argv: string[]) {
  let printed = "";
  const stream = { write: (text: string) => (printed += text) };
  const never = new Promise<never>(() => undefined);
  const environment = {
    tool: benchProfile,
    env: {},
    stdout: stream,
    stderr: stream,
    stopRequested: never,
    onExit: () => undefined,
    verbosity: 0,
  };
  assert.equal(await command(argv, environment), 0);
  return printed;
}

test("reads, imports and exports files of mqtt-bench", async (t) => {
  const original = await makeOriginal(t);
  assert.match(await run(list, `--db=${original}`), /vibemq +fan-in +2 .* 9\.90 +99\.00 % +5\.00 ms/);
  const folder = temporaryDirectory(t);
  const db = `--db=${join(folder, "ours.duckdb")}`;
  assert.equal(await run(importRuns, original, db), "1 run imported\n");
  assert.equal(await run(importRuns, original, db), "0 runs imported\n");
  assert.match(await run(list, db), /vibemq/);
  assert.match(await run(show, runId.slice(0, 8), db), /"total_received": 99/);
  await run(exportResults, "json", db, `--output=${folder}`);
  const exported = JSON.parse(readFileSync(join(folder, `run-${runId}.json`), "utf8")) as {
    broker: object;
    scenarios: readonly { throughput: { total_received: number }; latency: { p99_ms: number } }[];
  };
  assert.deepEqual(exported.broker, { host: "h", port: 1883, name: "vibemq", version: null });
  assert.equal(exported.scenarios[0]?.throughput.total_received, 99);
  assert.equal(exported.scenarios[0]?.latency.p99_ms, 5);
});

test("says what is wrong with a file, and with a run that is not there", async (t) => {
  const folder = temporaryDirectory(t);
  await assert.rejects(ResultStore.open(join(folder, "none.duckdb"), { isReadOnly: true }), {
    code: "loadgen.STORE_FAILED",
  });
  const store = await ResultStore.open(join(folder, "new.duckdb"));
  await assert.rejects(store.load("abc"), { code: "loadgen.RUN_NOT_FOUND" });
  await assert.rejects(store.load("'; DROP TABLE runs"), { code: "loadgen.RUN_NOT_FOUND" });
  assert.deepEqual(await store.list(5), []);
  await assert.rejects(ResultStore.open(join(folder, "new.duckdb")), {
    code: "loadgen.STORE_FAILED",
    message: /lock/i,
  });
  await store.close();
});

test("writes all of a transaction or nothing", async (t) => {
  const store = await ResultStore.open(join(temporaryDirectory(t), "a.duckdb"));
  const good = insert("errors", { scenario_id: scenarioId, code: "x", count: 1, sample: "" });
  await assert.rejects(store.database.write([good, { sql: "INSERT INTO nowhere VALUES (1)", values: [] }]));
  assert.deepEqual((await store.query("SELECT count(*) FROM errors")).rows, [[0]]);
  await store.database.write([good]);
  assert.deepEqual((await store.query("SELECT code FROM errors WHERE code = $1", ["x"])).rows, [["x"]]);
  await store.close();
  await store.close();
});
