/** What `crate-write` makes of a load: thresholds, results that are kept and read, reports, the dashboard. Against a double. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { hasTerminals, startInTerminal, temporaryDirectory } from "@polylog/testkit";
import { CrateDouble } from "./crate-double.ts";
import { startWrite, type WriteProcess, writeCommand } from "./crate-write-process.ts";
import { at, startBench, startBroker } from "./mqtt-bench-process.ts";

const timeout = 120_000;

async function flagsOf(t: TestContext): Promise<readonly string[]> {
  const { url } = await CrateDouble.start(t);
  return [`--connection-string=${url}`, "--rows=300", "--threads=2", "--batch-interval=0"];
}

async function printed({ ended }: Pick<WriteProcess, "ended">, wanted = 0): Promise<string> {
  const { code, stdout, stderr } = await ended;
  assert.equal(code, wanted, stderr + stdout);
  return stdout;
}

test("thresholds decide the exit code", { timeout }, async (t) => {
  const flags = await flagsOf(t);
  const junit = join(temporaryDirectory(t), "junit.xml");
  const kept = ["rows/s>1", "p99<60s", "failed=0", "missing=0", "loss=0"].map((limit) => `--threshold=${limit}`);
  assert.match(await printed(startWrite([...flags, ...kept])), /Threshold rows\/s>1: kept \([\d,]+\/s\)/);
  const broken = ["--threshold=p99<1us", "--threshold=failed=0", `--junit=${junit}`];
  assert.match(await printed(startWrite([...flags, ...broken]), 99), /Threshold p99<1us: BROKEN \(\d/);
  assert.match(readFileSync(junit, "utf8"), /tests="2" failures="1"/);
});

test("keeps loads, and lists, shows, asks, exports, imports and compares them", { timeout }, async (t) => {
  const flags = await flagsOf(t);
  const folder = temporaryDirectory(t);
  const db = `--db=${join(folder, "a.duckdb")}`;
  const first = await printed(startWrite([...flags, db, "--notes=first"]));
  await printed(startWrite([...flags, db, "--notes=second"]));
  assert.match(first, /Kept: crate-write report [0-9a-f]{8} --db .*a\.duckdb\n$/);
  const ask = (...argv: string[]) => printed(startWrite([...argv, db]));
  assert.match(await ask("list"), /^run +started +database +threads +batch +rate +rows\/s +confirmed +p99 +notes\n/);
  const [{ runId: newest }, { runId: oldest }] = JSON.parse(await ask("list", "--json"));
  assert.equal(await ask("show", oldest), first.replace(/Kept: .*\n/, ""));
  assert.match(
    await ask("compare", oldest, newest, "--limit=100000%"),
    /rows\/s .*\n(.*\n)*failed .*exact +same\nmissing/,
  );
  const sql = `SELECT acknowledged, agrees, (SELECT count(*) FROM worker_accounting w WHERE w.scenario_id = a.scenario_id)
     AS workers, value FROM row_accounting a JOIN metrics USING (scenario_id) WHERE metric = 'rows'`;
  const row = { acknowledged: 300, agrees: true, workers: 2, value: 300 };
  assert.deepEqual(JSON.parse(await ask("query", sql, "--format=json")), [row, row]);
  for (const format of ["json", "csv", "parquet"]) await ask("export", format, `--output=${join(folder, format)}`);
  const exported = JSON.parse(readFileSync(join(folder, "json", `run-${oldest}.json`), "utf8"));
  assert.deepEqual(exported.scenarios[0].config, { threads: 2, batch_size: 100, rate: 0, duration_ns: 0 });
  assert.equal(exported.scenarios[0].throughput.rows_acknowledged, 300);
  assert.match(exported.database.name, /not CrateDB/);
  assert.ok(existsSync(join(folder, "parquet", "row_accounting.parquet")));
  const other = `--db=${join(folder, "b.duckdb")}`;
  assert.equal(await printed(startWrite(["import", join(folder, "a.duckdb"), other])), "2 runs imported\n");
  assert.match(await printed(startWrite(["list", other])), /second/);
});

test("reads results of mqtt-bench, and mqtt-bench its results", { timeout }, async (t) => {
  const flags = await flagsOf(t);
  const folder = temporaryDirectory(t);
  const db = `--db=${join(folder, "both.duckdb")}`;
  const load = await printed(startWrite([...flags, db]));
  const broker = await startBroker(t);
  const short = ["--publishers=2", "--rate=50", "--warmup=0s", "--duration=500ms"];
  const bench = await printed(startBench("run", "straight-run", ...at(broker), ...short, db));
  const ours = await printed(startWrite(["list", db]));
  assert.match(ours, /^run .* rows\/s .*\n.*double.*\n\nRuns of mqtt-bench:\nrun .* pubs .*\n.*straight-run/);
  const theirs = await printed(startBench("list", db));
  assert.match(theirs, /^run .* pubs .*\n.*straight-run.*\n\nRuns of crate-write:\nrun .* rows\/s/);
  const rows = JSON.parse(await printed(startBench("list", db, "--json"))) as { runId: string; tool: string }[];
  const idOf = (tool: string) => rows.find((row) => row.tool === tool)!.runId;
  const [loadId, benchId] = [idOf("crate-write"), idOf("mqtt-bench")];
  assert.equal(await printed(startBench("show", loadId, db)), load.replace(/Kept: .*\n/, ""));
  assert.equal(await printed(startWrite(["show", benchId, db])), bench);
  const { code, stderr } = await startWrite(["compare", loadId, benchId, db]).ended;
  assert.deepEqual([code, /cannot be compared/.test(stderr)], [2, true], stderr);
  const page = join(folder, "page.html");
  await printed(startBench("report", loadId, db, `--output=${page}`));
  assert.match(readFileSync(page, "utf8"), /<h1>rows into crate_write of/);
});

test("shows loads in the browser and as a file", { timeout }, async (t) => {
  const flags = await flagsOf(t);
  const folder = temporaryDirectory(t);
  const db = `--db=${join(folder, "c.duckdb")}`;
  const page = join(folder, "report.html");
  await printed(startWrite([...flags, db, `--report=${page}`]));
  assert.match(readFileSync(page, "utf8"), /Rows: 300 acknowledged, 0 failed, 0 unknown; 300 present/);
  const serving = startWrite(["serve", db, "--port=0"]);
  t.after(() => serving.kill("SIGKILL"));
  while (!serving.stdout().includes("Ctrl-C")) await sleep(20);
  const url = /http:\S+\//.exec(serving.stdout())![0];
  const runs = await (await fetch(url)).text();
  assert.match(runs, /<h2>crate-write<\/h2><p class="soft">1 of 1/);
  assert.doesNotMatch(runs, /mqtt-bench/);
  assert.match(await (await fetch(`${url}?threads=7`)).text(), /0 of 1/);
  const id = /name="run" value="([^"]+)"/.exec(runs)![1];
  assert.match(await (await fetch(`${url}report?run=${id}`)).text(), /Batches under way, and kept back/);
  serving.kill("SIGINT");
  await printed(serving);
});

test("reports every combination of a sweep on one page", { timeout }, async (t) => {
  const { url } = await CrateDouble.start(t);
  const page = join(temporaryDirectory(t), "sweep.html");
  const flags = [
    `--connection-string=${url}`,
    "--sweep=batch=50,100",
    "--step=300ms",
    `--report=${page}`,
    "--no-verify",
  ];
  await printed(startWrite(flags));
  assert.match(readFileSync(page, "utf8"), /2 runs compared/);
});

const skip = !hasTerminals && "not installed: script";

test("shows a dashboard on a terminal, and the summary after it", { timeout, skip }, async (t) => {
  const double = await CrateDouble.start(t);
  double.delayMs = 20;
  const flags = [`--connection-string=${double.url}`, "--rows=20000", "--threads=2", "--dashboard"];
  const terminal = startInTerminal(t, [writeCommand, ...flags, "--batch-interval=0"]);
  await terminal.until(/writing/);
  const shown = terminal.shown();
  for (const part of [/rows into crate_write of/, /acknowledged, /, /request +\d/, /tool +\d/, /q ends the run/])
    assert.match(shown, part);
  terminal.press("q");
  const { code, text } = await terminal.ended;
  assert.equal(code, 0, text);
  const after = text.slice(text.lastIndexOf(leaves));
  assert.match(after, /FINAL PERFORMANCE SUMMARY \(partial: ended by Ctrl-C\)/);
  assert.match(after, /they agree/);
  assert.doesNotMatch(text, /Performance:/);
});

const leaves = "\u001b[?25h\u001b[?1049l";

test("gives the terminal back when it breaks down", { timeout, skip }, async (t) => {
  const { url } = await CrateDouble.start(t);
  const schema = join(temporaryDirectory(t), "breaks.mjs");
  writeFileSync(
    schema,
    `export const columns = [{ name: "id", type: "TEXT" }];
export const primaryKey = ["id"];
export const createRows = ({ nextId }) => {
  let rows = 0;
  return () => {
    if (++rows > 500) throw new Error("the schema broke");
    return [nextId()];
  };
};
`,
  );
  const flags = [`--connection-string=${url}`, `--schema=${schema}`, "--dashboard", "--batch-interval=50"];
  const { code, text } = await startInTerminal(t, [writeCommand, ...flags]).ended;
  assert.equal(code, 1, text);
  assert.match(text.slice(text.lastIndexOf(leaves)), /the schema broke/);
});

test("prints lines instead of a dashboard where there is no terminal", { timeout }, async (t) => {
  const flags = await flagsOf(t);
  const { code, stdout, stderr } = await startWrite([...flags, "--dashboard"]).ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^=+\nFINAL PERFORMANCE SUMMARY\n/);
  assert.ok(!(stdout + stderr).includes("\u001b"));
});

test("dashboard keeps out of a terminal in CI", { timeout, skip }, async (t) => {
  const flags = await flagsOf(t);
  const { code, text } = await startInTerminal(t, [writeCommand, ...flags, "--dashboard"], { env: { CI: "true" } })
    .ended;
  assert.equal(code, 0, text);
  assert.ok(!text.includes("\u001b"), text);
});

test("an interrupted program leaves the terminal as it was", { timeout, skip }, async (t) => {
  const double = await CrateDouble.start(t);
  double.delayMs = 4000;
  const flags = [`--connection-string=${double.url}`, "--dashboard", "--no-verify"];
  const terminal = startInTerminal(t, [writeCommand, ...flags]);
  await terminal.until(/writing/);
  terminal.press("q");
  await terminal.until(/^settle/m);
  terminal.press("\u0003");
  const { code, text } = await terminal.ended;
  assert.equal(code, 130, text);
  assert.ok(text.trimEnd().endsWith(leaves), JSON.stringify(text.slice(-60)));
});
