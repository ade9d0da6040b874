/**
 * Hostile bytes at every door of a running server at once, while good clients go on and lose nothing, and memory stays flat.
 *
 *     POLYLOG_HOSTILE_SECONDS=600   how long; default 6. Ten minutes, with nothing else:
 *                                   POLYLOG_HOSTILE_SECONDS=600 node --test spec/dist/hostile-doors.test.js
 *     POLYLOG_SEED=…                what a run printed; the same bytes, in the order that the machine makes
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { createDeflateRaw, constants as zlib } from "node:zlib";
import {
  authorityCert,
  type Chance,
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
import { bombs, type HostileScript, hostileScripts, randomBytes, spoiled } from "./hostile-scripts.ts";
import { callRpc } from "./json-rpc-client.ts";

const log = "numbers";
const seconds = Number(process.env["POLYLOG_HOSTILE_SECONDS"] ?? 6);
const attackersMax = 24;

type DoorName = keyof ServerProcess["listeners"];

/** Attacks until the time is up; counts what it did by door. */
class Attackers {
  readonly counts = new Map<string, number>();
  readonly #server: ServerProcess;
  readonly #chance: Chance;

  constructor(server: ServerProcess, chance: Chance) {
    this.#server = server;
    this.#chance = chance;
  }

  async run(endMs: number): Promise<void> {
    const one = async (): Promise<void> => {
      while (performance.now() < endMs) await this.#attack();
    };
    await Promise.all(Array.from({ length: attackersMax }, one));
  }

  async #attack(): Promise<void> {
    const chance = this.#chance;
    const names = Object.keys(this.#server.listeners) as DoorName[];
    const door = names[chance.below(names.length)]!;
    const scripts = hostileScripts.filter(({ doors }) => doors.includes(door));
    const script = scripts[chance.below(scripts.length)]!;
    const what = script.upgrade === undefined ? door : `${door} ${script.upgrade}`;
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    const socket = connect(this.#server.listeners[door].port, "127.0.0.1");
    socket.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    try {
      const stream = await this.#enter(socket, door, script);
      const parts = chance.below(20) === 0 ? [randomBytes(chance.below(5000), chance)] : spoiled(script.parts, chance);
      const slowly = chance.below(10) === 0;
      for (const part of parts) {
        if (stream.destroyed || stream.writableEnded) break;
        stream.write(part);
        if (slowly) await sleep(chance.below(20));
      }
      if (chance.below(2) === 0) stream.end();
    } catch {
      // It was not let in.
    }
    await Promise.race([closed, sleep(10 + chance.below(150), undefined, { ref: false })]);
    if (chance.below(2) === 0) socket.resetAndDestroy();
    else socket.destroy();
  }

  async #enter(socket: Socket, door: DoorName, { upgrade }: HostileScript): Promise<Duplex> {
    const isTls = (door.endsWith("Tls") || door.endsWith("Https")) && this.#chance.below(10) > 0;
    if (upgrade === undefined) return isTls ? secured(socket) : listened(socket);
    const body = Buffer.from(JSON.stringify({ feature_negotiation: true, heartbeat_interval: 1000, [upgrade]: true }));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(body.length);
    socket.write(Buffer.concat([Buffer.from("  V2IDENTIFY\n"), size, body]));
    await Promise.race([once(socket, "data"), once(socket, "close")]);
    if (upgrade === "tls_v1") return this.#chance.below(10) > 0 ? secured(socket) : listened(socket);
    socket.resume();
    const raw = this.#chance.below(4);
    if (raw === 0) socket.write(bombs[upgrade]); // And then what is not compressed at all.
    if (raw <= 1) return socket;
    return upgrade === "deflate" ? deflated(socket) : snapped(socket);
  }
}

function listened(socket: Socket): Socket {
  return socket.resume();
}

async function secured(socket: Socket): Promise<Duplex> {
  const secure = connectTls({ socket, ca: authorityCert, servername: "localhost" });
  secure.on("error", () => undefined);
  await Promise.race([once(secure, "secureConnect"), once(socket, "close")]);
  return secure.resume();
}

