import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { type Clock, ManualClock, systemClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { temporaryDirectory } from "@polylog/testkit";
import type { SqlRequest } from "../database/sql-service.ts";
import { processTimeoutMs } from "../limits.ts";
import { node } from "../testing/memory-sql.ts";
import { SqlProcess } from "./sql-process.ts";

function begin(t: TestContext, directory: string, clock: Clock = systemClock): SqlProcess {
  const sql = new SqlProcess({ directory, node, clock, logger: silentLogger });
  t.after(() => sql.stop());
  return sql;
}

function request(stmt: string): SqlRequest {
  const rights = { consume: true, produce: true, manage: true };
  return { body: Buffer.from(JSON.stringify({ stmt })), schema: "doc", types: false, rights, user: "crate" };
}

const ask = (sql: SqlProcess, stmt: string, onAbort: (abort: () => void) => void = () => undefined) =>
  sql.answer(request(stmt), onAbort);

test("keeps rows from one life to the next", async (t) => {
  const directory = temporaryDirectory(t);
  const first = begin(t, directory);
  assert.equal((await ask(first, "create table t (id integer primary key)")).status, 200);
  assert.equal((await ask(first, "insert into t values (1)")).status, 200);
  await first.stop();
  await assert.rejects(ask(first, "select 1"), { code: "crate.UNAVAILABLE" });
  const second = begin(t, directory);
  assert.match((await ask(second, "select id from t")).body, /\[\[1\]\]/);
});

test("begins anew after its process died, with all that was confirmed", {
  skip: process.platform !== "linux",
}, async (t) => {
  const sql = begin(t, temporaryDirectory(t));
  await ask(sql, "create table t (id integer primary key)");
  await ask(sql, "insert into t values (1)");
  const slow = ask(sql, "select count(*) from range(100000000000) t(i) where i * 3 % 7 = 8");
  const [pid] = execFileSync("pgrep", ["-P", String(process.pid), "-f", "database-process"], {
    encoding: "utf8",
  }).split("\n");
  process.kill(Number(pid), "SIGKILL");
  await assert.rejects(slow, { code: "crate.UNAVAILABLE" });
  assert.match((await ask(sql, "select id from t")).body, /\[\[1\]\]/);
});

test("gives up what its client does not wait for", async (t) => {
  const sql = begin(t, temporaryDirectory(t));
  await ask(sql, "select 1");
  let abort: () => void = () => undefined;
  const answer = ask(sql, "select count(*) from range(100000000000) t(i) where i * 3 % 7 = 8", (give) => {
    abort = give;
  });
  await ask(sql, "select 2");
  abort();
  assert.match((await answer).body, /5005/);
});

test("begins anew while one that took too long is still ending", async (t) => {
  const clock = new ManualClock();
  const sql = begin(t, temporaryDirectory(t), clock);
  const first = ask(sql, "select 1");
  clock.advance(processTimeoutMs);
  await assert.rejects(first, { code: "crate.UNAVAILABLE" });
  assert.match((await ask(sql, "select 2")).body, /\[\[2\]\]/);
  assert.match((await ask(sql, "select 3")).body, /\[\[3\]\]/);
});

test("says why it cannot open its database", async (t) => {
  const sql = begin(t, "/dev/null/nowhere");
  await assert.rejects(ask(sql, "select 1"));
});
