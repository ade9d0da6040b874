/** `/_sql` of a real server: who may, what stays, what a client sees. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hashPassword } from "@polylog/broker/access";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";

interface Answer {
  readonly status: number;
  readonly body: { readonly rows?: unknown; readonly results?: unknown; readonly error?: { readonly code: number } };
}

async function sql(
  server: ServerProcess,
  stmt: string,
  more: object = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/_sql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ stmt, ...more }),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

test("stores rows that outlive kill -9", { timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await startServer({ dataDir });
  t.after(() => first.kill());
  assert.equal((await sql(first, "CREATE TABLE t (id INTEGER PRIMARY KEY, o OBJECT)")).status, 200);
  const { body } = await sql(first, "INSERT INTO t VALUES (?, ?)", {
    bulk_args: [
      [1, { a: 1 }],
      [1, null],
      [2, null],
    ],
  });
  assert.match(JSON.stringify(body.results), /^\[\{"rowcount":1\},\{"rowcount":-2,.*\{"rowcount":1\}\]$/);
  await first.kill();
  const second = await startServer({ dataDir });
  t.after(() => second.kill());
  assert.deepEqual((await sql(second, "SELECT * FROM t ORDER BY id")).body.rows, [
    [1, { a: 1 }],
    [2, null],
  ]);
  assert.equal(await second.stop(), 0, second.output());
});

test("says which node it is", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const root = `http://127.0.0.1:${server.listeners.http.port}/`;
  const info = (await (await fetch(root)).json()) as { name: string; version: { number: string }; product: string };
  assert.equal(info.product, "Polylog");
  assert.match(info.version.number, /^\d+\.\d+\.\d+\+polylog\./);
  assert.deepEqual((await sql(server, "SELECT name FROM sys.nodes")).body.rows, [[info.name]]);
  assert.equal((await fetch(root, { method: "HEAD" })).status, 200);
  assert.equal((await fetch(`${root}_sql`)).status, 405);
});

test("keeps users to their permissions", { timeout: 60_000 }, async (t) => {
  const usersFile = join(temporaryDirectory(t), "users.toml");
  const password = `password = "${await hashPassword("secret")}"`;
  const user = (name: string, permissions: string) => `[[users]]\nname = "${name}"\n${password}\n${permissions}\n`;
  const all = 'consume = ["sql"]\nproduce = ["sql"]\nmanage = ["sql"]';
  writeFileSync(
    usersFile,
    user("admin", all) + user("reader", 'consume = ["sql"]') + user("other", 'consume = ["orders"]'),
  );
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: [`--users-file=${usersFile}`] });
  t.after(() => server.kill());
  const as = (name: string) => ({ authorization: `Basic ${Buffer.from(`${name}:secret`).toString("base64")}` });
  assert.equal((await sql(server, "CREATE TABLE t (id INTEGER)", {}, as("admin"))).status, 200);
  assert.equal((await sql(server, "SELECT * FROM t", {}, as("reader"))).status, 200);
  for (const [name, stmt] of [
    ["reader", "INSERT INTO t VALUES (1)"],
    ["other", "SELECT * FROM t"],
  ] as const) {
    const { status, body } = await sql(server, stmt, {}, as(name));
    assert.deepEqual([status, body.error?.code], [401, 4011], name);
  }
  assert.equal((await sql(server, "SELECT 1")).status, 401);
});
