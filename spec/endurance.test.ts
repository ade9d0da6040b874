/**
 * Too few descriptors, a disk that takes part of a write, and a steady load over time.
 *
 *     POLYLOG_SOAK_SECONDS=600   length of the soak; default 20 where CI=true, otherwise 5. Ten minutes, with nothing else:
 *                                POLYLOG_SOAK_SECONDS=600 node --test --test-name-pattern=soak spec/dist/endurance.test.js
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ChannelWorker,
  doors,
  MessageLedger,
  Producer,
  type ServerProcess,
  StoredLog,
  seededChance,
  startServer,
  temporaryDirectory,
} from "@polylog/testkit";
import { callRpc } from "./json-rpc-client.ts";

const log = "numbers";
const soakSeconds = Number(process.env["POLYLOG_SOAK_SECONDS"] ?? (process.env["CI"] === "true" ? 20 : 5));
const skip = existsSync("/bin/sh") && process.platform === "linux" ? false : "needs ulimit of a shell on Linux";

/** `exec` leaves the process id to the server. */
function limited(ulimit: string): string[] {
  return ["/bin/sh", "-c", `ulimit ${ulimit} && exec "$@"`, "sh"];
}

function check(t: TestContext, dataDir: string, ledger: MessageLedger): void {
  ledger.addStored(new StoredLog(dataDir, log).readOn());
  ledger.checkStored();
  t.diagnostic(`${ledger.acknowledged} acknowledged, ${ledger.stored} stored`);
}

