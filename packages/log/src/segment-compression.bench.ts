/**
 * What compressing the segments of a log of JSON telemetry saves, and what reading it costs, next to the same log as it
 * was written. Reads come from the page cache, so the file system has no part in the difference.
 *
 *     node packages/log/dist/segment-compression.bench.js [--smoke] [--directory DIR]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@polylog/base/clock";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { RecordCursor } from "./record-cursor.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { TailCache } from "./tail-cache.ts";

const rounds = 5;

async function main(): Promise<void> {
  const smoke = process.argv.includes("--smoke");
  const given = process.argv.indexOf("--directory");
  const directory = mkdtempSync(join(given < 0 ? tmpdir() : process.argv[given + 1]!, "polylog-bench-"));
  const records = smoke ? 3000 : 1_000_000;
  try {
    const storage = new FileStorage(directory);
    const plain = await fill(storage, "plain", records, smoke);
    const small = await fill(storage, "small", records, smoke);
    const saved = await compressAll(small);
    const rates = { plain: [] as number[], small: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      rates.plain.push(await readAll(plain, records));
      rates.small.push(await readAll(small, records));
    }
    const [asWritten, compressed] = [median(rates.plain), median(rates.small)];
    print(
      `compressing: ${Math.round(saved.size / saved.seconds / 1e6)} MB/s to 1 / ${(saved.size / saved.storedSize).toFixed(2)}`,
    );
    print(`sequential read as written: ${Math.round(asWritten).toLocaleString("en")} records/s`);
    print(
      `sequential read of lz4: ${Math.round(compressed).toLocaleString("en")} records/s, ${Math.round((100 * compressed) / asWritten)} %`,
    );
    await plain.close();
    await small.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function fill(storage: FileStorage, name: string, records: number, smoke: boolean): Promise<EmbeddedPartition> {
  const segmentSizeMax = smoke ? 100_000 : 16 * 1024 * 1024;
  const cache = new TailCache(1);
  const partition = new EmbeddedPartition({
    log: name,
    number: 0,
    storage,
    directory: name,
    clock: systemClock,
    cache,
    segmentSizeMax,
  });
  await partition.open();
  for (let i = 0; i < records; i++) {
    const reading = {
      device: `device-${i % 500}`,
      sequence: i,
      celsius: 20 + ((i * 37) % 977) / 100,
      humidity: (i * 13) % 101,
    };
    const value = Buffer.from(
      JSON.stringify({ ...reading, status: i % 50 === 0 ? "warning" : "ok", room: `room-${i % 40}` }),
    );
    partition.appendValue(value, 0, value.length);
    if (i % 1000 === 999)
      await new Promise<void>((resolve) => partition.whenDurable(i + 1, "written", { onDurable: () => resolve() }, 0));
  }
  await partition.sync();
  return partition;
}

async function compressAll(
  partition: EmbeddedPartition,
): Promise<{ size: number; storedSize: number; seconds: number }> {
  const startMs = performance.now();
  let [size, storedSize] = [0, 0];
  for (;;) {
    const report = await partition.compressNext(() => false);
    if (report?.result !== "compressed") break;
    size += report.size;
    storedSize += report.storedSize;
  }
  return { size, storedSize, seconds: (performance.now() - startMs) / 1000 };
}

/** Records per second. */
async function readAll(partition: EmbeddedPartition, records: number): Promise<number> {
  const cursor = new RecordCursor();
  const startMs = performance.now();
  let count = 0;
  for (let offset = 0; offset < records; ) {
    const chunk = (await partition.readChunk(offset, 1024 * 1024))!;
    cursor.reset(chunk, offset);
    while (cursor.next()) count++;
    offset = chunk.offsetNext;
  }
  if (count !== records) throw new Error(`${count} records read instead of ${records}`);
  return count / ((performance.now() - startMs) / 1000);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1]!;
}

await main();
