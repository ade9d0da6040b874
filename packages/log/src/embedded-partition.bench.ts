/**
 * What a partition costs on real files, next to `fs.writev` of the same bytes.
 *
 *     node packages/log/dist/partition.bench.js [--smoke] [--directory DIR]
 */

import { closeSync, mkdtempSync, openSync, rmSync, writev } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@polylog/base/clock";
import type { DurabilityWaiter } from "./durability.ts";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { RecordCursor } from "./record-cursor.ts";
import type { RecordFields } from "./rich-record.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { TailCache } from "./tail-cache.ts";

const valueSize = 200;
const batchCount = 100;
/** Batches of 100 that wait for their acknowledgement at a time, and that arrive in one turn of the loop. */
const outstandingMax = 512;
const arrivingMax = 32;

async function main(): Promise<void> {
  const smoke = process.argv.includes("--smoke");
  const given = process.argv.indexOf("--directory");
  const parent = given < 0 ? tmpdir() : process.argv[given + 1]!;
  const directory = mkdtempSync(join(parent, "polylog-bench-"));
  const batches = smoke ? 20 : 20_000;
  try {
    const records = batches * batchCount;
    const bareLarge = await bareWrites(join(directory, "bare-1m"), batches, 50);
    print("bare fs.writev, 1 MiB each", records, bareLarge);
    const bare = await bareWrites(join(directory, "bare-20k"), batches, 1);
    print("bare fs.writev, 100 records each", records, bare);
    const barePieces = await bareWrites(join(directory, "bare-turn"), batches, arrivingMax);
    print("bare fs.writev, a turn's records each, as the log writes them", records, barePieces);
    const framed = await appendFramed(directory, batches);
    print("appendFramed, 100 records, written", records, framed, bare, barePieces, bareLarge);
    const produced = await appendProduced(directory, batches);
    print("appendProduced, 100 records a call, written", records, produced, bare, barePieces, bareLarge);
    const single = await appendSingles(directory, "values", records, undefined);
    print("appendValue, written", records, single, bare, barePieces, bareLarge);
    const topic = await appendSingles(directory, "topics", records, Buffer.from("site/1/sensor/2/temp"));
    print("appendTopicValue, written", records, topic, bare, barePieces, bareLarge);
    const syncs = smoke ? 5 : 1000;
    print("appendValue, synced, 1 waiting", syncs, await appendSynced(directory, "synced-1", syncs, 1));
    print("appendValue, synced, 64 waiting", syncs * 64, await appendSynced(directory, "synced-64", syncs * 64, 64));
    for (const name of ["framed", "produced", "topics"]) {
      const read = await readAll(directory, name);
      print(`sequential read of ${name}, page cache`, read.records, read.seconds);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function print(what: string, count: number, seconds: number, ...bare: number[]): void {
  const rate = Math.round(count / seconds).toLocaleString("en");
  const [small, pieces, large] = bare.map((each) => Math.round((each / seconds) * 100));
  const ofBare = small === undefined ? "" : `, ${small} % of writev by 100, ${pieces} % by turn, ${large} % by 1 MiB`;
  process.stdout.write(
    `${what}: ${rate} records/s, ${Math.round((count * valueSize) / seconds / 1e6)} MB/s${ofBare}\n`,
  );
}

function frames(): Buffer {
  const bytes = Buffer.alloc(batchCount * (4 + valueSize), 120);
  for (let at = 0; at < bytes.length; at += 4 + valueSize) bytes.writeUInt32BE(valueSize, at);
  return bytes;
}

/** Writes the same bytes without a log, `parts` times 100 framed records each; returns seconds. */
async function bareWrites(path: string, batches: number, parts: number): Promise<number> {
  const fd = openSync(path, "w");
  const block = Buffer.concat(new Array<Buffer>(parts).fill(frames()));
  const startMs = performance.now();
  for (let done = 0, position = 0; done < batches; done += parts) {
    await new Promise<void>((resolve, reject) => {
      writev(fd, [block], position, (error) => (error === null ? resolve() : reject(error)));
    });
    position += block.length;
  }
  const seconds = (performance.now() - startMs) / 1000;
  closeSync(fd);
  return seconds;
}

async function openPartition(directory: string, name: string): Promise<EmbeddedPartition> {
  const partition = new EmbeddedPartition({
    log: name,
    number: 0,
    storage: new FileStorage(directory),
    directory: name,
    clock: systemClock,
    cache: new TailCache(),
  });
  await partition.open();
  return partition;
}

/** Keeps up to `waitingMax` appends waiting until `count` were acknowledged, `turnMax` new ones per turn; returns seconds. */
function drive(
  partition: EmbeddedPartition,
  count: number,
  waitingMax: number,
  turnMax: number,
  level: "written" | "synced",
  append: () => number,
): Promise<number> {
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    let appended = 0;
    let acknowledged = 0;
    let scheduled = false;
    const fill = (): void => {
      scheduled = false;
      const until = Math.min(count, acknowledged + waitingMax, appended + turnMax);
      while (appended < until && !partition.saturated) {
        const endOffset = append();
        appended++;
        partition.whenDurable(endOffset, level, waiter, 0);
      }
      if (appended < count && appended - acknowledged < waitingMax && !partition.saturated) schedule();
    };
    const schedule = (): void => {
      if (scheduled) return;
      scheduled = true;
      setImmediate(fill);
    };
    const waiter: DurabilityWaiter = {
      onDurable: (_token, error) => {
        if (error !== undefined) return reject(error);
        if (++acknowledged === count) return resolve((performance.now() - startMs) / 1000);
        schedule();
      },
    };
    fill();
  });
}

async function appendFramed(directory: string, batches: number): Promise<number> {
  const partition = await openPartition(directory, "framed");
  const bytes = frames();
  const seconds = await drive(partition, batches, outstandingMax, arrivingMax, "written", () => {
    return partition.appendFramed(bytes, 0, bytes.length, batchCount) + batchCount;
  });
  await partition.close();
  return seconds;
}

async function appendProduced(directory: string, batches: number): Promise<number> {
  const partition = await openPartition(directory, "produced");
  const value = Buffer.alloc(valueSize, 120);
  const records = new Array<RecordFields>(batchCount).fill({ value });
  let sequence = 0;
  const seconds = await drive(partition, batches, outstandingMax, arrivingMax, "written", () => {
    const { baseOffset } = partition.appendProduced({ id: "bench", epoch: 1, sequence }, records);
    sequence += batchCount;
    return baseOffset + batchCount;
  });
  await partition.close();
  return seconds;
}

async function appendSingles(
  directory: string,
  name: string,
  count: number,
  topic: Uint8Array | undefined,
): Promise<number> {
  const partition = await openPartition(directory, name);
  const bytes = Buffer.alloc(64 * 1024, 120);
  const [waitingMax, turnMax] = [outstandingMax * batchCount, arrivingMax * batchCount];
  const seconds = await drive(partition, count, waitingMax, turnMax, "written", () => {
    if (topic === undefined) return partition.appendValue(bytes, 100, 100 + valueSize) + 1;
    return partition.appendTopicValue(topic, bytes, 100, 100 + valueSize) + 1;
  });
  await partition.close();
  return seconds;
}

async function appendSynced(directory: string, name: string, count: number, waiting: number): Promise<number> {
  const partition = await openPartition(directory, name);
  const bytes = Buffer.alloc(valueSize, 120);
  const seconds = await drive(partition, count, waiting, waiting, "synced", () => {
    return partition.appendValue(bytes, 0, bytes.length) + 1;
  });
  await partition.close();
  return seconds;
}

async function readAll(directory: string, name: string): Promise<{ records: number; seconds: number }> {
  const partition = await openPartition(directory, name);
  const cursor = new RecordCursor();
  const startMs = performance.now();
  let records = 0;
  let bytes = 0;
  for (let offset = 0; ; ) {
    const chunk = await partition.readChunk(offset, 1024 * 1024);
    if (chunk === undefined) break;
    cursor.reset(chunk, offset);
    while (cursor.next()) {
      records++;
      bytes += cursor.valueEnd - cursor.valueStart;
    }
    offset = chunk.offsetNext;
  }
  const seconds = (performance.now() - startMs) / 1000;
  await partition.close();
  if (bytes !== records * valueSize) throw new Error(`${name}: read ${bytes} bytes in ${records} records`);
  return { records, seconds };
}

await main();