function deflated(socket: Socket): Duplex {
  const deflate = createDeflateRaw({ flush: zlib.Z_SYNC_FLUSH });
  deflate.on("error", () => undefined);
  deflate.pipe(socket, { end: false });
  return deflate;
}

/** Framed, not compressed. */
function snapped(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (bytes: Buffer) => boolean;
  write(Buffer.from("ff060000734e61507059", "hex"));
  socket.write = ((part: Buffer): boolean => {
    for (let at = 0; at < part.length; at += 60_000) {
      const piece = part.subarray(at, at + 60_000);
      const head = Buffer.alloc(8);
      head.writeUInt32LE(1 | ((piece.length + 4) << 8));
      const sum = crc32c(piece);
      head.writeUInt32LE((((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0, 4);
      write(Buffer.concat([head, piece]));
    }
    return true;
  }) as Socket["write"];
  return socket;
}

function crc32c(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return ~crc >>> 0;
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
  const directory = temporaryDirectory(t);
  const dataDir = join(directory, "data");
  const tls = ["mqtt-tls", "nsq-https", "http-tls"].map((name) => `--${name}-listen=127.0.0.1:0`);
  const bounds = [
    "--tail-cache=4MiB",
    "--log-segment-size=4MiB",
    "--mqtt-max-session-expiry=2s",
    "--sql-statement-timeout=1s",
  ];
  const quiet = ["--log-level=error", "--sql-memory=1GiB"];
  const flags = [...writeTlsFiles(directory, serverCertificate), ...tls, ...bounds, ...quiet];
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

  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const attackers = new Attackers(server, chance);
  const running = Promise.all([attackers.run(endMs), sql.insert(endMs)]);
  const samples: { atSeconds: number; server: number; database: number }[] = [];
  for (let sampled = 0; performance.now() < endMs; sampled++) {
    await sleep(Math.min(5000, seconds * 100));
    await clean(server);
    const database = childrenOf(server.pid).reduce((sum, pid) => sum + residentMiB(pid), 0);
    const atSeconds = Math.round((performance.now() - startMs) / 1000);
    samples.push({ atSeconds, server: residentMiB(server.pid), database });
    if (sampled % 12 === 0) t.diagnostic(JSON.stringify(samples.at(-1)));
  }
  await running;
  t.diagnostic(JSON.stringify(samples.at(-1)));
  t.diagnostic(JSON.stringify(Object.fromEntries([...attackers.counts].sort())));

  await Promise.all(producers.map((producer) => producer.finish()));
  for (let waitedMs = 0; ledger.unfinished().length > 0 && waitedMs < 30_000; waitedMs += 20) await sleep(20);
  assert.deepEqual(ledger.unfinished(), []);
  for (const { refusals } of ledger.runs.values()) assert.deepEqual(refusals, []);
  worker.close();
  const { rows } = await sql.ask("SELECT count(*) FROM good");
  t.diagnostic(`${sql.acknowledged} rows acknowledged, ${sql.refused} refused, ${rows?.[0]?.[0]} stored`);
  assert.ok(Number(rows?.[0]?.[0]) >= sql.acknowledged && sql.acknowledged > 0);
  assert.equal(await server.stop(), 0, server.output());
  assert.doesNotMatch(server.output(), /TypeError|RangeError|ReferenceError|unhandled|Assertion/i);
  ledger.addStored(new StoredLog(dataDir, log).readOn());
  ledger.checkStored();
  t.diagnostic(`${ledger.acknowledged} acknowledged, ${ledger.stored} stored`);
  if (samples.length < 6) return; // Too short to tell.
  const third = Math.floor(samples.length / 3);
  const median = (part: typeof samples) => part.map((each) => each.server).sort((a, b) => a - b)[part.length >> 1]!;
  const [first, last] = [median(samples.slice(0, third)), median(samples.slice(-third))];
  assert.ok(last < first * 1.5 + 48, `the server's memory grew from ${first} to ${last} MiB`);
});
