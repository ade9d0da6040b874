/** `crate-write` against a database that fails in every way: no row is lost from sight, none is there twice. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CrateDouble, type Fault } from "./crate-double.ts";
import { startWrite, write } from "./crate-write-process.ts";

const timeout = 120_000;

/** 1000 rows in ten batches. */
function load(double: CrateDouble, ...flags: readonly string[]): readonly string[] {
  return [`--connection-string=${double.url}`, "--rows=1000", "--batch-interval=0", ...flags];
}

test("writes what was asked for, and no more", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  const { rows, verification, isPartial, database, warnings } = await write(
    load(double, "--threads=3", "--concurrency=2"),
  );
  assert.deepEqual([rows.written, rows.refused, rows.unknown, double.rows.size], [1000, 0, 0, 1000]);
  assert.deepEqual([verification?.agrees, verification?.present, isPartial], [true, 1000, false]);
  assert.match(database.name, /not CrateDB/);
  assert.match(warnings.join(), /no figure here is CrateDB's/);
});

/** What befalls every third insert → what comes of it. */
const passing: readonly (readonly [name: string, fault: Fault])[] = [
  ["a full thread pool", "full thread pool"],
  ["503", "503"],
  ["a connection dropped before the write", "dropped before write"],
  ["a connection dropped after the write", "dropped after write"],
];

for (const [name, fault] of passing)
  test(`sends again after ${name}, and doubles nothing`, { timeout }, async (t) => {
    const double = await CrateDouble.start(t);
    double.fault = (_rows, insert) => (insert % 3 === 0 ? fault : undefined);
    const { rows, verification } = await write(load(double));
    assert.deepEqual([rows.acknowledged, rows.failed, double.rows.size], [1000, 0, 1000]);
    assert.equal(verification?.agrees, true);
    assert.equal(rows.ignored > 0, fault === "dropped after write");
    assert.ok(rows.retries > 0 && rows.pauses > 0 && rows.failedRequests === rows.retries, JSON.stringify(rows));
  });

for (const fault of ["413", "breaker"] as const)
  test(`halves batches after ${fault}`, { timeout }, async (t) => {
    const double = await CrateDouble.start(t);
    double.fault = (rows) => (rows > 30 ? fault : undefined);
    const { rows } = await write(load(double));
    assert.deepEqual([rows.acknowledged, rows.failed, double.rows.size], [1000, 0, 1000]);
    assert.ok(rows.halvings > 0 && rows.halvings < double.inserts.length / 2, JSON.stringify(rows));
  });

for (const says of ["code", "nothing"] as const)
  test(`counts rows of -2 as failed when the database says ${says}`, { timeout }, async (t) => {
    const double = await CrateDouble.start(t);
    double.fault = () => ({ refuse: (_row, index) => index % 10 === 0, says });
    const { rows, errors, verification } = await write(load(double));
    assert.deepEqual([rows.written, rows.refused, double.rows.size], [900, 100, 900]);
    assert.equal(verification?.agrees, true);
    const [error] = errors;
    assert.deepEqual([error?.code, error?.count], [says === "code" ? "4003" : "no code", 100]);
    assert.match(error?.sample ?? "", says === "code" ? /Cannot cast/ : /did not say why/);
  });

for (const insert of ["bulk", "unnest"])
  test(`finds the rows for which ${insert} is refused as a whole`, { timeout }, async (t) => {
    const double = await CrateDouble.start(t);
    double.fault = () => ({ refuse: (row) => row[4] === "view" && row[2] === "us-east", says: "whole" });
    const { rows, errors, verification } = await write(
      load(double, `--insert=${insert}`, "--on-conflict=error", "--threads=2"),
    );
    const refused = 1000 - double.rows.size;
    assert.ok(refused > 20 && refused < 90, String(refused));
    assert.deepEqual([rows.written, rows.refused, rows.unknown], [1000 - refused, refused, 0]);
    assert.equal(verification?.agrees, true);
    assert.deepEqual([errors[0]?.code, errors[0]?.count], ["4000", refused]);
    assert.ok(double.inserts.length < 20 * refused && rows.halvings > 0, String(double.inserts.length));
  });

test("does not know of rows whose answer is lost with --on-conflict error", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.fault = (_rows, insert) =>
    insert === 2 ? "dropped after write" : insert === 4 ? "dropped before write" : undefined;
  const { rows, verification, warnings } = await write(load(double, "--on-conflict=error"));
  assert.deepEqual([rows.written, rows.unknown, rows.retries, double.rows.size], [800, 200, 0, 900]);
  assert.deepEqual([verification?.agrees, verification?.present], [true, 900]);
  assert.match(warnings.join(), /nobody knows whether they were written/);
});

test("writes columns with UNNEST", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.fault = (_rows, insert) => (insert === 1 ? "dropped after write" : undefined);
  const { rows } = await write(load(double, "--insert=unnest"));
  assert.deepEqual([rows.acknowledged, rows.ignored, double.rows.size], [1000, 100, 1000]);
});

test("ends with 1 when the table disagrees", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  let isAfter = false;
  double.fault = () => {
    if (!isAfter) double.countOff = -7;
    isAfter = true;
    return undefined;
  };
  const { code, stdout } = await startWrite(load(double)).ended;
  assert.equal(code, 1);
  assert.match(
    stdout,
    /1,000 acknowledged, 0 failed, 0 unknown; 993 present .*THEY DISAGREE, 1,000 expected, 7 missing/,
  );
});

