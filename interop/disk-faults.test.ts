/**
 * A disk that fails, for real: strace makes the kernel's answers to the server say EIO, ENOSPC, or come late, mostly for one
 * segment file only. Here and not in `spec/` because strace is a tool of another toolchain; where it is missing, or where
 * tracing is not permitted (containers without ptrace), these tests are skipped and say so.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Door,
  doors,
  MessageLedger,
  Producer,
  type ServerProcess,
  StoredLog,
  seededChance,
  startServer,
  temporaryDirectory,
} from "@polylog/testkit";
import { missingTools } from "./outside-tools.ts";

const flags = ["--log-format=json", "--log-sync-interval=1m"];
const writes = "write,pwrite64,writev,pwritev,pwritev2";

/** False when faults can be injected here; otherwise why not. */
function whyNoFaults(): string | false {
  const missing = missingTools("strace");
  if (missing !== false) return missing;
  const probe = spawnSync("strace", ["-f", "-e", "inject=fdatasync:error=EIO", "-o", "/dev/null", "true"]);
  return probe.status === 0 ? false : "strace may not trace here (no ptrace)";
}

const skip = whyNoFaults();

/** A server whose calls on the first segment of the log `bad` are changed as `injection` says, from the `when`-th on. */
async function startFaulty(t: TestContext, dataDir: string, injection: string): Promise<ServerProcess> {
  const path = join(realpathSync(dataDir), "logs", "bad", "0", "00000000000000000000.log");
  // -D leaves the process id to the server. One thread of libuv's pool: strace counts the calls of each thread apart.
  const wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", path, "-e", `inject=${injection}`];
  const server = await startServer({
    dataDir,
    flags,
    wrapper,
    env: { UV_THREADPOOL_SIZE: "1" },
    readyWithinMs: 60_000,
  });
  t.after(() => server.kill());
  return server;
}

async function call(server: ServerProcess, method: string, params: unknown) {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  return (await response.json()) as { result?: { records: unknown[] }; error?: { message: string } };
}

interface FaultRow {
  readonly title: string;
  readonly injection: string;
  readonly doors: readonly Door[];
}

const producersAtWritten = [doors.nsqPub, doors.nsqMpub, doors.mqtt, doors.httpPub, doors.rpcWritten];
const rows: readonly FaultRow[] = [
  { title: "a failing fdatasync", injection: "fdatasync:error=EIO:when=5+", doors: [doors.rpcSynced] },
  // The trap of 2018: the kernel reports the error once, and the next fdatasync succeeds.
  { title: "an fdatasync that fails once", injection: "fdatasync:error=EIO:when=5", doors: [doors.rpcSynced] },
  { title: "a write that fails once", injection: `${writes}:error=EIO:when=20`, doors: producersAtWritten },
];

for (const row of rows) {
  test(`makes the partition read-only on ${row.title}`, { skip, timeout: 120_000 }, async (t) => {
    const dataDir = temporaryDirectory(t);
    const server = await startFaulty(t, dataDir, row.injection);
    const ledger = new MessageLedger();
    const chance = seededChance();
    t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
    for (const log of ["bad", "good"]) await call(server, "log.create", { log });
    const producers = row.doors.map(
      (door) => new Producer({ server, door, log: "bad", chance, run: ledger.run(door.name) }),
    );
    await Promise.all(producers.map((producer) => producer.untilRefused()));
    for (const producer of producers) producer.close();
    for (const { name, refusals } of ledger.runs.values())
      assert.notEqual(refusals.length, 0, `${name} was told nothing`);

    const health = await fetch(`http://127.0.0.1:${server.listeners.http.port}/health`);
    assert.equal(health.status, 503);
    assert.deepEqual(((await health.json()) as { readOnlyPartitions: string[] }).readOnlyPartitions, ["bad/0"]);
    assert.ok((await countReadable(server)) >= ledger.acknowledged, "what was acknowledged can be read");
    await checkOtherLog(server);
    const again = await call(server, "produce", { log: "bad", records: [{ value: "" }] });
    assert.match(again.error?.message ?? "accepted", /read-only/);

    await server.kill();
    ledger.addStored(new StoredLog(dataDir, "bad").readOn());
    ledger.checkStored();
    t.diagnostic(
      [...ledger.runs.values()].map((run) => `${run.name}: ${run.acknowledged}, ${run.refusals}`).join("\n"),
    );
    await checkReopened(t, dataDir, ledger.acknowledged);
  });
}

