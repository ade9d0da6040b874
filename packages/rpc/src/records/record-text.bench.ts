/**
 * What making records into JSON costs, per encoding: 1,000 records of 256 bytes as one answer of `consume`.
 *
 *     node packages/rpc/dist/records/record-text.bench.js [--smoke]
 */

import type { Chunk } from "@polylog/broker";
import { MemoryBroker } from "@polylog/broker/testing";
import { encodings } from "./encoding.ts";
import { chunkAt, RecordRun } from "./record-run.ts";

async function main(args: readonly string[]): Promise<void> {
  const [count, rounds] = args.includes("--smoke") ? [10, 1] : [1000, 300];
  const memory = await MemoryBroker.start();
  const log = memory.broker.catalog.create("bench");
  await memory.run();
  const value = Buffer.from(JSON.stringify({ device: "boiler 7", celsius: 61.5, note: "x".repeat(205) }));
  const partition = log.partitions[0]!;
  for (let i = 0; i < count; i++) log.appendRecord(partition, { value, key: Buffer.from(`device-${i}`) });
  await memory.run();
  const chunks: Chunk[] = [];
  for (let next = 0; next < count; next = chunks.at(-1)!.offsetNext)
    chunks.push((await chunkAt(partition, next, 1024 * 1024))!);
  const bounds = { recordsMax: count, bytesMax: 1024 * 1024 };
  for (const encoding of encodings) {
    let best = 0;
    for (let round = 0; round < rounds; round++) {
      const startedMs = performance.now();
      const records = new RecordRun(0, encoding, bounds);
      for (const chunk of chunks) while (records.take(chunk, partition.highWatermark));
      if (records.text().length === 0 || records.count !== count) throw new Error("records are missing");
      best = Math.max(best, count / (performance.now() - startedMs));
    }
    process.stdout.write(
      `${encoding.padEnd(8)} ${Math.round(best).toLocaleString("en").padStart(8)} thousand records/s\n`,
    );
  }
}

await main(process.argv.slice(2));