test("survives having no descriptors left", { skip, timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  // Loading the modules opens many files at a time, so the limit cannot be much lower.
  const server = await startServer({ dataDir, wrapper: limited("-n 200") });
  t.after(() => server.kill());
  const chance = seededChance();
  const ledger = new MessageLedger();
  await callRpc(server.listeners.http.port, "log.create", { log });
  const through = [doors.nsqPub, doors.mqtt];
  const producers = through.map((door) => new Producer({ server, door, log, chance, run: ledger.run(door.name) }));
  for (const { run } of producers)
    for (let waitedMs = 0; run.acknowledged === 0 && waitedMs < 10_000; waitedMs += 10) await sleep(10);
  const crowd: Socket[] = [];
  t.after(() => {
    for (const socket of crowd) socket.destroy();
  });
  let refused = 0;
  for (let i = 0; i < 400; i++) {
    const socket = connect(server.listeners.nsqTcp.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("close", () => refused++);
    crowd.push(socket);
  }
  await sleep(500);
  const before = ledger.acknowledged;
  await sleep(300);
  assert.ok(ledger.acknowledged > before, "those who are connected go on");
  t.diagnostic(`${refused} of ${crowd.length} connections were closed at once`);
  assert.ok(refused > 200, `only ${refused} refused`);
  for (const socket of crowd) socket.destroy();
  await sleep(200);
  const later = new Producer({ server, door: doors.nsqMpub, log, chance, run: ledger.run("later") });
  await sleep(100);
  await Promise.all([...producers, later].map((producer) => producer.finish()));
  assert.notEqual(later.run.acknowledged, 0, "new connections are taken again");
  for (const { refusals } of ledger.runs.values()) assert.deepEqual(refusals, []);
  assert.equal(await server.stop(), 0, server.output());
  check(t, dataDir, ledger);
});

test("holds producers while no descriptor is left for the next segment", { skip, timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await startServer({ dataDir, flags: ["--log-segment-size=4KiB"], wrapper: limited("-n 200") });
  t.after(() => server.kill());
  const ledger = new MessageLedger();
  const { port } = server.listeners.http;
  await callRpc(port, "log.create", { log });
  // Its connection is kept: there is no descriptor for another one soon.
  const run = ledger.run("pub");
  const producer = new Producer({ server, door: doors.nsqPub, log, chance: seededChance(), run, messageSizeMax: 1000 });
  for (let waitedMs = 0; run.acknowledged === 0 && waitedMs < 10_000; waitedMs += 10) await sleep(10);
  const crowd: Socket[] = [];
  t.after(() => {
    for (const socket of crowd) socket.destroy();
  });
  const join = (count: number) => {
    for (let i = 0; i < count; i++) {
      const socket = connect(server.listeners.nsqTcp.port, "127.0.0.1");
      socket.on("error", () => undefined);
      crowd.push(socket);
    }
  };
  join(400);
  for (let waitedMs = 0; !/no descriptor is left/.test(server.output()) && waitedMs < 20_000; waitedMs += 50) {
    await sleep(50);
    join(2); // They take what a segment that was just being sealed has given back.
  }
  assert.match(server.output(), /no descriptor is left for the next segment/);
  const held = run.acknowledged;
  await sleep(500);
  t.diagnostic(`${held} acknowledged, ${run.acknowledged - held} in the half second after`);
  assert.deepEqual(run.refusals, []);
  for (const socket of crowd) socket.destroy();
  for (let waitedMs = 0; run.acknowledged < held + 100 && waitedMs < 15_000; waitedMs += 50) await sleep(50);
  assert.ok(run.acknowledged >= held + 100, "it goes on when descriptors are back");
  await producer.finish();
  assert.deepEqual(run.refusals, []);
  const health = await fetch(`http://127.0.0.1:${port}/health`);
  assert.equal(health.status, 200);
  assert.equal(await server.stop(), 0, server.output());
  check(t, dataDir, ledger);
});

test("keeps its promise when a write is cut short", { skip, timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  // At the limit of a file's size the kernel takes what fits, a part of a batch, and then nothing: EFBIG.
  const server = await startServer({ dataDir, wrapper: limited("-f 200") });
  t.after(() => server.kill());
  const chance = seededChance();
  const ledger = new MessageLedger();
  await callRpc(server.listeners.http.port, "log.create", { log });
  const through = [doors.nsqPub, doors.nsqMpub, doors.mqtt, doors.rpcWritten];
  const producers = through.map((door) => new Producer({ server, door, log, chance, run: ledger.run(door.name) }));
  await Promise.all(producers.map((producer) => producer.untilRefused()));
  for (const producer of producers) producer.close();
  const health = await fetch(`http://127.0.0.1:${server.listeners.http.port}/health`);
  assert.equal(health.status, 503);
  assert.match(server.output(), /EFBIG/);
  await server.kill();
  check(t, dataDir, ledger);
  const again = await startServer({ dataDir });
  t.after(() => again.kill());
  const worker = new ChannelWorker({ server: again, log, channel: "workers", ledger, chance });
  const producer = new Producer({ server: again, door: doors.nsqPub, log, chance, run: ledger.run("again") });
  await sleep(100);
  await producer.finish();
  for (let waitedMs = 0; ledger.unfinished().length > 0 && waitedMs < 20_000; waitedMs += 20) await sleep(20);
  assert.deepEqual(ledger.unfinished(), []);
  worker.close();
});

interface Sample {
  readonly residentMiB: number;
  readonly heapMiB: number;
}

async function sample(server: ServerProcess): Promise<Sample> {
  const metrics = await (await fetch(`http://127.0.0.1:${server.listeners.http.port}/metrics`)).text();
  const read = (name: RegExp) => Number(name.exec(metrics)?.[1] ?? Number.NaN) / 2 ** 20;
  return {
    residentMiB: read(/^process_resident_memory_bytes (\d+)$/m),
    heapMiB: read(/^nodejs_heap_used_bytes (\d+)$/m),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

test(`soaks for ${soakSeconds} s without growing`, { timeout: (soakSeconds + 60) * 1000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const flags = ["--tail-cache=4MiB", "--log-segment-size=4MiB"];
  const server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  const ledger = new MessageLedger();
  await callRpc(server.listeners.http.port, "log.create", { log });
  const producers = Object.values(doors).map(
    (door) => new Producer({ server, door, log, chance, run: ledger.run(door.name), pauseMsMax: 4 }),
  );
  const worker = new ChannelWorker({ server, log, channel: "workers", ledger, chance });
  const samples: Sample[] = [];
  for (const endMs = performance.now() + soakSeconds * 1000; performance.now() < endMs; ) {
    await sleep(Math.min(1000, soakSeconds * 20));
    samples.push(await sample(server));
  }
  await Promise.all(producers.map((producer) => producer.finish()));
  for (let waitedMs = 0; ledger.unfinished().length > 0 && waitedMs < 30_000; waitedMs += 20) await sleep(20);
  assert.deepEqual(ledger.unfinished(), []);
  worker.close();
  assert.equal(await server.stop(), 0, server.output());
  check(t, dataDir, ledger);
  const third = Math.floor(samples.length / 3);
  for (const key of ["residentMiB", "heapMiB"] as const) {
    const first = median(samples.slice(0, third).map((each) => each[key]));
    const last = median(samples.slice(-third).map((each) => each[key]));
    t.diagnostic(`${key}: median ${first.toFixed(1)} in the first third, ${last.toFixed(1)} in the last`);
    assert.ok(last < first * 1.5 + 32, `${key} grew from ${first} to ${last}`);
  }
});