test("takes records again after writes that had no room", { skip, timeout: 120_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await startFaulty(t, dataDir, `${writes}:error=ENOSPC:when=20..21`);
  const ledger = new MessageLedger();
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  await call(server, "log.create", { log: "bad" });
  const start = (suffix: string) =>
    producersAtWritten.map(
      (door) => new Producer({ server, door, log: "bad", chance, run: ledger.run(`${door.name}${suffix}`) }),
    );
  const producers = start("");
  await Promise.all(producers.map((producer) => producer.untilRefused()));
  for (const producer of producers) producer.close();
  assert.deepEqual([(await healthOf(server)).status, (await healthOf(server)).readOnly], [503, []]);
  assert.ok((await countReadable(server)) >= ledger.acknowledged, "what was acknowledged can be read");
  // strace counts the calls of each thread apart, so writes find no room again as the other thread comes to its 20th.
  let refusals = 1;
  for (let round = 1; refusals > 0 && round < 6; round++) {
    for (let waitedMs = 0; (await healthOf(server)).status !== 200; waitedMs += 100) {
      assert.ok(waitedMs < 30_000, server.output());
      await sleep(100);
    }
    const again = start(`-${round}`);
    await sleep(300);
    await Promise.all(again.map((producer) => producer.finish()));
    refusals = again.reduce((sum, { run }) => sum + run.refusals.length, 0);
    t.diagnostic(`round ${round}: ${refusals} refusals`);
  }
  assert.equal(refusals, 0);
  await server.kill();
  ledger.addStored(new StoredLog(dataDir, "bad").readOn());
  ledger.checkStored();
  await checkReopened(t, dataDir, ledger.acknowledged);
});

async function healthOf(server: ServerProcess): Promise<{ status: number; readOnly: unknown }> {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/health`);
  const { readOnlyPartitions: readOnly } = (await response.json()) as { readOnlyPartitions: unknown };
  return { status: response.status, readOnly };
}

async function checkOtherLog(server: ServerProcess): Promise<void> {
  for (const ack of ["written", "synced"]) {
    const params = { log: "good", records: [{ value: "aGVsbG8=" }], ack };
    assert.equal((await call(server, "produce", params)).error, undefined);
  }
}

/** Only opening it again mends it: it then reads its files anew. */
async function checkReopened(t: TestContext, dataDir: string, acknowledged: number): Promise<void> {
  const server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
  assert.equal((await fetch(`http://127.0.0.1:${server.listeners.http.port}/health`)).status, 200);
  assert.ok((await countReadable(server)) >= acknowledged);
  assert.equal(
    (await call(server, "produce", { log: "bad", records: [{ value: "" }], ack: "synced" })).error,
    undefined,
  );
}

/** Records of `bad` that JSON-RPC hands out, from the first to the end. */
async function countReadable(server: ServerProcess): Promise<number> {
  for (let offset = 0; ; ) {
    const answer = await call(server, "consume", { log: "bad", partition: 0, offset, maxRecords: 1000 });
    assert.equal(answer.error, undefined);
    const count = answer.result?.records.length ?? 0;
    if (count === 0) return offset;
    offset += count;
  }
}

