/**
 * What somebody who reads a large log from its start takes from everybody else. Live work is a flood of PUBs on one
 * connection, 512 outstanding, and a message every other millisecond that is timed from producer to consumer; it runs in
 * turn with and without a reader, who is a thread of his own. So does the timed message without the flood, which
 * also gives the reader's speed when he is nearly alone. He takes CPU on whatever he reads: in the third part of a round he reads the
 * same from a second server, which shares the machine with the first and nothing else.
 *
 * On a machine that others use too, look at the PUBs per millisecond of CPU that the server's event loop got: that is what it would
 * do on a core of its own.
 *
 *     npm run bench -- old-reader                       1 GB in records of 16 KiB
 *     OLD_READER_GIGABYTES=4 OLD_READER_FLAGS=--log-compression=lz4 npm run bench -- old-reader
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { type ServerProcess, startServer } from "@polylog/testkit";
import { appendLarge, largeRecordSize } from "./large-log.ts";
import { type LiveLoad, runLiveLoad } from "./live-load.ts";
import { type OldReaderTask, oldReaders } from "./old-readers.ts";

const smoke = process.argv.includes("--smoke");
const gigabytes = smoke ? 0.002 : Number(process.env["OLD_READER_GIGABYTES"] ?? 1);
/** Short and many: a busy neighbour is there in both halves of a round, or the round is an outlier. */
const windowMs = smoke ? 200 : 400;
const rounds = smoke ? 1 : 15;
const log = "old";

/** Live work, and what the server's event loop took for it. */
interface Window extends LiveLoad {
  /** CPU time of the server's main thread, in milliseconds; NaN where the system does not tell. */
  readonly loopMs: number;
  readonly pubCount: number;
}

/** One kind of live work, and what was measured in each round: alone, beside a reader of the same server, and of another one. */
interface Measured {
  readonly flood: boolean;
  readonly alone: Window[];
  readonly beside: Window[];
  readonly elsewhere: Window[];
  /** Bytes per second. */
  readonly readerRates: number[];
}

async function main(): Promise<void> {
  const servers = [await startFilled(), await startFilled()] as const;
  try {
    for (const reader of Object.keys(oldReaders) as OldReaderTask["reader"][]) await compareWith(servers, reader);
  } finally {
    for (const { server, dataDir } of servers) {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  }
}

interface FilledServer {
  readonly server: ServerProcess;
  readonly dataDir: string;
  readonly recordCount: number;
}

async function startFilled(): Promise<FilledServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-old-reader-"));
  const flags = ["--log-level=warn", ...(process.env["OLD_READER_FLAGS"] ?? "").split(" ").filter(Boolean)];
  const server = await startServer({ dataDir, flags });
  return { server, dataDir, recordCount: await appendLarge(server.listeners.nsqTcp.port, log, gigabytes * 1e9) };
}

async function compareWith(
  [filled, other]: readonly [FilledServer, FilledServer],
  reader: OldReaderTask["reader"],
): Promise<void> {
  const kinds = [true, false].map(
    (flood): Measured => ({ flood, alone: [], beside: [], elsewhere: [], readerRates: [] }),
  );
  for (let round = smoke ? 1 : 0; round <= rounds; round++) {
    for (const kind of kinds) {
      const alone = await measure(filled.server, kind.flood);
      const [beside, rate] = await whileRead(filled, reader, () => measure(filled.server, kind.flood));
      const [elsewhere] = await whileRead(other, reader, () => measure(filled.server, kind.flood));
      if (round === 0) continue; // What is not compiled yet is nobody's rate.
      kind.alone.push(alone);
      kind.beside.push(beside);
      kind.elsewhere.push(elsewhere);
      kind.readerRates.push(rate);
    }
  }
  print(reader, kinds);
}

/** What `measured` resolves with, and the reader's bytes per second meanwhile. */
async function whileRead(
  { server, recordCount }: FilledServer,
  reader: OldReaderTask["reader"],
  measured: () => Promise<Window>,
): Promise<[Window, number]> {
  const { nsqTcp, http } = server.listeners;
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const task: OldReaderTask = { reader, nsqPort: nsqTcp.port, httpPort: http.port, log, recordCount, progress };
  const thread = new Worker(new URL(import.meta.url), { workerData: task });
  await untilReading(progress);
  const [readBefore, startedAtMs] = [progress[0]!, performance.now()];
  const window = await measured();
  const bytes = (progress[0]! - readBefore) * largeRecordSize;
  const seconds = (performance.now() - startedAtMs) / 1000;
  await thread.terminate();
  return [window, bytes / seconds];
}

let run = 0;

/** In logs of its own, which are deleted afterwards. */
async function measure({ listeners, pid }: ServerProcess, flood: boolean): Promise<Window> {
  const topic = `live${run++}`;
  const [loopBeforeMs, startedAtMs] = [loopCpuMs(pid), performance.now()];
  const load = await runLiveLoad(listeners.nsqTcp.port, topic, windowMs, flood);
  const pubCount = load.pubsPerSecond * ((performance.now() - startedAtMs) / 1000);
  const loopMs = loopCpuMs(pid) - loopBeforeMs;
  for (const each of [topic, `${topic}.probe`])
    await fetch(`http://127.0.0.1:${listeners.nsqHttp.port}/topic/delete?topic=${each}`, { method: "POST" });
  return { ...load, loopMs, pubCount };
}

/** What the main thread of a process has had of the CPU; only Linux tells. */
function loopCpuMs(pid: number): number {
  const path = `/proc/${pid}/task/${pid}/schedstat`;
  return existsSync(path) ? Number(readFileSync(path, "utf8").split(" ")[0]) / 1e6 : Number.NaN;
}

async function untilReading(progress: Int32Array): Promise<void> {
  const before = progress[0]!;
  while (progress[0] === before) await new Promise((resolve) => setTimeout(resolve, 5));
}

function print(reader: string, kinds: readonly Measured[]): void {
  process.stdout.write(`A reader of old records (${reader}), median of ${rounds} interleaved rounds\n`);
  for (const kind of kinds) {
    process.stdout.write(`  ${kind.flood ? "live PUBs as fast as they are answered" : "a live message every 2 ms"}\n`);
    if (kind.flood) {
      line("PUBs, 1000/s", kind, (load) => load.pubsPerSecond / 1000);
      line("PUBs per loop ms", kind, (load) => load.pubCount / load.loopMs);
    }
    for (const percent of [50, 99])
      line(`latency p${percent}, ms`, kind, (load) => percentile(load.latenciesMs, percent));
    process.stdout.write(`    reader, MB/s ${(median(kind.readerRates) / 1e6).toFixed(0).padStart(28)}\n`);
  }
}

/** Ratios are medians of the rounds'. */
function line(name: string, { alone, beside, elsewhere }: Measured, of: (load: Window) => number): void {
  const figure = (title: string, loads: readonly Window[]): string => {
    const ratio = median(alone.map((load, round) => of(loads[round]!) / of(load)));
    return `    ${title} ${median(loads.map(of)).toFixed(2).padStart(8)} ${ratio.toFixed(2)} ×`;
  };
  process.stdout.write(
    `    ${name.padEnd(18)}alone ${median(alone.map(of)).toFixed(2).padStart(8)}${figure("with reader", beside)}${figure("reader elsewhere", elsewhere)}\n`,
  );
}

function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.floor((sorted.length * percent) / 100)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

if (isMainThread) await main();
else await oldReaders[(workerData as OldReaderTask).reader](workerData as OldReaderTask);
