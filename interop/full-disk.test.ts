/**
 * A disk that is full, for real: a small file system in memory, mounted for the test. Where mounting is not permitted,
 * these tests are skipped and say so.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, rmSync, statfsSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
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

const log = "numbers";
const through = [doors.nsqPub, doors.nsqMpub, doors.mqtt, doors.httpPub, doors.rpcWritten, doors.rpcSynced];
const mebibyte = 2 ** 20;

function mount(directory: string, sizeMebibytes: number): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMebibytes}m`, "tmpfs", directory]).status === 0;
}

function whyNoMount(): string | false {
  const probe = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return probe.status === 0 ? false : "mounting is not permitted here";
}

const skip = whyNoMount();

/** A file system of 64 MiB, 20 of which are a file that can be removed. */
function smallDisk(t: TestContext): { dataDir: string; ballast: string } {
  let directory = "";
  t.after(() => spawnSync("umount", ["-l", directory])); // Before the directory is removed.
  directory = temporaryDirectory(t);
  assert.ok(mount(directory, 64));
  const ballast = join(directory, "ballast");
  writeFileSync(ballast, Buffer.alloc(20 * mebibyte, 1));
  return { dataDir: join(directory, "data"), ballast };
}

function freeMebibytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return (bavail * bsize) / mebibyte;
}

interface Health {
  readonly status: number;
  readonly readOnlyPartitions: readonly string[];
  readonly disk: { readonly full: boolean };
}

