/** The loads of one command: the same database, table and settings; each load with its own account. */

import { randomUUID } from "node:crypto";
import { availableParallelism, hostname, totalmem } from "node:os";
import type { Clock, HostClock } from "@polylog/base/clock";
import { exitCodes } from "../exit-codes.ts";
import { parseStages } from "../measure/stages.ts";
import type { Threshold } from "../measure/thresholds.ts";
import { ResultStore } from "../store/result-store.ts";
import type { Connection } from "./database/connection.ts";
import type { Database, Product } from "./database/database.ts";
import { createTableSql, type Dialect } from "./database/table-sql.ts";
import { type LoadOutcome, type LoadPlan, type LoadProgress, runLoad } from "./load/load-run.ts";
import { type Verification, verify } from "./load/row-account.ts";
import type { LoadOptions } from "./options/load-options.ts";
import { parseMinutes } from "./options/minutes.ts";
import { LoadReporter } from "./report/load-reporter.ts";
import { type LoadResult, loadResultOf } from "./report/load-result.ts";
import { MetricsEndpoint } from "./report/metrics-endpoint.ts";
import { renderLoad } from "./report/render-load.ts";
import type { RunNonce } from "./rows/row-ids.ts";
import type { TableShape } from "./rows/table-shape.ts";

export interface SessionSetup {
  readonly options: LoadOptions;
  readonly thresholds: readonly Threshold[];
  readonly shape: TableShape;
  readonly connection: Connection;
  readonly database: Database;
  readonly product: Product;
  readonly isEmbedded: boolean;
  readonly dialect: Dialect;
  readonly runId: string;
  readonly nonces: () => RunNonce;
  /** No identifier of a load can have been in the table before. */
  readonly idsAreNew: boolean;
  readonly clock: Clock;
  readonly host: HostClock;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stopRequested: Promise<unknown>;
}

/** What a load has of its own. */
export interface LoadVariant {
  readonly table: string;
  readonly batchSize: number;
  readonly concurrency: number;
  readonly shards: number | undefined;
  /** Undefined: as the options say. */
  readonly stepMs?: number;
}

const intervalMs = 1000;

export class LoadSession {
  readonly setup: SessionSetup;
  isStopped = false;

  constructor(setup: SessionSetup) {
    this.setup = setup;
    void setup.stopRequested.then(() => {
      this.isStopped = true;
    });
  }

  /** The load that was asked for. Resolves with the exit code. */
  async loadAndReport(batchSize: number): Promise<number> {
    const { options, stdout, stderr, clock } = this.setup;
    const { tableName: table, concurrency, shards, logLevel } = options;
    const say = options.json ? stderr : stdout;
    const metrics =
      options.prometheusPort === undefined ? undefined : await MetricsEndpoint.start(options.prometheusPort);
    if (metrics !== undefined) say.write(`Metrics: http://127.0.0.1:${metrics.port}/metrics\n`);
    const store = options.db === undefined ? undefined : await ResultStore.open(options.db);
    try {
      const scenarioId = randomUUID();
      await this.#begin(store, scenarioId, batchSize);
      const reporter = new LoadReporter({ out: say, clock, logLevel, threads: options.threads });
      const checkpoints = new Checkpoints(store, scenarioId, this.setup.runId);
      const observe = (progress: LoadProgress): void => {
        reporter.onProgress(progress);
        metrics?.onProgress(progress);
        checkpoints.onProgress(progress);
      };
      const variant = { table, batchSize, concurrency, shards };
      const { outcome, verification } = await this.load(variant, observe);
      await checkpoints.settled();
      const result = this.resultOf(scenarioId, variant, outcome, verification);
      await store?.finish(result);
      stdout.write(options.json ? `${JSON.stringify(result)}\n` : renderLoad(result, options.threads));
      return exitCodeOf(result, options.verify);
    } finally {
      metrics?.stop();
      await store?.database.close();
    }
  }

