import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Clock, ManualClock, systemClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { temporaryDirectory } from "@polylog/testkit";
import type { SqlRequest } from "../database/sql-service.ts";
import { pingTimeoutMs, processTimeoutMs, requestsPerUserMax, watchIntervalMs } from "../limits.ts";
import { node } from "../testing/memory-sql.ts";
import { SqlProcess, type SqlProcessOptions } from "./sql-process.ts";

function begin(
  t: TestContext,
  directory: string,
  clock: Clock = systemClock,
  more: Partial<SqlProcessOptions> = {},
): SqlProcess {
  const sql = new SqlProcess({ directory, node, clock, logger: silentLogger, ...more });
  t.after(() => sql.stop());
  return sql;
}

function childPid(): number {
  const pids = execFileSync("pgrep", ["-P", String(process.pid), "-f", "database-process"], { encoding: "utf8" });
  return Number(pids.split("\n")[0]);
}

function request(stmt: string, user = "crate"): SqlRequest {
  const rights = { consume: true, produce: true, manage: true };
  return { body: Buffer.from(JSON.stringify({ stmt })), schema: "doc", types: false, rights, user };
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
  process.kill(childPid(), "SIGKILL");
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

const onLinux = { skip: process.platform !== "linux" };
const endless = "select count(*) from range(100000000000) t(i) where i * 3 % 7 = 8";

test("ends its process when values take too much memory, and keeps what was confirmed", onLinux, async (t) => {
  const memoryBytesMax = 512 * 1024 * 1024;
  const sql = begin(t, temporaryDirectory(t), systemClock, { memoryBytesMax });
  await ask(sql, "create table t (id integer primary key)");
  for (let i = 0; i < 3; i++) {
    assert.equal((await ask(sql, `insert into t values (${i})`)).status, 200);
    await assert.rejects(ask(sql, "select length(repeat(repeat('x', 1000000), 3000))"), {
      code: "crate.UNAVAILABLE",
      message: /took \d+ MiB of memory, and 512 are allowed/,
      retryable: true,
    });
  }
  assert.match((await ask(sql, "select count(*) from t")).body, /\[\[3\]\]/);
});

test("ends a statement when its own time is up", async (t) => {
  const sql = begin(t, temporaryDirectory(t), systemClock, { timeoutMs: 300 });
  assert.match((await ask(sql, endless)).body, /5005/);
});

test("ends its process when it does not answer any more", onLinux, async (t) => {
  const clock = new ManualClock();
  const sql = begin(t, temporaryDirectory(t), clock);
  await ask(sql, "select 1");
  const slow = ask(sql, endless);
  await new Promise((resolve) => setImmediate(resolve));
  process.kill(childPid(), "SIGSTOP");
  clock.advance(pingTimeoutMs + 2 * watchIntervalMs);
  await assert.rejects(slow, { code: "crate.UNAVAILABLE", message: /did not answer/ });
  assert.match((await ask(sql, "select 2")).body, /\[\[2\]\]/);
});

test("keeps room for others when one user asks too much", async (t) => {
  const sql = begin(t, temporaryDirectory(t));
  const aborts: (() => void)[] = [];
  const asked = Array.from({ length: requestsPerUserMax }, () => ask(sql, endless, (abort) => aborts.push(abort)));
  await assert.rejects(ask(sql, "select 1"), { code: "crate.OVERLOADED" });
  assert.equal((await sql.answer(request("select 1 as one", "bob"), () => undefined)).status, 200);
  for (const abort of aborts) abort();
  await Promise.all(asked);
});

test("offers its process to a machine without memory", onLinux, async (t) => {
  await ask(begin(t, temporaryDirectory(t)), "select 1");
  assert.equal(readFileSync(`/proc/${childPid()}/oom_score_adj`, "latin1").trim(), "800");
});

test("does not outlive the server while a statement is under way", onLinux, async (t) => {
  const script = `
    const { SqlProcess } = await import(${JSON.stringify(new URL("./sql-process.js", import.meta.url).href)});
    const { systemClock } = await import("@polylog/base/clock");
    const { silentLogger } = await import("@polylog/base/telemetry");
    const directory = ${JSON.stringify(temporaryDirectory(t))};
    const sql = new SqlProcess({ directory, node: ${JSON.stringify(node)}, clock: systemClock, logger: silentLogger });
    const rights = { consume: true, produce: true, manage: true };
    const ask = (stmt) =>
      sql.answer({ body: Buffer.from(JSON.stringify({ stmt })), schema: "doc", types: false, rights, user: "u" }, () => {});
    await ask("select 1");
    void ask(${JSON.stringify(endless)});
    setTimeout(() => process.stdout.write("under way"), 200);`;
  const server = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server.stdout, "data");
  const pids = execFileSync("pgrep", ["-P", String(server.pid), "-f", "database-process"], { encoding: "utf8" });
  server.kill("SIGKILL");
  await once(server, "exit");
  const directory = `/proc/${pids.trim()}`;
  for (let waitedMs = 0; existsSync(directory) && waitedMs < 20_000; waitedMs += 20) await sleep(20);
  assert.ok(!existsSync(directory), `${pids} is there`);
});
