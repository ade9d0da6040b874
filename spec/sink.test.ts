/** `--sink`: a log's records as rows of a table, whatever happens to the server and the database between. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, seededChance, startServer, temporaryDirectory } from "@polylog/testkit";
import { callRpc } from "./json-rpc-client.ts";

const timeout = 120_000;

async function sql(server: ServerProcess, stmt: string, args: readonly unknown[] = []): Promise<unknown[][]> {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/_sql`, {
    method: "POST",
    body: JSON.stringify({ stmt, args }),
  });
  const body = (await response.json()) as { rows?: unknown[][]; error?: { code: number; message: string } };
  if (body.rows === undefined) throw new Error(`${body.error?.code} ${body.error?.message}`);
  return body.rows;
}

/** Of a table that may not be there yet. */
async function countOf(server: ServerProcess, table: string): Promise<number> {
  const rows = await sql(server, `SELECT count(*) FROM ${table}`).catch(() => [[0]]);
  return Number(rows[0]?.[0]);
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 50) {
    if (await done()) return;
    await sleep(50);
  }
  assert.fail(`${what} did not happen within a minute`);
}

async function produce(server: ServerProcess, log: string, values: readonly string[]): Promise<void> {
  const records = values.map((value, i) => ({ key: `k${i % 3}`, value, headers: [["h", "1"]] }));
  await callRpc(server.listeners.http.port, "produce", { log, encoding: "utf8", partition: 0, records });
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => JSON.stringify({ n: from + i }));

test("makes a table of a log's records, of every kind of value", { timeout }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: ["--sink=orders=crate:embedded/orders"] });
  t.after(() => server.kill());
  await produce(server, "orders", ['{"n":1,"deep":{"a":[1,2]}}', "21.5", "text, not JSON", "{not either"]);
  await until("four rows", async () => (await countOf(server, "orders")) === 4);
  const rows = await sql(
    server,
    'SELECT "partition", "offset", key, headers, value, text FROM orders ORDER BY "offset"',
  );
  assert.deepEqual(rows, [
    [0, 0, "k0", { h: "1" }, { n: 1, deep: { a: [1, 2] } }, null],
    [0, 1, "k1", { h: "1" }, null, "21.5"],
    [0, 2, "k2", { h: "1" }, null, "text, not JSON"],
    [0, 3, "k0", { h: "1" }, null, "{not either"],
  ]);
  assert.equal(await server.stop(), 0, server.output());
});

test("fills the columns of a table that is there, and buries what it refuses", { timeout }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await startServer({ dataDir });
  t.after(() => first.kill());
  await sql(
    first,
    'CREATE TABLE r ("partition" INTEGER, "offset" BIGINT, room TEXT, celsius DOUBLE PRECISION NOT NULL, PRIMARY KEY ("partition", "offset"))',
  );
  await first.stop();
  const server = await startServer({ dataDir, flags: ["--sink=readings=crate:embedded/r?columns=celsius:at.celsius"] });
  t.after(() => server.kill());
  await produce(server, "readings", [
    '{"room":"a","at":{"celsius":20.5}}',
    '{"room":"b","at":{"celsius":"warm"}}',
    '{"room":"c"}',
    '{"room":"d","at":{"celsius":"7"}}',
  ]);
  await until("two rows", async () => (await countOf(server, "r")) === 2);
  assert.deepEqual(await sql(server, "SELECT room, celsius FROM r ORDER BY 1"), [
    ["a", 20.5],
    ["d", 7],
  ]);
  const { port } = server.listeners.http;
  type Dead = { records: { value: string; headers: [string, string][] }[] };
  const read = () =>
    callRpc(port, "consume", { log: "readings.dead", from: "earliest", encoding: "utf8", waitMs: 5000 });
  await until("two dead letters", async () => ((await read()) as Dead).records.length === 2);
  const { records } = (await read()) as Dead;
  assert.deepEqual(
    records.map(({ value }) => (JSON.parse(value) as { room: string }).room),
    ["b", "c"],
  );
  const headers = Object.fromEntries(records[0]!.headers);
  assert.equal(headers["polylog-dead-reason"], "refused");
  assert.match(headers["polylog-dead-detail"] ?? "", /^4003 .*warm/);
  const { channels } = (await callRpc(port, "channel.list", { log: "readings" })) as {
    channels: { channel: string; depth: number }[];
  };
  assert.deepEqual(
    channels.map(({ channel, depth }) => [channel, depth]),
    [["sink", 0]],
  );
});

