/** The loads of one command: the same database, table and settings; each load with its own account. */

import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { availableParallelism, hostname, totalmem } from "node:os";
import type { Clock, HostClock } from "@polylog/base/clock";
import type { Output } from "../commands/command.ts";
import { isPlainTerminal } from "../dashboard/dashboard.ts";
import type { Keyboard } from "../dashboard/screen.ts";
import { exitCodes } from "../exit-codes.ts";
import { renderJunit } from "../measure/junit.ts";
import { parseStages } from "../measure/stages.ts";
import type { Threshold } from "../measure/thresholds.ts";
import { renderReport } from "../report/report-page.ts";
import { Checkpoints } from "../store/checkpoints.ts";
import { ResultStore } from "../store/result-store.ts";
import type { Connection } from "./database/connection.ts";
import type { Database, Product } from "./database/database.ts";
import { type DatabaseWatch, startDatabaseWatch } from "./database/database-watch.ts";
import { createTableSql, type Dialect } from "./database/table-sql.ts";
import { type LoadOutcome, type LoadPlan, type LoadProgress, runLoad } from "./load/load-run.ts";
import { type Verification, verify } from "./load/row-account.ts";
import type { LoadOptions } from "./options/load-options.ts";
import { parseMinutes } from "./options/minutes.ts";
import { LoadDashboard } from "./report/load-dashboard.ts";
import type { LoadPhase } from "./report/load-dashboard-lines.ts";
import { loadProfile } from "./report/load-profile.ts";
import { LoadReporter } from "./report/load-reporter.ts";
import type { LoadResult } from "./report/load-result.ts";
import { loadResultOf } from "./report/load-result-of.ts";
import { MetricsEndpoint } from "./report/metrics-endpoint.ts";
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
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly keyboard?: Keyboard | undefined;
  onExit(callback: () => void): void;
  /** As Ctrl-C does: the second time ends the process. */
  requestStop(): void;
  readonly stopRequested: Promise<unknown>;
}

/** What a load came to. */
export interface Loaded {
  readonly outcome: LoadOutcome;
  readonly verification: Verification | undefined;
  /** Why there is no verification. */
  readonly problem: string | undefined;
}

/** Follows a load. */
export interface LoadObserver {
  onPhase(phase: LoadPhase): void;
  onProgress(progress: LoadProgress): void;
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
const silent: LoadObserver = { onPhase: () => undefined, onProgress: () => undefined };

export class LoadSession {
  readonly setup: SessionSetup;
  isStopped = false;
  #isDashboardShown = false;

  constructor(setup: SessionSetup) {
    this.setup = setup;
    void setup.stopRequested.then(() => {
      this.isStopped = true;
      if (!this.#isDashboardShown)
        setup.stderr.write("Ending: what is under way is waited for; once more to end at once\n");
    });
  }

  /** The load that was asked for. Resolves with the exit code. */
  async loadAndReport(batchSize: number): Promise<number> {
    const { options, stdout, stderr, runId } = this.setup;
    const { tableName: table, concurrency, shards } = options;
    const say = options.json ? stderr : stdout;
    const metrics =
      options.prometheusPort === undefined ? undefined : await MetricsEndpoint.start(options.prometheusPort);
    if (metrics !== undefined) say.write(`Metrics: http://127.0.0.1:${metrics.port}/metrics\n`);
    const store = options.db === undefined ? undefined : await ResultStore.open(options.db);
    const watch = await this.#watch();
    try {
      const scenarioId = randomUUID();
      await this.#begin(store, scenarioId, batchSize);
      const variant = { table, batchSize, concurrency, shards };
      const dashboard = this.#startDashboard(watch);
      const reporter = this.#reporter(say, dashboard !== undefined);
      const checkpoints = new Checkpoints(store, { scenarioId, runId }, intervalMs, () => watch?.take() ?? []);
      const observer: LoadObserver = {
        onPhase: (phase) => {
          if (phase === "load") watch?.begin();
          dashboard?.onPhase(phase);
        },
        onProgress: (progress) => {
          watch?.sample(progress.interval.relNs);
          dashboard?.onProgress(progress);
          reporter.onProgress(progress);
          metrics?.onProgress(progress);
          checkpoints.add(progress.interval, progress.totals);
        },
      };
      const loaded = await this.load(variant, observer).finally(() => dashboard?.stop());
      await checkpoints.settled();
      if (loaded.problem !== undefined) stderr.write(`${loaded.problem}\n`);
      const result = this.resultOf(scenarioId, variant, loaded, watch);
      await store?.finish(result, loadProfile);
      stdout.write(options.json ? `${JSON.stringify(result)}\n` : loadProfile.summaryOf(result) + this.#hint());
      this.writeFiles([result]);
      return exitCodeOf(result, options.verify);
    } finally {
      watch?.stop();
      metrics?.stop();
      await store?.database.close();
    }
  }

  /** `--report` and `--junit`. */
  writeFiles(results: readonly LoadResult[]): void {
    const { report, junit } = this.setup.options;
    if (report !== undefined && results.length > 0) writeFileSync(report, renderReport(loadProfile, results));
    if (junit !== undefined) writeFileSync(junit, renderJunit(results));
  }

  /** How to see the run again. */
  #hint(): string {
    const { options, runId } = this.setup;
    return options.db === undefined ? "" : `Kept: crate-write report ${runId.slice(0, 8)} --db ${options.db}\n`;
  }

  /** Where the database's process or container can be seen from here. */
  async #watch(): Promise<DatabaseWatch | undefined> {
    const { connection, env, clock, host } = this.setup;
    return startDatabaseWatch({ ...hostOf(connection), env, clock, hostClock: host, intervalMs });
  }