  /** Makes the table, writes, counts. Rejects with the errors of `Database`. */
  async load(
    variant: LoadVariant,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<{ readonly outcome: LoadOutcome; readonly verification: Verification | undefined }> {
    const { options, shape, database, dialect, idsAreNew, stopRequested, clock, host, stderr } = this.setup;
    const { table, shards } = variant;
    const { replicas, partitionedBy, refreshInterval: refreshIntervalMs, translogDurability } = options;
    const settings = { name: table, shards, replicas, partitionedBy, refreshIntervalMs, translogDurability };
    await database.run("CREATE TABLE", createTableSql(shape, settings, dialect));
    const before = options.verify ? await database.count(table, dialect) : 0;
    const outcome = await runLoad(this.#planOf(variant), { clock, host, onProgress, stopRequested });
    if (!options.verify) return { outcome, verification: undefined };
    try {
      const after = await database.count(table, dialect);
      return { outcome, verification: verify(outcome.account, before, after, idsAreNew) };
    } catch (error) {
      // What was measured is worth more than the count: the report says that there is none.
      stderr.write(`${(error as Error).message}\n`);
      return { outcome, verification: undefined };
    }
  }

  resultOf(
    scenarioId: string,
    variant: LoadVariant,
    outcome: LoadOutcome,
    verification: Verification | undefined,
  ): LoadResult {
    const { options, runId, product, database, isEmbedded, thresholds, connection } = this.setup;
    const { connectionString: _, ...settings } = options;
    const { table, batchSize, concurrency, shards } = variant;
    const { host, port } = hostOf(connection);
    const identity = {
      runId,
      scenarioId,
      settings: { ...settings, connectionString: database.address, tableName: table, batchSize, concurrency, shards },
      table,
      host,
      port,
      database: { ...product, address: database.address, isEmbedded },
      warnings: this.#warnings(verification),
      isLimited: options.rows !== undefined || options.duration !== undefined,
    };
    return loadResultOf(identity, outcome, verification, thresholds);
  }

  #warnings(verification: Verification | undefined): readonly string[] {
    const { options, shape, product } = this.setup;
    const { onConflict, verify: wantsCount, translogDurability } = options;
    const found: string[] = [];
    if (translogDurability === "ASYNC" && product.kind === "CrateDB")
      found.push("translog.durability is ASYNC: rows that were confirmed may be lost when a node dies");
    if (shape.primaryKey.length === 0 || onConflict === "error")
      found.push(
        "a batch whose answer is lost is not sent again, because that could double its rows: they count as unknown",
      );
    if (wantsCount && verification === undefined) found.push("the rows could not be counted at the end");
    return found;
  }

  #planOf({ table, batchSize, concurrency, stepMs }: LoadVariant): LoadPlan {
    const { options, connection, nonces } = this.setup;
    const { onConflict, insert, model, objects, schema, seed, threads, batchInterval, rows, rate } = options;
    const isStep = stepMs !== undefined;
    return {
      connection,
      plan: { table, onConflict, insert, concurrency },
      model: { model, objects, schema },
      seed,
      nonce: nonces(),
      threads,
      batchSize,
      batchIntervalMs: isStep ? 0 : batchInterval,
      rows: isStep ? undefined : rows,
      durationNs: isStep ? stepMs * 1e6 : options.duration === undefined ? undefined : parseMinutes(options.duration),
      rate,
      stages: options.stages === undefined ? [] : (parseStages(options.stages).stages ?? []),
      timeoutMs: options.timeout,
      intervalMs,
      errorsMax: options.maxErrors,
    };
  }

  async #begin(store: ResultStore | undefined, scenarioId: string, batchSize: number): Promise<void> {
    const { options, runId, product, connection, clock } = this.setup;
    const startedAt = new Date(clock.nowMs()).toISOString();
    await store?.beginRun({
      runId,
      startedAt,
      ...hostOf(connection),
      brokerName: product.name,
      brokerVersion: product.version,
      containerId: undefined,
      containerName: undefined,
      hostname: hostname(),
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      gitCommit: undefined,
      notes: options.notes,
    });
    await store?.beginScenario({
      scenarioId,
      runId,
      startedAt,
      name: "crate-write",
      qos: 0,
      publishers: options.threads,
      subscribers: 0,
      topics: 1,
      rate: options.rate,
      payloadSize: batchSize,
      warmupNs: 0,
      durationNs: parseMinutes(options.duration ?? "") ?? 0,
    });
  }
}

/** Writes checkpoints one after the other; a slow disk makes fewer of them, not a longer queue. */
class Checkpoints {
  readonly #store: ResultStore | undefined;
  readonly #ids: { readonly scenarioId: string; readonly runId: string };
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(store: ResultStore | undefined, scenarioId: string, runId: string) {
    this.#store = store;
    this.#ids = { scenarioId, runId };
  }

  onProgress({ interval, totals }: LoadProgress): void {
    if (this.#store === undefined || this.#writing !== undefined) return;
    this.#writing = this.#store
      .checkpoint(this.#ids, interval, totals, [])
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Rejects with what the first failed write failed with. */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function hostOf({ addresses }: Connection): { readonly host: string; readonly port: number } {
  const { hostname: host, port, protocol } = new URL(addresses[0]!);
  const defaults: Readonly<Record<string, number>> = { "https:": 443, "http:": 4200 };
  return { host, port: port === "" ? (defaults[protocol] ?? 5432) : Number(port) };
}

/** A table that disagrees, or cannot be counted where that was wanted, is worse than a broken threshold. */
function exitCodeOf({ verification, thresholds, endedBy }: LoadResult, isVerified: boolean): number {
  if ((isVerified && verification?.agrees !== true) || endedBy === "--max-errors") return exitCodes.failed;
  return thresholds.some(({ isKept }) => !isKept) ? exitCodes.threshold : exitCodes.fine;
}
