/** CrateDB's client libraries, unchanged, against `/_sql`. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import crate from "node-crate";
import { preparePython } from "./python-packages.ts";

const { python, problem } = preparePython("crate==2.3.0");

test("creates, fills and asks a table with crate for Python", { skip: problem, timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const script = fileURLToPath(new URL("../crate-client.py", import.meta.url));
  const child = spawn(python, [script, `http://127.0.0.1:${server.listeners.http.port}`]);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.notEqual(output, "", errors);
  const { version, many, ...seen } = JSON.parse(output) as { version: string; many: { rowcount: number }[] };
  assert.match(version, /^\d+\.\d+\.\d+/);
  assert.deepEqual(
    many.map(({ rowcount }) => rowcount),
    [1, -2, 1],
  );
  assert.deepEqual(seen, {
    inserted: 1,
    columns: ["id", "ts", "tags['room']", "list"],
    rows: [["a", 1704067200000, "kitchen", [1, 2]]],
    aggregates: [3, 2.5],
    unknown: "ProgrammingError",
    duplicate: "IntegrityError",
    tables: [["readings", 2]],
  });
});

test("creates, fills and asks a table with node-crate", { timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  crate.connect(`http://127.0.0.1:${server.listeners.http.port}`);
  await crate.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)", []);
  assert.equal((await crate.insert("things", { id: 1, name: "one" })).rowcount, 1);
  const { results } = await crate.executeBulk("INSERT INTO things (id, name) VALUES (?, ?)", [
    [2, "two"],
    [1, "again"],
  ]);
  assert.deepEqual(
    results?.map(({ rowcount }) => rowcount),
    [1, -2],
  );
  assert.equal((await crate.update("things", { name: "zwei" }, "id = 2")).rowcount, 1);
  assert.deepEqual((await crate.execute("SELECT name FROM things WHERE id > ?", [1])).rows, [["zwei"]]);
  assert.equal((await crate.delete("things", "id = 1")).rowcount, 1);
  await assert.rejects(crate.execute("SELECT nope FROM things", []), { code: 4043 });
});