  /** On a terminal, when it is wanted. */
  #startDashboard(watch: DatabaseWatch | undefined): LoadDashboard | undefined {
    const { options, stderr, env, keyboard, clock, thresholds, product, isEmbedded, database } = this.setup;
    if (!options.dashboard || stderr.terminal === undefined || (env["CI"] ?? "") !== "") return undefined;
    const where = isEmbedded ? "started for this run" : database.address;
    const dashboard = new LoadDashboard(
      {
        table: options.tableName,
        database: `${product.name} (${where})`,
        offeredRate: options.rate,
        thresholds,
        rows: options.rows,
        durationNs: options.duration === undefined ? undefined : parseMinutes(options.duration),
        readDatabase: () => watch?.last,
        isPlain: isPlainTerminal(env),
        clock,
        onQuit: () => this.setup.requestStop(),
      },
      stderr.terminal,
      keyboard,
    );
    this.setup.onExit(() => dashboard.stop());
    this.#isDashboardShown = true;
    dashboard.start();
    return dashboard;
  }

  /** Lines go on where they do not disturb the dashboard: into a file, say. */
  #reporter(out: Output, isDashboardShown: boolean): LoadReporter {
    const { options, clock } = this.setup;
    const isQuiet = isDashboardShown && out.isTTY === true;
    return new LoadReporter({
      out: isQuiet ? { write: () => undefined } : out,
      clock,
      logLevel: options.logLevel,
      threads: options.threads,
    });
  }

  /** Makes the table, writes, counts. Rejects with the errors of `Database`. */
  async load(variant: LoadVariant, { onPhase, onProgress }: LoadObserver = silent): Promise<Loaded> {
    const { options, shape, database, dialect, idsAreNew, stopRequested, clock, host } = this.setup;
    const { table, shards } = variant;
    const { replicas, partitionedBy, refreshInterval: refreshIntervalMs, translogDurability } = options;
    const settings = { name: table, shards, replicas, partitionedBy, refreshIntervalMs, translogDurability };
    onPhase("prepare");
    await database.run("CREATE TABLE", createTableSql(shape, settings, dialect));
    const before = options.verify ? await database.count(table, dialect) : 0;
    onPhase("load");
    const onSettling = () => onPhase("settle");
    const outcome = await runLoad(this.#planOf(variant), { clock, host, onProgress, onSettling, stopRequested });
    if (!options.verify) return { outcome, verification: undefined, problem: undefined };
    onPhase("count");
    try {
      const after = await database.count(table, dialect);
      return { outcome, verification: verify(outcome.account, before, after, idsAreNew), problem: undefined };
    } catch (error) {
      // What was measured is worth more than the count: the report says that there is none.
      return { outcome, verification: undefined, problem: (error as Error).message };
    }
  }

  resultOf(
    scenarioId: string,
    variant: LoadVariant,
    { outcome, verification }: Loaded,
    watch?: DatabaseWatch,
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
    return loadResultOf(identity, outcome, verification, thresholds, watch);
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
      tool: loadProfile.tool,
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
      name: loadProfile.tool,
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
