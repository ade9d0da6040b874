/**
 * What zeros ahead of the end of a segment gain at level `synced`: two partitions on real files, one with and one without,
 * in turns of a hundred syncs, so that both meet the same disk. Prints medians of the turns, and of the ratios of each turn.
 *
 *     node packages/log/dist/zero-ahead.bench.js [--smoke] [--directory DIR]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@polylog/base/clock";
import type { DurabilityWaiter } from "./durability.ts";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { TailCache } from "./tail-cache.ts";

/** `turns`: enough for some steps of zeros. */
const cases = [
  { waiting: 1, valueSize: 200, turns: 60, syncs: 100 },
  { waiting: 64, valueSize: 200, turns: 60, syncs: 100 },
  { waiting: 1, valueSize: 4096, turns: 60, syncs: 100 },
  { waiting: 1, valueSize: 65_536, turns: 30, syncs: 50 },
];

interface Turn {
  /** Records per second. */
  readonly rate: number;
  /** Of each record, ascending. */
  readonly latenciesMs: Float64Array;
}

async function main(): Promise<void> {
  const smoke = process.argv.includes("--smoke");
  const given = process.argv.indexOf("--directory");
  const directory = mkdtempSync(join(given < 0 ? tmpdir() : process.argv[given + 1]!, "polylog-bench-"));
  try {
    for (const [at, { waiting, valueSize, turns, syncs }] of cases.entries()) {
      const growing = await openPartition(directory, `growing-${at}`, 0);
      const zeros = await openPartition(directory, `zeros-${at}`, undefined);
      const count = waiting * (smoke ? 10 : syncs);
      const [without, withZeros]: [Turn[], Turn[]] = [[], []];
      for (let turn = 0; turn < (smoke ? 2 : turns); turn++) {
        const pairs: [EmbeddedPartition, Turn[]][] = [
          [growing, without],
          [zeros, withZeros],
        ];
        if (turn % 2 === 1) pairs.reverse();
        for (const [partition, done] of pairs) done.push(await run(partition, count, waiting, valueSize));
      }
      await growing.close();
      await zeros.close();
      print(`${waiting} waiting, ${valueSize} bytes, growing`, without, without);
      print(`${waiting} waiting, ${valueSize} bytes, over zeros`, withZeros, without);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function openPartition(directory: string, name: string, size: number | undefined): Promise<EmbeddedPartition> {
  const partition = new EmbeddedPartition({
    log: name,
    number: 0,
    storage: new FileStorage(directory),
    directory: name,
    clock: systemClock,
    cache: new TailCache(),
    zeroAhead: size === undefined ? {} : { size },
  });
  await partition.open();
  return partition;
}

/** Keeps `waiting` appends waiting until `count` were acknowledged. */
async function run(partition: EmbeddedPartition, count: number, waiting: number, valueSize: number): Promise<Turn> {
  const value = Buffer.alloc(valueSize, 120);
  const latenciesMs = new Float64Array(count);
  const startMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    let appended = 0;
    let acknowledged = 0;
    const append = (): void => {
      latenciesMs[appended] = -performance.now();
      const end = partition.appendValue(value, 0, valueSize) + 1;
      partition.whenDurable(end, "synced", waiter, appended++);
    };
    const waiter: DurabilityWaiter = {
      onDurable: (token, error) => {
        if (error !== undefined) return reject(error);
        latenciesMs[token]! += performance.now();
        if (++acknowledged === count) resolve();
        else if (appended < count) setImmediate(append);
      },
    };
    for (let i = 0; i < waiting; i++) append();
  });
  return { rate: (count / (performance.now() - startMs)) * 1000, latenciesMs: latenciesMs.sort() };
}

function print(what: string, turns: readonly Turn[], growing: readonly Turn[]): void {
  const rate = Math.round(median(turns.map((turn) => turn.rate))).toLocaleString("en");
  const ratio = median(turns.map((turn, at) => turn.rate / growing[at]!.rate)).toFixed(2);
  const [p50, p99] = [0.5, 0.99].map((part) =>
    median(turns.map(({ latenciesMs }) => latenciesMs[Math.floor(latenciesMs.length * part)]!)).toFixed(3),
  );
  process.stdout.write(`${what}: ${rate} records/s, ${ratio} of growing, p50 ${p50} ms, p99 ${p99} ms\n`);
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1]!;
}

await main();
