/** The dashboard of a load: takes its progress and keeps what is drawn of it. */

import { Dashboard, type DashboardOptions, remember } from "../../dashboard/dashboard.ts";
import type { Keyboard, Terminal } from "../../dashboard/screen.ts";
import type { LoadProgress } from "../load/load-run.ts";
import { acknowledgedOf } from "../load/row-account.ts";
import { type LoadPhase, type LoadView, loadDashboardLines, loadHelp } from "./load-dashboard-lines.ts";

export interface LoadDashboardOptions
  extends DashboardOptions,
    Pick<LoadView, "table" | "database" | "offeredRate" | "thresholds"> {
  /** Where the load ends; undefined: not there. */
  readonly rows: number | undefined;
  readonly durationNs: number | undefined;
  readonly readDatabase: () => LoadView["databaseUse"];
}

export class LoadDashboard {
  readonly #options: LoadDashboardOptions;
  readonly #frame: Dashboard;
  readonly #rates: number[] = [];
  readonly #cpuCores: number[] = [];
  readonly #memoryBytes: number[] = [];
  #workerRates: readonly number[] = [];
  #phase: LoadPhase = "prepare";
  #progress: LoadProgress | undefined;
  /** Rows that each worker had at the interval before. */
  #workerRows: readonly number[] = [];
  #relNs = 0;

  constructor(options: LoadDashboardOptions, terminal: Terminal, keyboard: Keyboard | undefined) {
    this.#options = options;
    const view = {
      lines: (columns: number, rows: number) => loadDashboardLines(this.#view(), columns, rows),
      help: loadHelp,
    };
    this.#frame = new Dashboard(view, options, terminal, keyboard);
  }

  start(): void {
    this.#frame.start();
  }

  /** Gives the terminal back; may be called twice. */
  stop(): void {
    this.#frame.stop();
  }

  onPhase(phase: LoadPhase): void {
    this.#phase = phase;
    this.#frame.drawSoon();
  }

  onProgress(progress: LoadProgress): void {
    const { interval, workers } = progress;
    const seconds = Math.max(1e-3, (interval.relNs - this.#relNs) / 1e9);
    this.#relNs = interval.relNs;
    this.#progress = progress;
    remember(this.#rates, interval.acked / seconds);
    remember(this.#cpuCores, interval.generator.cpuCores);
    remember(this.#memoryBytes, interval.generator.memoryBytes);
    this.#workerRates = workers.map(
      ({ acknowledged }, index) => (acknowledged - (this.#workerRows[index] ?? 0)) / seconds,
    );
    this.#workerRows = workers.map(({ acknowledged }) => acknowledged);
    this.#frame.drawSoon();
  }

  #view(): LoadView {
    const { table, database, offeredRate, thresholds, isPlain, readDatabase } = this.#options;
    const progress = this.#progress;
    const acknowledged = progress === undefined ? 0 : acknowledgedOf(progress.account);
    return {
      table,
      database,
      offeredRate,
      thresholds,
      isPlain,
      phase: this.#phase,
      share: this.#share(),
      elapsedNs: this.#relNs,
      progress,
      rates: this.#rates,
      averageRate: this.#relNs === 0 ? 0 : acknowledged / (this.#relNs / 1e9),
      workerRates: this.#workerRates,
      cpuCores: this.#cpuCores,
      memoryBytes: this.#memoryBytes,
      databaseUse: readDatabase(),
    };
  }

  /** Of its time or its rows, whichever ends first. */
  #share(): number | undefined {
    const { rows, durationNs } = this.#options;
    if (rows === undefined && durationNs === undefined) return undefined;
    if (this.#phase === "settle" || this.#phase === "count") return 1;
    const settled = this.#progress?.totals.counters.sent ?? 0;
    return Math.min(1, Math.max(settled / (rows ?? Infinity), this.#relNs / (durationNs ?? Infinity)));
  }
}
