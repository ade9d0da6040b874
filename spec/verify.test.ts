/** `polylog verify` on directories that a real server made. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { MqttClient } from "./mqtt-client.ts";

const command = fileURLToPath(new URL("../../packages/server/bin/polylog.js", import.meta.url));

interface VerifiedChannel {
  readonly channel: string;
  readonly floor: number;
  readonly faults: readonly { code: string }[];
}

interface Document {
  readonly usedBy?: number;
  readonly partitions: {
    log: string;
    offsetNext: number;
    batchCount: number;
    link: string;
    tailBytes: number;
    segments: { file: string; sealed: boolean }[];
    faults: { code: string; file: string; position: number; offsetFirst: number }[];
  }[];
  readonly sessions?: { offsetNext: number; faults: { code: string; file: string }[] };
  readonly delayed?: { offsetNext: number; faults: { code: string; file: string }[] };
  readonly state: { skipped?: string; channels: VerifiedChannel[]; delayed?: VerifiedChannel };
  readonly faultCount: number;
}

function verify(dataDir: string, ...flags: string[]) {
  const args = [command, "verify", `--data-dir=${dataDir}`, ...flags];
  return spawnSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 });
}

function verifyJson(dataDir: string): { status: number | null; document: Document } {
  const { status, stdout, stderr } = verify(dataDir, "--json");
  assert.equal(stderr, "");
  return { status, document: JSON.parse(stdout) as Document };
}

/** 60 records of 300 bytes in the log `orders`, in several segments, and a channel. */
async function filledDirectory(
  t: TestContext,
): Promise<{ dataDir: string; server: Awaited<ReturnType<typeof startServer>> }> {
  const dataDir = temporaryDirectory(t);
  const server = await startServer({ dataDir, flags: ["--log-segment-size=4KiB"] });
  t.after(() => server.kill());
  const base = `http://127.0.0.1:${server.listeners.nsqHttp.port}`;
  await fetch(`${base}/topic/create?topic=orders`, { method: "POST" });
  await fetch(`${base}/channel/create?topic=orders&channel=workers`, { method: "POST" });
  for (let i = 0; i < 60; i++)
    await fetch(`${base}/pub?topic=orders`, { method: "POST", body: `${i} ${"x".repeat(300)}` });
  return { dataDir, server };
}

async function stoppedDirectory(t: TestContext): Promise<{ dataDir: string; segments: string[] }> {
  const { dataDir, server } = await filledDirectory(t);
  assert.equal(await server.stop(), 0);
  return { dataDir, segments: segmentsOf(dataDir) };
}

function segmentsOf(dataDir: string): string[] {
  const directory = join(dataDir, "logs", "orders", "0");
  const names = readdirSync(directory).filter((name) => name.endsWith(".log"));
  return names.sort().map((name) => join(directory, name));
}

/** Every file's path, time and content. */
function fingerprint(directory: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()) {
    const path = join(directory, name);
    const { mtimeMs } = statSync(path);
    hash.update(`${name} ${mtimeMs} `).update(statSync(path).isFile() ? readFileSync(path) : "");
  }
  return hash.digest("hex");
}

function flipBit(path: string, position: number): void {
  const byte = readFileSync(path)[position]! ^ 1;
  writeSync(openSync(path, "r+"), Buffer.of(byte), 0, 1, position);
}

test("finds nothing wrong after a clean stop and changes nothing", async (t) => {
  const { dataDir, segments } = await stoppedDirectory(t);
  const before = fingerprint(dataDir);
  const { status, document } = verifyJson(dataDir);
  assert.equal(status, 0);
  assert.equal(document.faultCount, 0);
  const [orders] = document.partitions;
  assert.equal(orders!.offsetNext, 60);
  assert.equal(orders!.segments.length, segments.length);
  assert.match(orders!.link, /^[0-9a-f]{64}$/);
  assert.deepEqual(
    document.state.channels.map(({ channel, floor }) => ({ channel, floor })),
    [{ channel: "workers", floor: 0 }],
  );
  const text = verify(dataDir);
  assert.match(text.stdout, /^orders\/0: offsets 0 to before 60, 60 batches in \d+ segments/m);
  assert.ok(text.stdout.includes(`last link ${orders!.link}`));
  assert.match(text.stdout, /No faults\.\n$/);
  assert.equal(fingerprint(dataDir), before);
});

test("names file, byte and offsets of damage", async (t) => {
  const { dataDir, segments } = await stoppedDirectory(t);
  const at = readFileSync(segments[1]!).indexOf("PLB1", 200);
  flipBit(segments[1]!, at + 100);
  const { status, document } = verifyJson(dataDir);
  assert.equal(status, 4);
  const [fault] = document.partitions[0]!.faults;
  assert.equal(fault!.code, "log.CORRUPT_BATCH");
  assert.equal(fault!.position, at);
  assert.ok(segments[1]!.endsWith(fault!.file));
  assert.match(verify(dataDir).stdout, /FAULT log\.CORRUPT_BATCH: .*at byte \d+/);
});

