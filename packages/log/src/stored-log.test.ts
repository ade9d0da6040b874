/** What compaction and repair write, read by the crash tests' own parser, which shares no code with the log. */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "@polylog/base/clock";
import { StoredLog, temporaryDirectory } from "@polylog/testkit";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { repairPartition } from "./repair.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { TailCache } from "./tail-cache.ts";
import { readAll } from "./testing/partition-rig.ts";

async function open(dataDir: string): Promise<EmbeddedPartition> {
  const storage = new FileStorage(join(dataDir, "logs"));
  const options = { log: "orders", number: 0, storage, directory: "orders/0", segmentSizeMax: 8192 };
  const partition = new EmbeddedPartition({ ...options, clock: systemClock, cache: new TailCache() });
  await partition.open();
  return partition;
}

/** Compares what a fresh partition reads with what the parser reads. */
async function compare(dataDir: string): Promise<number> {
  const partition = await open(dataDir);
  const expected = (await readAll(partition)).map(({ offset, value }) => `${offset} ${value}`);
  const { highWatermark } = partition;
  await partition.close();
  const stored = new StoredLog(dataDir, "orders");
  const found = stored.readOn().map(({ offset, value }) => `${offset} ${value.toString("latin1")}`);
  assert.deepEqual(found, expected);
  assert.equal(stored.offsetNext, highWatermark);
  return found.length;
}

async function filled(context: TestContext): Promise<string> {
  const dataDir = temporaryDirectory(context);
  const partition = await open(dataDir);
  for (let i = 0; i < 200; i++) {
    const key = i % 4 === 0 ? {} : { key: Buffer.from(`k${i % 6}`) };
    partition.append({ value: Buffer.from(`${i} ${"v".repeat(200)}`), ...key });
    if (i % 5 === 0) await partition.sync();
    if (i % 10 === 0)
      partition.appendProduced({ id: "p", epoch: 1, sequence: i / 10 }, [{ value: Buffer.from(`${i}`), ...key }]);
  }
  await partition.sync();
  await partition.compactor.run({
    clock: { ...systemClock, monotonicMs: () => 0 }, // It makes no pause then, during which nothing would keep the process.
    tombstoneRetentionMs: 0,
    neededFrom: () => Number.POSITIVE_INFINITY,
    isEnding: () => false,
  });
  await partition.close();
  return dataDir;
}

test("a compacted partition is read alike by another parser", async (context) => {
  const count = await compare(await filled(context));
  assert.ok(count > 50 && count < 100, `${count}`);
});

test("a compacted and then compressed partition is read alike by another parser", async (context) => {
  const dataDir = await filled(context);
  const before = await compare(dataDir);
  const partition = await open(dataDir);
  let count = 0;
  while ((await partition.compressNext(() => false)) !== undefined) count++;
  await partition.close();
  assert.ok(count > 2, `${count}`);
  assert.equal(await compare(dataDir), before);
});

test("a repaired partition is read alike by another parser", async (context) => {
  const dataDir = await filled(context);
  const before = await compare(dataDir);
  const path = join(dataDir, "logs/orders/0/00000000000000000000.log");
  const bytes = await readFile(path);
  bytes[400]! ^= 1;
  await writeFile(path, bytes);
  const storage = new FileStorage(join(dataDir, "logs"));
  const options = { apply: true, nowMs: 1 };
  const report = await repairPartition(storage, "orders/0", { log: "orders", partition: 0 }, options);
  assert.deepEqual([report.actions.length, report.faults.length], [1, 0]);
  const after = await compare(dataDir);
  assert.ok(after < before, `${after} of ${before}`);
});
