/**
 * Rows per second of `crate-write`: into the embedded database, whose every answer means that the rows are on disk; and, with `--url`, into
 * PostgreSQL beside a bare loop of `pg` that sends rows made before, as `INSERT … VALUES` of the same batches over as many
 * connections. The two take turns; medians. Tables are named `crate_write_bench` and dropped.
 *
 *     npm run bench -- crate-write [--url=postgres://user@host:5432/db] [--smoke]
 */

import { spawn } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { PostgresTransport } from "@polylog/crate-writer";
import { median } from "./rounds.ts";

const smoke = process.argv.includes("--smoke");
const url = process.argv.find((word) => word.startsWith("--url="))?.slice("--url=".length);
const rowCount = smoke ? 200 : 200_000;
const rounds = smoke ? 1 : 3;
const table = "crate_write_bench";
const command = fileURLToPath(new URL("../../packages/loadgen/bin/crate-write.js", import.meta.url));

interface Shape {
  readonly batchSize: number;
  readonly threads: number;
  readonly concurrency: number;
}

/** The default batch from many writers, and a usual one from a few. */
const shapes: readonly Shape[] = [
  { batchSize: 100, threads: 32, concurrency: 1 },
  { batchSize: 1000, threads: 2, concurrency: 4 },
];

async function main(): Promise<void> {
  for (const shape of shapes) {
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) rates.push(await load(shape, []));
    print(`/_sql, ${describe(shape)}`, rates);
  }
  if (url === undefined) {
    process.stdout.write("PostgreSQL: left out without --url\n");
    return;
  }
  for (const { batchSize, threads, concurrency } of shapes) {
    // A connection is a process there: 32 writers would measure its scheduler.
    const shape = { batchSize, threads: Math.min(threads, 2), concurrency: Math.max(concurrency, 2) };
    const bare: number[] = [];
    const ours: number[] = [];
    for (let round = 0; round < rounds; round++) {
      bare.push(await withTable((transport) => loadBare(transport, shape)));
      ours.push(await withTable(() => load(shape, [`--connection-string=${url}`, `--table-name=${table}`])));
    }
    print(`PostgreSQL, ${describe(shape)}: a bare loop of pg`, bare);
    print(`PostgreSQL, ${describe(shape)}: crate-write`, ours);
    process.stdout.write(`  crate-write is ${(median(ours) / median(bare)).toFixed(2)} × the bare loop\n`);
  }
}

/** Rows per second by the tool's own account. */
function load({ batchSize, threads, concurrency }: Shape, flags: readonly string[]): Promise<number> {
  const argv = ["--json", "--log-level=error", "--batch-interval=0", `--rows=${rowCount}`, `--batch-size=${batchSize}`];
  const child = spawn(
    process.execPath,
    [command, ...argv, `--threads=${threads}`, `--concurrency=${concurrency}`, ...flags],
    { cwd: tmpdir(), stdio: ["ignore", "pipe", "inherit"] },
  );
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => {
    printed += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve((JSON.parse(printed) as { rates: { received: number } }).rates.received);
      else reject(new Error(`crate-write ended with ${code}: ${printed}`));
    });
  });
}

async function withTable(work: (transport: PostgresTransport) => Promise<number>): Promise<number> {
  const transport = new PostgresTransport({ url: new URL(url!), table, columns: [], connectionsMax: 16 });
  try {
    await transport.query(`DROP TABLE IF EXISTS ${table}`);
    return await work(transport);
  } finally {
    await transport.query(`DROP TABLE IF EXISTS ${table}`);
    await transport.close();
  }
}

async function loadBare(transport: PostgresTransport, { batchSize, threads, concurrency }: Shape): Promise<number> {
  await transport.query(
    `CREATE TABLE ${table} (id TEXT PRIMARY KEY, timestamp TIMESTAMPTZ, region TEXT, product_category TEXT, event_type TEXT,
     user_id INTEGER, user_segment TEXT, amount DOUBLE PRECISION, quantity INTEGER, metadata JSONB)`,
  );
  const batches = Array.from({ length: Math.ceil(rowCount / batchSize) }, () =>
    Array.from({ length: batchSize }, row).flat(),
  );
  let number = 0;
  const tuple = () => `(${Array.from({ length: 10 }, () => `$${++number}`).join(",")})`;
  const sql = `INSERT INTO ${table} VALUES ${Array.from({ length: batchSize }, tuple).join(",")} ON CONFLICT DO NOTHING`;
  const startedAtMs = performance.now();
  const write = async (): Promise<void> => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) await transport.query(sql, batch);
  };
  await Promise.all(Array.from({ length: threads * concurrency }, write));
  return (Math.ceil(rowCount / batchSize) * batchSize * 1000) / (performance.now() - startedAtMs);
}

/** As long as those of the documented table. */
function row(): readonly unknown[] {
  const metadata = { browser: "Browser-1", os: "OS-1", session_id: randomUUID(), page_views: 7, referrer: "ref-1" };
  const texts = [randomUUID(), new Date().toISOString(), "eu-central", "electronics", "purchase"];
  return [...texts, randomInt(10_000), "standard", randomInt(100_000) / 100, randomInt(100), JSON.stringify(metadata)];
}

function describe({ batchSize, threads, concurrency }: Shape): string {
  return `${threads * concurrency} writers of ${batchSize} rows`;
}

function print(what: string, rates: readonly number[]): void {
  const [least, most] = [Math.min(...rates), Math.max(...rates)].map((rate) => rate.toFixed(0));
  process.stdout.write(`${what}: ${median(rates).toFixed(0)} rows/s (${least} to ${most})\n`);
}

await main();