test("looks at the log of the MQTT sessions", async (t) => {
  const { dataDir } = await stoppedDirectory(t);
  assert.deepEqual(verifyJson(dataDir).document.sessions?.faults, []);
  assert.match(verify(dataDir).stdout, /^MQTT sessions, sessions\/0: offsets 0 to before 0, /m);
  const file = "00000000000000000000.log";
  flipBit(join(dataDir, "sessions", "0", file), 20);
  const { status, document } = verifyJson(dataDir);
  assert.deepEqual([status, document.faultCount], [4, 1]);
  assert.deepEqual(
    [document.sessions?.faults[0]?.code, document.sessions?.faults[0]?.file],
    ["log.CORRUPT_SEGMENT", file],
  );
  assert.equal(verify(dataDir, "--log=orders").status, 0);
});

test("looks at the delayed MQTT messages and how far they are", async (t) => {
  const { dataDir, server } = await filledDirectory(t);
  const client = new MqttClient(server.listeners.mqtt.port);
  await client.connect("publisher");
  for (let i = 0; i < 3; i++) await client.publish(`$delayed/3600/later/${i}`, "x");
  assert.equal(await server.stop(), 0);
  const { status, stdout } = verify(dataDir);
  assert.equal(status, 0);
  assert.match(stdout, /^delayed MQTT messages, deferred\/0: offsets 0 to before 3, /m);
  assert.match(stdout, /^delayed MQTT messages, channel deferred\/0 due: .*, 3 unfinished$/m);
  const file = readdirSync(join(dataDir, "delayed", "0")).find((name) => name.endsWith(".log"))!;
  flipBit(join(dataDir, "delayed", "0", file), 20);
  const damaged = verifyJson(dataDir);
  assert.equal(damaged.status, 4);
  assert.equal(damaged.document.delayed?.faults[0]?.code, "log.CORRUPT_SEGMENT");
  rmSync(join(dataDir, "delayed", "0"), { recursive: true });
  const { state } = verifyJson(dataDir).document;
  assert.equal(state.delayed?.faults[0]?.code, "broker.CHANNEL_WITHOUT_LOG");
});

test("takes the torn end of a killed server for no damage", async (t) => {
  const { dataDir, server } = await filledDirectory(t);
  await server.kill();
  const newest = segmentsOf(dataDir).at(-1)!;
  appendFileSync(newest, readFileSync(segmentsOf(dataDir)[0]!).subarray(96, 200));
  const { status, document } = verifyJson(dataDir);
  assert.equal(status, 0, JSON.stringify(document));
  assert.equal(document.partitions[0]!.tailBytes, 104);
});

test("misses a segment, and a partition without one", async (t) => {
  const { dataDir, segments } = await stoppedDirectory(t);
  rmSync(segments[1]!);
  assert.equal(verifyJson(dataDir).document.partitions[0]!.faults[0]!.code, "log.OFFSETS_MISSING");
  for (const segment of segmentsOf(dataDir)) rmSync(segment);
  assert.equal(verifyJson(dataDir).document.partitions[0]!.faults[0]!.code, "log.PARTITION_MISSING");
});

test("sees a channel that stands outside of its log", async (t) => {
  const { dataDir, server } = await filledDirectory(t);
  const rpc = {
    jsonrpc: "2.0",
    id: 1,
    method: "channel.seek",
    params: { log: "orders", channel: "workers", from: "latest" },
  };
  const url = `http://127.0.0.1:${server.listeners.http.port}/rpc`;
  const headers = { "content-type": "application/json" };
  const answer = await (await fetch(url, { method: "POST", headers, body: JSON.stringify(rpc) })).text();
  assert.ok(!answer.includes("error"), answer);
  assert.equal(await server.stop(), 0);
  for (const segment of segmentsOf(dataDir).slice(2)) rmSync(segment);
  const { status, document } = verifyJson(dataDir);
  assert.equal(status, 4);
  assert.equal(document.state.channels[0]!.faults[0]!.code, "broker.CHANNEL_OUTSIDE_LOG");
});

test("verifies the logs of a running server and says so", async (t) => {
  const { dataDir, server } = await filledDirectory(t);
  const { status, document } = verifyJson(dataDir);
  assert.equal(status, 0);
  assert.equal(document.usedBy, server.pid);
  assert.equal(document.partitions[0]!.offsetNext, 60);
  assert.equal(document.state.skipped, "a server uses it");
  assert.match(verify(dataDir).stdout, new RegExp(`^In use by process ${server.pid}`));
});

test("finds damage in small state", async (t) => {
  const { dataDir } = await stoppedDirectory(t);
  writeFileSync(join(dataDir, "state", "CURRENT"), "MANIFEST-000099\n");
  const { status, stdout } = verify(dataDir);
  assert.equal(status, 4);
  assert.match(stdout, /FAULT log\.STATE_/);
  assert.match(stdout, /^orders\/0: offsets 0 to before 60/m);
});

test("exits with 2 for what is no data directory or no log", async (t) => {
  const empty = verify(temporaryDirectory(t));
  assert.equal(empty.status, 2, empty.stdout);
  assert.match(empty.stderr, /is no data directory/);
  const { dataDir } = await stoppedDirectory(t);
  assert.equal(verify(dataDir, "--log=nothing").status, 2);
  assert.equal(verify(dataDir, "--log=orders").status, 0);
  assert.equal(verify(dataDir, "--lgo=orders").status, 2);
});

test("explains itself", () => {
  const { status, stdout } = spawnSync(process.execPath, [command, "verify", "--help"], { encoding: "utf8" });
  assert.equal(status, 0);
  for (const word of ["--data-dir", "--json", "last link", "Exit codes", ".torn"])
    assert.ok(stdout.includes(word), word);
});