/** Between a sink and `/_sql`: passes requests on, or spoils them. */
class Spoiler {
  readonly #server: Server;
  #target = 0;
  spoil: () => "pass" | "before" | "after" | "busy" | "large" = () => "pass";

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(t: TestContext): Promise<Spoiler> {
    const server = createServer();
    const spoiler = new Spoiler(server);
    server.on(
      "request",
      (request: IncomingMessage, response: ServerResponse) => void spoiler.#answer(request, response),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return spoiler;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  set target(server: ServerProcess) {
    this.#target = server.listeners.http.port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const how = this.spoil();
    if (how === "before") request.socket.destroy();
    else if (how === "busy") response.writeHead(429, { connection: "close" }).end();
    else if (how === "large" && body.length > 2000) response.writeHead(413).end();
    else {
      const passed = await fetch(`http://127.0.0.1:${this.#target}/_sql`, { method: "POST", body }).catch(
        () => undefined,
      );
      const text = await passed?.text();
      if (how === "after" || passed === undefined) request.socket.destroy();
      else response.writeHead(passed.status, { "content-type": "application/json" }).end(text);
    }
  }
}

test("writes every record once through a database that fails in every way", { timeout }, async (t) => {
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  const database = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => database.kill());
  const spoiler = await Spoiler.start(t);
  spoiler.target = database;
  const ways = ["pass", "pass", "before", "after", "busy", "large"] as const;
  spoiler.spoil = () => ways[chance.below(ways.length)]!;
  const dataDir = temporaryDirectory(t);
  const flags = [`--sink=numbers=crate:http://127.0.0.1:${spoiler.port}/numbers?batch=50`];
  let server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
  for (let round = 0; round < 4; round++) {
    await produce(server, "numbers", numbers(round * 200, round * 200 + 200));
    await sleep(chance.below(300));
    if (round === 1) {
      await server.kill();
      server = await startServer({ dataDir, flags });
    }
  }
  spoiler.spoil = () => "pass";
  await until("800 rows", async () => (await countOf(database, "numbers")) === 800);
  const [row] = await sql(database, "SELECT count(DISTINCT value['n']), sum(value['n']) FROM numbers");
  assert.deepEqual(row?.map(Number), [800, (800 * 799) / 2]);
  assert.equal(await server.stop(), 0, server.output());
});

test("catches up after the database was away", { timeout }, async (t) => {
  const databaseDir = temporaryDirectory(t);
  let database = await startServer({ dataDir: databaseDir });
  t.after(() => database.kill());
  const spoiler = await Spoiler.start(t);
  spoiler.target = database;
  const flags = [`--sink=numbers=crate:http://127.0.0.1:${spoiler.port}/numbers`];
  const server = await startServer({ dataDir: temporaryDirectory(t), flags });
  t.after(() => server.kill());
  await produce(server, "numbers", numbers(0, 10));
  await until("ten rows", async () => (await countOf(database, "numbers")) === 10);
  await database.kill();
  await produce(server, "numbers", numbers(10, 500));
  await until("a word of it", async () => /the database does not take rows/.test(server.output()));
  database = await startServer({ dataDir: databaseDir });
  spoiler.target = database;
  await until("all rows", async () => (await countOf(database, "numbers")) === 500);
  await until("a word of that", async () => /the database takes rows again/.test(server.output()));
  assert.equal(await server.stop(), 0, server.output());
});

test("refuses rules that are none, before it starts", { timeout }, async (t) => {
  await assert.rejects(
    startServer({ dataDir: temporaryDirectory(t), flags: ["--sink=orders"] }),
    /write LOG=crate:http/,
  );
});
