/** Retention in a whole server: a slow NSQ consumer, small segments, more records than fit; then kill -9 in the middle. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, StoredLog, startServer, temporaryDirectory } from "@polylog/testkit";
import { callRpc } from "./json-rpc-client.ts";

const limit = 256 * 1024;
const flags = ["--log-segment-size=32KiB", `--log-retention-bytes=${limit}`];
const recordSize = 1000;

interface Description {
  readonly watermarks: readonly { readonly low: number; readonly high: number }[];
}

async function watermarks(server: ServerProcess, log: string): Promise<{ low: number; high: number }> {
  const { watermarks } = (await callRpc(server.listeners.http.port, "log.describe", { log })) as Description;
  const { low, high } = watermarks[0]!;
  return { low, high };
}

/** Values `from` … `to - 1`, as text of `recordSize` bytes. */
async function produce(server: ServerProcess, log: string, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 20) {
    const values = Array.from({ length: Math.min(20, to - at) }, (_, i) => `${at + i} `.padEnd(recordSize, "x"));
    const { port } = server.listeners.nsqHttp;
    const response = await fetch(`http://127.0.0.1:${port}/mpub?topic=${log}`, {
      method: "POST",
      body: values.join("\n"),
    });
    assert.equal(await response.text(), "OK");
  }
}