test("ends when more rows fail than --max-errors allows", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.delayMs = 20;
  double.fault = () => ({ refuse: () => true, says: "code" });
  const flags = [`--connection-string=${double.url}`, "--duration=1", "--batch-interval=0", "--max-errors=500"];
  const { isPartial, endedBy, rows } = await write(flags, 1);
  assert.deepEqual([isPartial, endedBy], [true, "--max-errors"]);
  assert.ok(rows.refused > 500 && rows.refused < 10_000, String(rows.refused));
});

test("keeps its account when the database stays away", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.fault = (_rows, insert) => (insert < 3 ? undefined : insert % 2 === 0 ? "dropped before write" : "503");
  const { rows, verification } = await write(load(double, "--duration=1s", "--timeout=2s"));
  assert.deepEqual([rows.written, double.rows.size], [300, 300]);
  assert.equal(rows.refused + rows.unknown, 100, "the one batch that was under way");
  assert.equal(verification?.agrees, true);
});

test("ends with a summary marked partial on Ctrl-C", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.delayMs = 50;
  const run = startWrite([
    `--connection-string=${double.url}`,
    "--duration=5",
    "--batch-interval=0",
    "--concurrency=2",
  ]);
  while (double.rows.size < 500) await sleep(20);
  run.kill("SIGINT");
  const { code, stdout } = await run.ended;
  assert.equal(code, 0, stdout);
  assert.match(stdout, /FINAL PERFORMANCE SUMMARY \(partial: ended by Ctrl-C\)/);
  const [, acknowledged = ""] = /✓ Total records inserted: ([\d,]+)/.exec(stdout) ?? [];
  assert.equal(Number(acknowledged.replaceAll(",", "")), double.rows.size);
  assert.match(stdout, /they agree/);
});

test("keeps to a rate, and makes up for what a slow database held up", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.fault = (_rows, insert) => {
    double.delayMs = insert === 5 ? 500 : 0;
    return undefined;
  };
  const flags = [`--connection-string=${double.url}`, "--rate=1000", "--batch-size=20", "--duration=2s"];
  const { rows, rates } = await write(flags);
  assert.equal(rows.acknowledged, 2000);
  assert.equal(rates.offered, 1000);
});

test("climbs in stages", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  const base = [`--connection-string=${double.url}`, "--batch-size=10", "--threads=2", "--stages=1s:1000,500ms:1000"];
  // A triangle of a second, then half a second of a thousand: never sooner, however late a busy machine is.
  const { rows, measuredNs } = await write([...base, "--rows=1000"]);
  assert.equal(rows.acknowledged, 1000);
  assert.ok(measuredNs > 1.45e9, `${measuredNs}`);
  const timed = await write([...base, "--duration=1500ms"]);
  assert.ok(timed.rows.acknowledged <= 1000, `${timed.rows.acknowledged}`);
  assert.equal(Math.round(timed.rates.offered), 667);
});

test("ends with 1 when the table cannot be counted any more", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.fault = () => {
    double.isDown = true;
    return undefined;
  };
  const { code, stdout } = await startWrite(load(double)).ended;
  assert.equal(code, 1, stdout);
  assert.match(stdout, /1,000 acknowledged, 0 failed, 0 unknown; the table was not counted/);
});

test("says that it cannot reach the database with code 3", { timeout }, async () => {
  const { code, stderr } = await startWrite(["--connection-string=http://u:secret@127.0.0.1:9", "--rows=1"]).ended;
  assert.equal(code, 3);
  assert.match(stderr, /cannot reach the database at http:\/\/127\.0\.0\.1:9: ECONNREFUSED/);
  assert.doesNotMatch(stderr, /secret/);
});

test("shows over which connections which node answers", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.members = ["data-hot-0", "data-hot-1", "data-hot-2"];
  double.node = (connection) => double.members[connection % 3]!;
  const { code, stdout } = await startWrite(["balance", `--connection-string=${double.url}`]).ended;
  assert.equal(code, 0, stdout);
  assert.match(stdout, /NODE DISTRIBUTION:/);
  assert.match(stdout, /^ {3}data-hot-0 {6}\| {2}10 hits \| {2}33\.3% \| █{17}$/m);
  assert.match(stdout, /^Load balancer IS distributing across 3 nodes$/m);
  assert.match(stdout, /A client that keeps its connections stays with one node/);
  assert.match(stdout, /as even as chance makes it/);
});

test("tells of nodes that a balancer leaves out, favours, or makes up", { timeout }, async (t) => {
  const double = await CrateDouble.start(t);
  double.members = ["a", "b", "c"];
  double.node = (connection) => (connection % 10 === 0 ? "stranger" : "a");
  const { code, stdout } = await startWrite(["--test-balancer", `--connection-string=${double.url}`]).ended;
  assert.equal(code, 1, stdout);
  assert.match(stdout, /Never reached: b, c/);
  assert.match(stdout, /Not in sys\.nodes: stranger/);
  assert.match(stdout, /p = 0\.000: uneven/);
  double.node = () => "a";
  const pinned = await startWrite(["balance", `--connection-string=${double.url}`, "--requests=5"]).ended;
  assert.equal(pinned.code, 1);
  assert.match(pinned.stdout, /Load balancer is NOT distributing: one node answered every request/);
});
