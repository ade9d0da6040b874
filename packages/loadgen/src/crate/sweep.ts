/**
 * Which settings are fastest: a short load for each combination of `--sweep`, in a table of its own that is dropped after
 * it; and `--auto-batch`, which looks for the batch size before the load proper.
 */

import { randomUUID } from "node:crypto";
import { renderColumns } from "../commands/render-table.ts";
import { exitCodes } from "../exit-codes.ts";
import { quoteTable } from "./database/table-sql.ts";
import type { LoadSession, LoadVariant } from "./load-session.ts";
import { parseSweep } from "./options/sweep-grid.ts";
import type { LoadResult } from "./report/load-result.ts";
import { oneDecimal } from "./report/render-load.ts";

interface Outputs {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Resolves with the exit code. Rejects with the errors of `Database`. */
export async function runSweep(session: LoadSession, { stdout, stderr }: Outputs): Promise<number> {
  const { options, database, product } = session.setup;
  const { points = [] } = parseSweep(options.sweep);
  const results: { readonly variant: LoadVariant; readonly result: LoadResult }[] = [];
  // A name that nobody has: what is dropped is ours.
  const table = `${options.tableName}_sweep_${randomUUID().slice(0, 8)}`;
  const drop = () => database.run("DROP TABLE", `DROP TABLE IF EXISTS ${quoteTable(table)}`);
  for (const point of points) {
    if (session.isStopped) break;
    const { batchSize, concurrency, shards, step: stepMs } = { ...options, ...point };
    const variant: LoadVariant = { table, batchSize, concurrency, shards, stepMs };
    await drop();
    try {
      const loaded = await session.load(variant);
      if (loaded.problem !== undefined) stderr.write(`${loaded.problem}\n`);
      const result = session.resultOf(randomUUID(), variant, loaded);
      results.push({ variant, result });
      stderr.write(
        `batch=${batchSize} concurrency=${concurrency} shards=${shards ?? "-"} rows_per_second=${Math.round(result.rates.received)}\n`,
      );
    } finally {
      await drop();
    }
  }
  if (options.json) stdout.write(`${JSON.stringify(results.map(({ result }) => result))}\n`);
  else stdout.write(renderSweep(results, product.name));
  session.writeFiles(results.map(({ result }) => result));
  const isWrong = options.verify && results.some(({ result }) => result.verification?.agrees !== true);
  const isBroken = results.some(({ result }) => result.thresholds.some(({ isKept }) => !isKept));
  return isWrong ? exitCodes.failed : isBroken ? exitCodes.threshold : exitCodes.fine;
}

const barLength = 20;

function renderSweep(
  results: readonly { readonly variant: LoadVariant; readonly result: LoadResult }[],
  database: string,
): string {
  const best = Math.max(0, ...results.map(({ result }) => result.rates.received));
  const rows = results.map(({ variant, result }) => {
    const { rates, timings, rows: account, verification } = result;
    const ms = (ns: number) => Number((ns / 1e6).toFixed(1));
    return [
      variant.batchSize,
      variant.concurrency,
      variant.shards ?? "-",
      Math.round(rates.received),
      ms(timings.endToEndActual.p50Ns),
      ms(timings.endToEndActual.p99Ns),
      account.failed,
      account.halvings,
      verification === undefined ? "not counted" : verification.agrees ? "agrees" : "DISAGREES",
      `${"█".repeat(Math.round((rates.received / Math.max(1, best)) * barLength))}${rates.received === best ? " fastest" : ""}`,
    ];
  });
  const titles = ["batch", "concurrency", "shards", "rows/s", "p50 ms", "p99 ms", "failed", "halved", "count", ""];
  return `${renderColumns(titles, rows)}Database: ${database}\n`;
}

/** Less than this is no gain. */
const gainMin = 1.05;
const batchSizeMax = 100_000;

/**
 * Doubles until two steps in a row gain nothing, or a batch was halved or refused; the best of those that went whole. Its rows
 * are in the table and are counted before the load proper begins.
 */
export async function chooseBatchSize(session: LoadSession, { stderr }: Outputs): Promise<number> {
  const { options } = session.setup;
  const { tableName: table, concurrency, shards, step: stepMs } = options;
  let best = { batchSize: options.batchSize, rate: 0 };
  let stepsWithoutGain = 0;
  for (let size = options.batchSize; size <= batchSizeMax && stepsWithoutGain < 2 && !session.isStopped; size *= 2) {
    const { outcome } = await session.load({ table, batchSize: size, concurrency, shards, stepMs });
    const { account, runtimeNs } = outcome;
    const rate = (account.written + account.ignored) / (runtimeNs / 1e9);
    const wasTooMuch = account.halvings > 0 || account.refused > 0;
    stderr.write(`auto-batch: ${size} rows a batch: ${oneDecimal(rate)} rows/s${wasTooMuch ? ", too much" : ""}\n`);
    if (wasTooMuch) break;
    if (rate >= best.rate * gainMin) stepsWithoutGain = 0;
    else stepsWithoutGain++;
    if (rate > best.rate) best = { batchSize: size, rate };
  }
  stderr.write(`auto-batch: ${best.batchSize} rows a batch it is\n`);
  return best.batchSize;
}