async function health(server: ServerProcess): Promise<Health> {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/health`);
  return { ...((await response.json()) as Omit<Health, "status">), status: response.status };
}

async function call(server: ServerProcess, method: string, params: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${server.listeners.http.port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function depthOf(server: ServerProcess): Promise<number> {
  const { result } = (await call(server, "channel.list", { log })) as unknown as {
    result: { channels: { channel: string; depth: number }[] };
  };
  return result.channels[0]!.depth;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  for (let waitedMs = 0; !(await isSo()); waitedMs += 50) {
    assert.ok(waitedMs < withinMs, `not so after ${withinMs} ms: ${what}`);
    await sleep(50);
  }
}

for (const [title, floor] of [
  ["at the floor of free space", 8],
  ["at its last byte", 0],
] as const)
  test(`refuses ${title}, saves progress meanwhile, and goes on when there is room`, {
    skip,
    timeout: 120_000,
  }, async (t) => {
    const { dataDir, ballast } = smallDisk(t);
    const flags = [...flagsFor(floor), "--log-format=json"];
    const server = await startServer({ dataDir, flags });
    t.after(() => server.kill());
    const chance = seededChance();
    t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
    const ledger = new MessageLedger();
    await call(server, "log.create", { log });
    await call(server, "channel.create", { log, channel: "workers" });
    await until("there is a reserve", () => existsSync(join(dataDir, "reserve")));
    const start = (suffix: string, pauseMsMax: number) =>
      through.map(
        (door) =>
          new Producer({
            server,
            door,
            log,
            chance,
            run: ledger.run(`${door.name}${suffix}`),
            messageSizeMax: 8000,
            pauseMsMax,
          }),
      );
    const producers = start("", 0);
    await Promise.all(producers.map((producer) => producer.untilRefused()));
    for (const producer of producers) producer.close();
    for (const { name, refusals } of ledger.runs.values())
      assert.notEqual(refusals.length, 0, `${name} was told nothing`);
    t.diagnostic(
      [...ledger.runs.values()].map((run) => `${run.name}: ${run.acknowledged}, ${run.refusals}`).join("\n"),
    );
    const full = await health(server);
    assert.deepEqual([full.status, full.readOnlyPartitions, full.disk.full], [503, [], true]);
    t.diagnostic(`${freeMebibytes(dataDir).toFixed(1)} MiB free when full`);
    if (floor > 0) assert.ok(freeMebibytes(dataDir) > floor / 2 && existsSync(join(dataDir, "reserve")));
    const { error } = await call(server, "produce", { log, records: [{ value: "" }] });
    assert.equal((error as { data: { code: string } }).data.code, "log.DISK_FULL");

    // With the floor off nothing but the reserve is left for this: more is saved than LevelDB's journal ever held.
    const worker = new ChannelWorker({ server, log, channel: "workers", ledger, chance, requeueOneIn: 0 });
    await until("everything is worked off", async () => (await depthOf(server)) === 0, 60_000);
    worker.close();
    await sleep(1500);
    assert.equal((await health(server)).disk.full, true);
    assert.doesNotMatch(server.output(), /takes no more writes/);

    rmSync(ballast);
    await until("there is room", async () => (await health(server)).status === 200);
    const again = start("-again", 20); // Slow enough for the room that there is.
    await sleep(300);
    await Promise.all(again.map((producer) => producer.finish()));
    for (const { name, refusals, acknowledged } of ledger.runs.values())
      if (name.endsWith("-again")) assert.deepEqual([name, refusals.length, acknowledged > 0], [name, 0, true]);
    const unfinished = await depthOf(server);
    assert.ok(unfinished > 0);
    await until("the reserve is there again", () => existsSync(join(dataDir, "reserve")));
    await server.kill();
    ledger.addStored(new StoredLog(dataDir, log).readOn());
    ledger.checkStored();
    const restarted = await startServer({ dataDir, flags });
    t.after(() => restarted.kill());
    assert.equal(await depthOf(restarted), unfinished, "progress was saved");
    assert.equal((await health(restarted)).status, 200);
    assert.equal(await restarted.stop(), 0, restarted.output());
  });

test("saves progress later when other programs leave no room for it either", { skip, timeout: 120_000 }, async (t) => {
  const { dataDir, ballast } = smallDisk(t);
  const flags = flagsFor(8);
  const server = await startServer({ dataDir, flags });
  t.after(() => server.kill());
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  const ledger = new MessageLedger();
  await call(server, "log.create", { log });
  await call(server, "channel.create", { log, channel: "workers" });
  await until("there is a reserve", () => existsSync(join(dataDir, "reserve")));
  const producer = new Producer({ server, door: doors.nsqMpub, log, chance, run: ledger.run("mpub") });
  await sleep(500);
  await producer.finish();
  for (const name of ["other", "another"]) {
    fillUp(`${ballast}-${name}`);
    if (name === "other") await until("the reserve is given up", () => !existsSync(join(dataDir, "reserve")));
  }
  // Beyond what LevelDB has of its files already, nothing can be written now.
  assert.equal(freeMebibytes(dataDir), 0);
  const worker = new ChannelWorker({ server, log, channel: "workers", ledger, chance, requeueOneIn: 0 });
  await until("everything is worked off", async () => (await depthOf(server)) === 0, 60_000);
  for (let i = 0; i < 100; i++) await call(server, "channel.pause", { log, channel: "workers" });
  worker.close();
  await until("that could not be saved", () => /channel progress could not be saved/.test(server.output()));
  t.diagnostic(server.output().split("\n").slice(-6).join("\n"));
  for (const name of ["", "-other", "-another"]) rmSync(`${ballast}${name}`);
  await until("there is room", async () => (await health(server)).status === 200);
  await sleep(1500);
  await server.kill();
  const restarted = await startServer({ dataDir, flags });
  t.after(() => restarted.kill());
  assert.equal(await depthOf(restarted), 0, "progress was saved");
});

/** Takes every byte that is left. */
function fillUp(path: string): void {
  const file = openSync(path, "w");
  try {
    for (let size = mebibyte; size >= 4096; size /= 16)
      for (;;)
        try {
          writeSync(file, Buffer.alloc(size, 1));
        } catch {
          break;
        }
  } finally {
    closeSync(file);
  }
}

function flagsFor(floorMebibytes: number): string[] {
  return [`--disk-free-min=${floorMebibytes}MiB`, "--disk-reserve=6MiB", "--log-segment-size=1MiB"];
}
