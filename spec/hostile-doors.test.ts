/**
 * Hostile bytes at every door of a running server at once, while good clients go on and lose nothing, and memory stays flat.
 *
 *     POLYLOG_HOSTILE_SECONDS=600   how long; default 6. Ten minutes, with nothing else:
 *                                   POLYLOG_HOSTILE_SECONDS=600 node --test spec/dist/hostile-doors.test.js
 *     POLYLOG_SEED=…                what a run printed; the same bytes, in the order that the machine makes
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  ChannelWorker,
  doors,
  MessageLedger,
  Producer,
  type ServerProcess,
  StoredLog,
  seededChance,
  serverCertificate,
  startServer,
  temporaryDirectory,
  writeTlsFiles,
} from "@polylog/testkit";
import { callRpc } from "./json-rpc-client.ts";

const log = "numbers";
const seconds = Number(process.env["POLYLOG_HOSTILE_SECONDS"] ?? 6);

function attack(server: ServerProcess, seed: number): ChildProcess {
  const program = fileURLToPath(new URL("./hostile-clients.js", import.meta.url));
  return spawn(process.execPath, [program, JSON.stringify(server.listeners), String(seconds)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, POLYLOG_SEED: String(seed) },
  });
}

/** What hostile names have left is removed, as its owner would: there is a bound on logs, and it is not what is tested here. */
async function clean(server: ServerProcess): Promise<void> {
  const { http } = server.listeners;
  const { logs } = (await callRpc(http.port, "log.list", {})) as { logs: readonly (string | { log: string })[] };
  for (const each of logs) {
    const name = typeof each === "string" ? each : each.log;
    if (name !== log) await callRpc(http.port, "log.delete", { log: name }).catch(() => undefined);
  }
}

class SqlClient {
  acknowledged = 0;
  refused = 0;
  readonly #port: number;

  constructor(server: ServerProcess) {
    this.#port = server.listeners.http.port;
  }

  async ask(stmt: string, args: readonly unknown[] = []): Promise<{ status: number; rows?: unknown[][] }> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/_sql`, {
      method: "POST",
      body: JSON.stringify({ stmt, args }),
    });
    return { status: response.status, ...((await response.json()) as { rows?: unknown[][] }) };
  }

  async insert(endMs: number): Promise<void> {
    for (let id = 0; performance.now() < endMs; id++) {
      const { status } = await this.ask("INSERT INTO good VALUES (?)", [id]);
      if (status === 200) this.acknowledged++;
      else this.refused++;
      await sleep(20);
    }
  }
}

function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1]) / 1024;
}

/** Of those that are open. */
function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(join(`/proc/${pid}/task`, task, "children"), "latin1")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number),
  );
}

const skip = process.platform === "linux" ? false : "needs /proc";

test(`withstands hostile bytes at every door for ${seconds} s`, {
  skip,
  timeout: (seconds + 120) * 1000,
}, async (t) => {
  const dataDir = join(temporaryDirectory(t), "data");
  const tlsFiles = writeTlsFiles(temporaryDirectory(t), serverCertificate);
  const tls = ["mqtt-tls", "nsq-https", "http-tls"].map((name) => `--${name}-listen=127.0.0.1:0`);
  const bounds = [
    "--tail-cache=4MiB",
    "--log-segment-size=4MiB",
    "--mqtt-max-session-expiry=2s",
    "--sql-statement-timeout=1s",
  ];
  const quiet = ["--log-level=error", "--sql-memory=1GiB"];
  const flags = [...tlsFiles, ...tls, ...bounds, ...quiet];
  const server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  const ledger = new MessageLedger();
  await callRpc(server.listeners.http.port, "log.create", { log });
  const sql = new SqlClient(server);
  assert.equal((await sql.ask("CREATE TABLE good (id INTEGER PRIMARY KEY)")).status, 200);
  const producers = [doors.nsqPub, doors.mqtt, doors.rpcWritten].map(
    (door) => new Producer({ server, door, log, chance, run: ledger.run(door.name), pauseMsMax: 30 }),
  );
  const worker = new ChannelWorker({ server, log, channel: "workers", ledger, chance });
  t.after(() => {
    worker.close(); // It would look for the server for ever.
    for (const producer of producers) producer.close();
  });

  const descriptors = descriptorsOf(server.pid);
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const clients = attack(server, chance.seed);
  t.after(() => clients.kill("SIGKILL"));
  const running = Promise.all([once(clients.stdout!, "data"), sql.insert(endMs)]);
  const samples: { atSeconds: number; server: number; database: number }[] = [];
  for (let sampled = 0; performance.now() < endMs; sampled++) {
    await sleep(Math.min(5000, seconds * 100));
    await clean(server);
    const database = childrenOf(server.pid).reduce((sum, pid) => sum + residentMiB(pid), 0);
    const atSeconds = Math.round((performance.now() - startMs) / 1000);
    samples.push({ atSeconds, server: residentMiB(server.pid), database });
    if (sampled % 12 === 0) t.diagnostic(JSON.stringify(samples.at(-1)));
  }
  const [[counts]] = await running;
  clients.kill("SIGKILL");
  t.diagnostic(JSON.stringify(samples.at(-1)));
  t.diagnostic(String(counts));

  await Promise.all(producers.map((producer) => producer.finish()));
  for (let waitedMs = 0; ledger.unfinished().length > 0 && waitedMs < 30_000; waitedMs += 20) await sleep(20);
  assert.deepEqual(ledger.unfinished(), []);
  for (const { refusals } of ledger.runs.values()) assert.deepEqual(refusals, []);
  worker.close();
  for (let waitedMs = 0; descriptorsOf(server.pid) > descriptors + 10 && waitedMs < 20_000; waitedMs += 100)
    await sleep(100);
  t.diagnostic(`${descriptors} descriptors before, ${descriptorsOf(server.pid)} after`);
  assert.ok(descriptorsOf(server.pid) <= descriptors + 10, "connections were left");
  const { rows } = await sql.ask("SELECT count(*) FROM good");
  t.diagnostic(`${sql.acknowledged} rows acknowledged, ${sql.refused} refused, ${rows?.[0]?.[0]} stored`);
  assert.ok(Number(rows?.[0]?.[0]) >= sql.acknowledged && sql.acknowledged > 0);
  assert.equal(await server.stop(), 0, server.output());
  assert.doesNotMatch(server.output(), /TypeError|RangeError|ReferenceError|unhandled|Assertion/i);
  ledger.addStored(new StoredLog(dataDir, log).readOn());
  ledger.checkStored();
  t.diagnostic(`${ledger.acknowledged} acknowledged, ${ledger.stored} stored`);
  checkFlat(samples);
});

function checkFlat(samples: readonly { readonly server: number }[]): void {
  if (seconds < 60) return; // It is still warming up.
  const third = Math.floor(samples.length / 3);
  const median = (part: typeof samples) => part.map((each) => each.server).sort((a, b) => a - b)[part.length >> 1]!;
  const [first, last] = [median(samples.slice(0, third)), median(samples.slice(-third))];
  assert.ok(last < first * 1.5 + 48, `the server's memory grew from ${first} to ${last} MiB`);
}