async function metricsOf(server: ServerProcess): Promise<(name: string) => number> {
  const text = await (await fetch(`http://127.0.0.1:${server.listeners.http.port}/metrics`)).text();
  return (name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

async function residentBytes(server: ServerProcess): Promise<number> {
  return (await metricsOf(server))("process_resident_memory_bytes");
}

test("stays small on a disk that takes 200 ms to sync", { skip, timeout: 120_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await startFaulty(t, dataDir, "fdatasync:delay_enter=200000");
  const ledger = new MessageLedger();
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  await call(server, "log.create", { log: "bad" });
  const before = await residentBytes(server);
  const fast = [doors.nsqMpub, doors.mqtt].map(
    (door) =>
      new Producer({
        server,
        door,
        log: "bad",
        chance,
        run: ledger.run(door.name),
        window: 64,
        pauseMsMax: 0,
        messageSizeMax: 4000,
      }),
  );
  const slow = new Producer({ server, door: doors.rpcSynced, log: "bad", chance, run: ledger.run("synced") });
  let largest = 0;
  const startedAt = performance.now();
  for (let i = 0; i < 20; i++) {
    await sleep(200);
    largest = Math.max(largest, await residentBytes(server));
  }
  const elapsedMs = performance.now() - startedAt;
  await Promise.all([...fast, slow].map((producer) => producer.finish()));
  const grownMiB = (largest - before) / 2 ** 20;
  t.diagnostic(
    `grown by ${grownMiB.toFixed(0)} MiB; ${ledger.acknowledged} acknowledged, ${slow.run.acknowledged} synced`,
  );
  assert.ok(grownMiB < 250, `it grew by ${grownMiB} MiB`); // The tail cache has 64 MiB, the append queue another 64.
  // Four records share an answer at most, and an answer takes a sync: the delay is felt, not answered over.
  assert.ok(slow.run.acknowledged <= (4 * elapsedMs) / 200 + 8, "synced was answered before the disk answered");
  assert.notEqual(slow.run.acknowledged, 0);
  const metrics = await metricsOf(server);
  const syncs = metrics("polylog_disk_sync_seconds_count");
  t.diagnostic(`${syncs} syncs of ${(metrics("polylog_disk_sync_seconds_sum") / syncs).toFixed(3)} s`);
  assert.ok(metrics("polylog_disk_sync_seconds_sum") >= 0.19 * syncs && syncs > 5, "the metrics tell how slow it is");
  await server.kill();
  ledger.addStored(new StoredLog(dataDir, "bad").readOn());
  ledger.checkStored();
});

test("holds the producers of many logs while the disk takes no writes", { skip, timeout: 120_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const bounds = ["--log-append-queue-total=8MiB", "--log-append-queue=4MiB", "--tail-cache=1MiB"];
  const slow = "inject=pwrite64,pwritev,pwritev2:delay_enter=15000";
  const server = await startServer({
    dataDir,
    flags: [...flags, ...bounds],
    wrapper: ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf", "-e", slow],
    readyWithinMs: 60_000,
  });
  t.after(() => server.kill());
  const before = await residentBytes(server);
  const size = 64 * 1024;
  const countEach = 80;
  const body = Buffer.alloc(size, "x");
  const sockets = Array.from({ length: 60 }, (_, i) => {
    const socket = connect({ port: server.listeners.nsqTcp.port, host: "127.0.0.1" });
    const head = Buffer.alloc(4);
    head.writeUInt32BE(size);
    socket.write("  V2");
    for (let n = 0; n < countEach; n++) socket.write(Buffer.concat([Buffer.from(`PUB flood${i}\n`), head, body]));
    return socket;
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  let answered = 0; // An answer is ten bytes: OK in a frame.
  for (const socket of sockets) socket.on("data", (bytes) => (answered += bytes.length));
  let largest = 0;
  let pending = 0;
  for (let waitedMs = 0; answered < 10 * countEach * sockets.length && waitedMs < 90_000; waitedMs += 50) {
    const metrics = await metricsOf(server);
    largest = Math.max(largest, metrics("process_resident_memory_bytes"));
    pending = Math.max(pending, metrics("polylog_log_pending_bytes"));
    await sleep(50);
  }
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const sent = mebibytes(sockets.length * countEach * size);
  t.diagnostic(
    `${sent} MiB sent; at most ${mebibytes(pending)} MiB waited, grown by ${mebibytes(largest - before)} MiB`,
  );
  assert.equal(answered, 10 * countEach * sockets.length, "every message was acknowledged");
  assert.ok(pending > 2 ** 20 && pending <= 8 * 2 ** 20 + 2 * size, `${pending} bytes waited`);
  assert.ok(largest - before < 200 * 2 ** 20, `it grew by ${mebibytes(largest - before)} MiB`);
});