/** The value of a series of /metrics. */
async function metric(server: ServerProcess, name: string, log: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.listeners.http.port}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name}{log="${log}"`));
  assert.ok(line !== undefined, `${name} of ${log}`);
  return Number(line.slice(line.lastIndexOf(" ") + 1));
}

function diskBytes(dataDir: string, log: string): number {
  const directory = join(dataDir, "logs", log, "0");
  const names = readdirSync(directory).filter((name) => name.endsWith(".log"));
  return names.reduce((sum, name) => sum + sizeOf(join(directory, name)), 0);
}

/** 0 when it has gone meanwhile. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Files go a moment after the low watermark has risen. */
async function untilSmall(dataDir: string, log: string): Promise<void> {
  for (let tries = 0; diskBytes(dataDir, log) > limit + 32 * 1024; tries++) {
    assert.ok(tries < 100, `${diskBytes(dataDir, log)} bytes`);
    await sleep(50);
  }
}

/** An NSQ consumer that finishes what it has only when it is told to. */
class SlowConsumer {
  readonly #socket: Socket;
  readonly #held: string[] = [];
  /** The number at the start of each value, in order of arrival. */
  readonly numbers: number[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #wake = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => this.#onChunk(chunk));
  }

  static async start(server: ServerProcess, log: string, readyCount: number): Promise<SlowConsumer> {
    const socket = connect(server.listeners.nsqTcp.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(`  V2SUB ${log} workers\nRDY ${readyCount}\n`);
    return new SlowConsumer(socket);
  }

  #onChunk(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (; bytes.length - at >= 4 && bytes.length - at - 4 >= bytes.readUInt32BE(at); ) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (bytes.readUInt32BE(at + 4) === 2) {
        this.#held.push(bytes.toString("latin1", at + 18, at + 34));
        this.numbers.push(Number.parseInt(bytes.toString("latin1", at + 34, end), 10));
      } else if (bytes.toString("latin1", at + 8, end) === "_heartbeat_") this.#socket.write("NOP\n");
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.#wake();
  }

  async finishUntil(condition: () => boolean): Promise<void> {
    for (;;) {
      const answers = this.#held.splice(0).map((id) => `FIN ${id}\n`);
      if (answers.length > 0) this.#socket.write(answers.join(""));
      if (condition()) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function start(t: TestContext, dataDir: string, more: readonly string[] = []): Promise<ServerProcess> {
  const server = await startServer({ dataDir, flags: [...flags, ...more] });
  t.after(() => server.kill());
  return server;
}

test("keeps what a slow consumer needs, and removes it afterwards", { timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await start(t, dataDir);
  const consumer = await SlowConsumer.start(server, "orders", 5);
  await produce(server, "orders", 0, 1000);
  await consumer.until(() => consumer.numbers.length === 5);
  assert.deepEqual(await watermarks(server, "orders"), { low: 0, high: 1000 });
  assert.ok(diskBytes(dataDir, "orders") > 1000 * recordSize);
  assert.ok((await metric(server, "polylog_partition_retention_held_bytes", "orders")) > limit);
  assert.match(server.output(), /records stay beyond the limits of retention/);
  await consumer.finishUntil(() => consumer.numbers.length === 1000);
  assert.deepEqual(consumer.numbers, [...consumer.numbers.keys()]);
  await sleep(500); // Progress is saved after 100 ms, and only what is saved counts.
  await produce(server, "orders", 1000, 1050);
  await untilSmall(dataDir, "orders");
  assert.equal(await metric(server, "polylog_channel_dropped_records_total", "orders"), 0);
  consumer.close();
});

test("drops what a slow consumer misses, when told to, and counts it", { timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await start(t, dataDir, ["--log-retention-unfinished=drop"]);
  const consumer = await SlowConsumer.start(server, "orders", 5);
  await produce(server, "orders", 0, 1000);
  await consumer.until(() => consumer.numbers.length === 5);
  const { low } = await watermarks(server, "orders");
  assert.ok(low > 600 && low < 900, `${low}`);
  await untilSmall(dataDir, "orders");
  assert.equal(await metric(server, "polylog_channel_dropped_records_total", "orders"), low - 5);
  assert.match(server.output(), /records were removed that a channel had not finished/);
  await consumer.finishUntil(() => consumer.numbers.at(-1) === 999);
  assert.deepEqual(
    consumer.numbers.slice(5),
    Array.from({ length: 1000 - low }, (_, i) => low + i),
  );
  consumer.close();
});

test("loses nothing that a consumer needs to kill -9", { timeout: 120_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const seen = new Set<number>();
  let produced = 0;
  for (let round = 0; round < 5; round++) {
    const server = await start(t, dataDir, ["--log-sync-interval=20ms"]);
    const consumer = await SlowConsumer.start(server, "orders", 20);
    const wanted = consumer.numbers.length + 150;
    const consumed = consumer.finishUntil(() => consumer.numbers.length >= wanted);
    await produce(server, "orders", produced, produced + 200);
    produced += 200;
    await Promise.race([consumed, sleep(3000)]);
    await sleep(round * 40); // Sometimes before the progress is saved, sometimes after.
    await server.kill();
    consumer.close();
    for (const number of consumer.numbers) seen.add(number);
    const stored = new StoredLog(dataDir, "orders");
    const records = stored.readOn();
    assert.equal(stored.offsetNext, produced);
    // What was removed from the front has been delivered before.
    for (let offset = 0; offset < records[0]!.offset; offset++) assert.ok(seen.has(offset), `${offset} was removed`);
  }
  const server = await start(t, dataDir);
  const consumer = await SlowConsumer.start(server, "orders", 100);
  await consumer.finishUntil(() => consumer.numbers.at(-1) === produced - 1);
  for (const number of consumer.numbers) seen.add(number);
  assert.equal(seen.size, produced);
  assert.equal(await metric(server, "polylog_channel_dropped_records_total", "orders"), 0);
  assert.equal(await metric(server, "polylog_channel_clamped_total", "orders"), 0);
  assert.ok((await watermarks(server, "orders")).low > 0);
  consumer.close();
});

test("gives the disk back when a log is emptied", { timeout: 60_000 }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const server = await start(t, dataDir, ["--log-retention-bytes=0"]);
  await produce(server, "orders", 0, 500);
  await callRpc(server.listeners.http.port, "log.empty", { log: "orders" });
  assert.ok(diskBytes(dataDir, "orders") < 1000);
  assert.deepEqual(await watermarks(server, "orders"), { low: 500, high: 500 });
  await produce(server, "orders", 500, 510);
  await server.kill();
  const again = await start(t, dataDir);
  assert.deepEqual(await watermarks(again, "orders"), { low: 500, high: 510 });
});
