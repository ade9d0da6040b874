import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ManualClock, systemClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { temporaryDirectory } from "@polylog/testkit";
import { readersMax, statementGraceMs, statementTimeoutMs } from "../limits.ts";
import { SqlProcess } from "../process/sql-process.ts";
import { MemorySql, node } from "../testing/memory-sql.ts";

const endless = "SELECT count(*) FROM range(100000000000) t(i) WHERE i * 3 % 7 = 8";

const many = (user: string) => Array.from({ length: 3 * readersMax }, () => user);

/** In a process of its own: there each lane has a thread. `users` send a statement each that does not end. */
async function start(t: TestContext, users: readonly string[], timeoutMs?: number) {
  const options = { directory: temporaryDirectory(t), node, clock: systemClock, logger: silentLogger };
  const sql = new SqlProcess({ ...options, ...(timeoutMs !== undefined && { timeoutMs }) });
  t.after(() => sql.stop());
  const rights = { consume: true, produce: true, manage: true };
  const ask = (user: string, stmt: string, onAbort: (abort: () => void) => void = () => undefined) => {
    const body = Buffer.from(JSON.stringify({ stmt }));
    return sql.answer({ body, schema: "doc", types: false, rights, user }, onAbort);
  };
  await ask("ada", "CREATE TABLE t (a INTEGER PRIMARY KEY)");
  const aborts: (() => void)[] = [];
  const slow = users.map((user) => ask(user, endless, (abort) => aborts.push(abort)));
  const abort = async () => {
    for (const each of aborts) each();
    return (await Promise.all(slow)).map(({ body }) => body);
  };
  return { ask, slow, abort };
}

test("answers others while all of one user's queries are slow", async (t) => {
  const { ask, abort } = await start(t, many("ada"));
  for (let i = 0; i < 3; i++) assert.match((await ask("bob", "SELECT 1")).body, /\[\[1\]\]/);
  for (const body of await abort()) assert.match(body, /5005/);
});

test("takes rows while all that reads is slow", async (t) => {
  const { ask, abort } = await start(t, [...many("ada"), ...many("bob")]);
  for (const user of ["ada", "carla"])
    assert.equal((await ask(user, `INSERT INTO t VALUES (${user.length})`)).status, 200);
  for (const body of await abort()) assert.match(body, /5005/);
});

test("gives each user who waits a turn", async (t) => {
  const { ask, slow, abort } = await start(t, [...many("ada"), ...many("bob")], 500);
  let ended = 0;
  for (const each of slow) void each.then(() => ended++);
  assert.match((await ask("carla", "SELECT 1")).body, /\[\[1\]\]/);
  assert.ok(ended <= 2 * readersMax, `${ended} before it`);
  await abort();
});

test("forgets who waits and goes away", async (t) => {
  const { ask, abort } = await start(t, many("ada"));
  const body = await new Promise<string>((resolve) => {
    const waiting = ask("ada", "SELECT 1", (leave) => leave());
    void waiting.then((answer) => resolve(answer.body));
  });
  assert.match(body, /5005/);
  await abort();
});

test("says that a statement does not end long after its time", async () => {
  const clock = new ManualClock();
  let stuck = 0;
  const sql = await MemorySql.open(undefined, { clock, onStuck: () => stuck++ });
  let isAnswered = false;
  const answer = sql.sql(endless).finally(() => (isAnswered = true));
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(statementTimeoutMs + statementGraceMs);
  assert.equal(stuck, 1);
  while (!isAnswered) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await answer).error.code, 5005);
});
