import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryDirectory } from "@polylog/testkit";
import { loadSettings, parseDotEnv, renderLoadHelp } from "./load-settings.ts";
import { parseMinutes } from "./minutes.ts";
import { parseSweep } from "./sweep-grid.ts";

test("has the documented defaults", () => {
  const { options } = loadSettings([], {}, "");
  const { batchSize, batchInterval, threads, objects, replicas, logLevel, connectionString, onConflict } = options;
  assert.deepEqual(
    [batchSize, batchInterval, threads, objects, replicas, logLevel, connectionString, onConflict],
    [100, 100, 1, 0, 1, "info", undefined, "nothing"],
  );
});

test("reads the documented variables, the environment before .env", () => {
  const dotEnv = "CRATE_BATCH_SIZE=7\nCRATE_THREADS=3\nLOG_LEVEL=debug\nCRATE_CONNECTION_STRING=http://crate@db:4200\n";
  const { options } = loadSettings(["--threads=4"], { CRATE_BATCH_SIZE: "9", LOG_LEVEL: "WARN" }, dotEnv);
  const { batchSize, threads, logLevel, connectionString } = options;
  assert.deepEqual([batchSize, threads, logLevel, connectionString], [9, 4, "warn", "http://crate@db:4200"]);
});

test("reads JSON and TOML with the documented keys", (t) => {
  const directory = temporaryDirectory(t);
  const files = {
    "c.json":
      '{"table_name":"a.b","duration":2,"batch_size":5,"batch_interval":0,"threads":2,"objects":3,"dashboard":false,"log_level":"error"}',
    "c.toml":
      'table_name = "a.b"\nduration = 2\nbatch_size = 5\nbatch_interval = 0\nthreads = 2\nobjects = 3\ndashboard = false\nlog_level = "error"\n',
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name);
    writeFileSync(path, text);
    const { tableName, duration, batchSize, batchInterval, threads, objects, logLevel } = loadSettings(
      ["--config", path],
      {},
      "",
    ).options;
    assert.deepEqual(
      [tableName, duration, batchSize, batchInterval, threads, objects, logLevel],
      ["a.b", "2", 5, 0, 2, 3, "error"],
    );
  }
});

test("never shows a password in a message", () => {
  for (const text of [
    "ftp://u:secret@x",
    "secret",
    "http://u:secret@x,postgres://u:secret@y",
    "postgres://u:secret@a,postgres://b",
  ])
    assert.throws(
      () => loadSettings([`--connection-string=${text}`], {}, ""),
      (error) => error instanceof Error && !error.message.includes("secret"),
    );
});

const lines: readonly (readonly [text: string, variables: object])[] = [
  ["A=1\nB = two words \n", { A: "1", B: "two words" }],
  ["# A=1\n\nexport C='x # y'", { C: "x # y" }],
  ['D="quoted" # why\nE=bare # why', { D: "quoted", E: "bare" }],
  ["F=\nG", {}],
  ["H=http://u:p#w@h:4200", { H: "http://u:p#w@h:4200" }],
];
for (const [text, variables] of lines)
  test(`reads ${JSON.stringify(text)} of .env`, () => assert.deepEqual(parseDotEnv(text), variables));

test("takes bare numbers for minutes", () => {
  assert.deepEqual(["5", "0.5", "30s", "2h", "0", "-1", "x", ""].map(parseMinutes), [
    300e9,
    30e9,
    30e9,
    7200e9,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("makes every combination of a sweep", () => {
  assert.deepEqual(parseSweep(["batch=1,2", "shards=4"]).points, [
    { batchSize: 1, shards: 4 },
    { batchSize: 2, shards: 4 },
  ]);
  for (const texts of [["batch=0"], ["batch=1", "batch=2"], ["x=1"], ["batch="], ["batch"]])
    assert.notEqual(parseSweep(texts).problem, undefined, texts.join());
});

test("teaches in its help", () => {
  const help = renderLoadHelp();
  for (const word of ["no database needed", "balance", "not CrateDB", ".env", "Exit codes", "CRATE_"])
    assert.ok(help.includes(word), word);
});
