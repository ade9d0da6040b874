/** What the `mqtt-bench` command makes of a run: results, exit codes, ends before the time. Against the real server. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryDirectory } from "@polylog/testkit";
import { at, startBench, startBroker } from "./mqtt-bench-process.ts";

const short = ["--warmup=300ms", "--duration=1s", "--rate=50", "--no-store"];

test("keeps results, and lists, shows, asks, exports, imports and compares them", { timeout: 120_000 }, async (t) => {
  const started = await startBroker(t);
  const folder = temporaryDirectory(t);
  const db = `--db=${join(folder, "a.duckdb")}`;
  const load = [
    ...at(started),
    "--publishers=5",
    "--rate=50",
    "--warmup=0s",
    "--duration=1s",
    "--stats-interval=200ms",
  ];
  for (const note of ["first", "second"]) {
    const { code, stdout } = await startBench(
      "run",
      "straight-run",
      ...load,
      db,
      `--notes=${note}`,
      "--broker-name=ours",
    ).ended;
    assert.equal(code, 0);
    assert.match(stdout, /expected +250\n +received +250 \(100\.0 %\)/);
  }
  const ask = async (...argv: string[]) => {
    const { code, stdout, stderr } = await startBench(...argv).ended;
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const rows = JSON.parse(await ask("list", db, "--json")) as { runId: string; notes: string }[];
  assert.deepEqual(
    rows.map(({ notes }) => notes),
    ["second", "first"],
  );
  const [second, first] = rows.map(({ runId }) => runId) as [string, string];
  assert.match(await ask("show", first.slice(0, 8), db), /straight-run against ours/);
  const sql =
    "SELECT count(*) AS n, max(messages_recv) AS m, count(DISTINCT scenario_id) AS s FROM throughput_counters";
  const [counted] = JSON.parse(await ask("query", sql, db, "--format=json")) as { n: number; m: number; s: number }[];
  assert.ok(counted!.n >= 2 && counted!.m > 0 && counted!.s === 2, JSON.stringify(counted));
  for (const format of ["json", "csv", "parquet"]) await ask("export", format, db, `--output=${join(folder, format)}`);
  const exported = JSON.parse(readFileSync(join(folder, "json", `run-${first}.json`), "utf8")) as {
    scenarios: { throughput: { total_received: number }; latency: { p99_ms: number } }[];
  };
  assert.equal(exported.scenarios[0]!.throughput.total_received, 250);
  assert.ok(exported.scenarios[0]!.latency.p99_ms > 0);
  assert.match(
    readFileSync(join(folder, "csv", "final_results.csv"), "utf8"),
    /^scenario_id,total_sent,total_received/,
  );
  assert.ok(existsSync(join(folder, "parquet", "latency_histograms.parquet")));
  const [log] = (await ask("export", "hdr", db, `--run-id=${first}`, `--output=${folder}`)).trim().split("\n");
  assert.match(
    readFileSync(log!, "utf8"),
    /#\[Histogram log format version 1\.3\].*\nTag=endToEnd,0\.000,[\d.,]+,HISTFAAA/s,
  );
  const logs = readdirSync(folder).filter((name) => name.endsWith(".log"));
  assert.deepEqual(logs.sort(), [`${first}.log`, `${second}.log`].sort());
  assert.match(readFileSync(join(folder, `${first}.log`), "utf8"), / info result scenarioId=\S+ isPartial=false /);
  const other = `--db=${join(folder, "b.duckdb")}`;
  assert.equal(await ask("import", join(folder, "a.duckdb"), other), "2 runs imported\n");
  assert.equal(await ask("import", join(folder, "a.duckdb"), other), "0 runs imported\n");
  assert.match(await ask("show", second, other), /expected +250/);
  const comparison = await ask("compare", first, second, other, "--limit=10000%");
  assert.match(comparison, /received\/s .*same/);
});

test("prints a result whole into a pipe that is read late", { timeout: 60_000 }, async (t) => {
  const started = await startBroker(t);
  const load = ["straight-run", ...at(started), "--no-store", "--publishers=300", "--warmup=0s", "--duration=500ms"];
  const reading = startBench("run", ...load, "--repeat=3", "--json", "--quiet");
  reading.pauseOutput(8000);
  const { stdout } = await reading.ended;
  assert.ok(stdout.length > 2 ** 17, `${stdout.length} characters`);
  const results = JSON.parse(stdout) as { subscriptions: unknown[] }[];
  assert.deepEqual(
    results.map(({ subscriptions }) => subscriptions.length),
    [300, 300, 300],
  );
});

test("refuses files that it could not write, before it connects", { timeout: 60_000 }, async () => {
  for (const flag of ["--out", "--report", "--junit"]) {
    const { code, stderr } = await startBench("run", "straight-run", `${flag}=/nowhere/at-all`, "--port=1").ended;
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^mqtt-bench: cannot write \/nowhere\/at-all: /);
  }
});

test("thresholds decide the exit code", { timeout: 60_000 }, async (t) => {
  const started = await startBroker(t);
  const junit = join(temporaryDirectory(t), "junit.xml");
  const load = ["straight-run", ...at(started), ...short, "--publishers=2", `--junit=${junit}`];
  const kept = await startBench("run", ...load, "--threshold=loss=0", "--threshold=p50<10s").ended;
  assert.equal(kept.code, 0, kept.stderr);
  const broken = await startBench("run", ...load, "--threshold=received>1000", "--threshold=ack.p99<1s").ended;
  assert.equal(broken.code, 99);
  assert.match(broken.stdout, /BROKEN received>1000 \(100\)\n +BROKEN ack\.p99<1s \(nothing measured\)/);
  assert.match(readFileSync(junit, "utf8"), /tests="2" failures="2"/);
});

test("what cannot work is refused before it begins", { timeout: 60_000 }, async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  const { port } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  const cases = [
    {
      argv: ["--host=127.0.0.1", `--port=${port}`],
      code: 3,
      text: /^mqtt-bench: cannot connect to 127\.0\.0\.1:\d+: nothing listens there; .*\n$/,
    },
    { argv: ["--publishers=900000"], code: 2, text: /1800000 connections need .* (descriptors|ports)/ },
    { argv: ["--threshold=p98<1ms"], code: 2, text: /there is no figure p98/ },
    { argv: ["--threshold=p99<20"], code: 2, text: /a time such as 20ms/ },
    { argv: ["--qos=3"], code: 2, text: /--qos/ },
    { argv: ["--stages=soon"], code: 2, text: /"soon" is not DURATION:RATE/ },
    { argv: ["--payload-file=/nowhere/at-all"], code: 2, text: /cannot read \/nowhere\/at-all/ },
  ];
  for (const { argv, code, text } of cases) {
    const ended = await startBench("run", "straight-run", "--no-store", ...argv).ended;
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, text);
    assert.equal(ended.stdout, "");
  }
});

test("Ctrl-C ends a run in order, and keeps it as partial", { timeout: 60_000 }, async (t) => {
  const started = await startBroker(t);
  const db = `--db=${join(temporaryDirectory(t), "c.duckdb")}`;
  const load = [...at(started), "--publishers=5", "--rate=100", "--warmup=0s", "--duration=60s", "--qos=1"];
  const running = startBench("run", "straight-run", ...load, db, "--json");
  while (!running.stderr().includes("phase=measure share=")) await sleep(20);
  running.kill("SIGINT");
  const { code, stdout, stderr } = await running.ended;
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout) as {
    isPartial: boolean;
    delivery: { received: number; lost: number; unsent: number };
  };
  assert.equal(result.isPartial, true);
  assert.ok(result.delivery.received > 100);
  assert.deepEqual([result.delivery.lost, result.delivery.unsent], [0, 0]);
  const [row] = JSON.parse((await startBench("list", db, "--json").ended).stdout) as { isPartial: boolean }[];
  assert.equal(row!.isPartial, true);
});

test("a run that is killed keeps its checkpoints", { timeout: 60_000 }, async (t) => {
  const started = await startBroker(t);
  const db = `--db=${join(temporaryDirectory(t), "d.duckdb")}`;
  const load = [
    ...at(started),
    "--publishers=5",
    "--rate=100",
    "--warmup=0s",
    "--duration=60s",
    "--stats-interval=200ms",
  ];
  const running = startBench("run", "straight-run", ...load, db, "--checkpoint-interval=200ms");
  while ((running.stderr().match(/phase=measure share=/g) ?? []).length < 6) await sleep(20);
  running.kill("SIGKILL");
  await running.ended;
  const ask = () => startBench("query", "SELECT count(*) AS n FROM throughput_counters", db, "--format=json").ended;
  let answer = await ask();
  while (answer.code !== 0) answer = await ask(); // Until the store's process has noticed, the file is in use.
  const [row] = JSON.parse(answer.stdout) as { n: number }[];
  assert.ok(row!.n >= 2, `${row!.n} checkpoints`); // A slow disk makes fewer of them than intervals.
  const [listed] = JSON.parse((await startBench("list", db, "--json").ended).stdout) as { isPartial: boolean }[];
  assert.equal(listed!.isPartial, true);
});

test("shows runs in the browser and as a file", { timeout: 60_000 }, async (t) => {
  const started = await startBroker(t);
  const folder = temporaryDirectory(t);
  const db = `--db=${join(folder, "e.duckdb")}`;
  const load = [
    ...at(started),
    "--publishers=2",
    "--rate=50",
    "--warmup=0s",
    "--duration=500ms",
    "--broker-name=<ours>",
  ];
  const page = join(folder, "report.html");
  const { code, stderr } = await startBench("run", "straight-run", ...load, db, `--report=${page}`, "--quiet").ended;
  assert.equal(code, 0, stderr);
  assert.match(readFileSync(page, "utf8"), /straight-run against &lt;ours&gt;/);
  const serving = startBench("serve", db, "--port=0");
  t.after(() => serving.kill("SIGKILL"));
  while (!serving.stdout().includes("Ctrl-C")) await sleep(20);
  const url = /http:\S+\//.exec(serving.stdout())![0];
  const runs = await (await fetch(url)).text();
  assert.match(runs, /1 of 1/);
  const id = /name="run" value="([^"]+)"/.exec(runs)![1];
  assert.match(await (await fetch(`${url}?qos=2`)).text(), /0 of 1/);
  const report = await fetch(`${url}report?run=${id}&run=${id}`);
  assert.match(await report.text(), /2 runs compared/);
  assert.match(report.headers.get("content-security-policy")!, /default-src 'none'/);
  assert.equal((await fetch(`${url}report?run=00`)).status, 404);
  assert.equal((await fetch(`${url}nothing`)).status, 404);
  const file = Buffer.from(await (await fetch(`${url}db`)).arrayBuffer());
  assert.equal(file.toString("latin1", 8, 12), "DUCK");
  serving.kill("SIGINT");
  assert.equal((await serving.ended).code, 0);
});
