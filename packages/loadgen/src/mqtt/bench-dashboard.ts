/** What the dashboard of mqtt-bench shows: takes a run's progress and keeps what is drawn of it. */

import { Dashboard, type DashboardOptions, remember } from "../dashboard/dashboard.ts";
import type { Keyboard, Terminal } from "../dashboard/screen.ts";
import type { Threshold } from "../measure/thresholds.ts";
import { benchHelp, type DashboardState, dashboardLines } from "./bench-dashboard-lines.ts";
import { BenchPages, type HistoryPoint } from "./bench-pages.ts";
import type { BenchObserver, Phase, Progress } from "./bench-run.ts";

export interface BenchDashboardOptions extends DashboardOptions {
  readonly title: string;
  readonly target: string;
  readonly offeredRate: number;
  readonly thresholds: readonly Threshold[];
  readonly readBroker: () => DashboardState["broker"];
}

export class BenchDashboard implements BenchObserver {
  readonly #options: BenchDashboardOptions;
  readonly #frame: Dashboard;
  readonly #pages = new BenchPages();
  readonly #history: HistoryPoint[] = [];
  /** What is shown while the view is held still. */
  #held: DashboardState | undefined;
  #phase: Phase = "connect";
  #progress: Progress | undefined;

  constructor(options: BenchDashboardOptions, terminal: Terminal, keyboard: Keyboard | undefined) {
    this.#options = options;
    const pages = this.#pages;
    const view = {
      lines: (columns: number, rows: number) => dashboardLines(this.#state(), columns, rows),
      help: benchHelp,
      get footer() {
        return pages.footer;
      },
      onKey: (key: string) => this.#onKey(key),
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

  onPhase(phase: Phase): void {
    this.#phase = phase;
    if (phase === "done") this.stop();
    else this.#frame.drawSoon();
  }

  onProgress(progress: Progress): void {
    this.#progress = progress;
    if (this.#phase !== "drain") {
      const { sentRate, receivedRate, interval } = progress;
      remember(this.#history, { sentRate, receivedRate, interval, broker: this.#options.readBroker() });
    }
    this.#frame.drawSoon();
  }

  wantsSubscriptions(): boolean {
    return this.#pages.page === "subscriptions";
  }

  #onKey(key: string): boolean {
    if (!this.#pages.onKey(key)) return false;
    this.#held = this.#pages.isPaused ? (this.#held ?? this.#still()) : undefined;
    return true;
  }

  /** Totals and history go on; the copy does not. */
  #still(): DashboardState {
    const state = this.#state();
    return { ...state, totals: state.totals?.copy(), history: [...state.history] };
  }

  #state(): DashboardState {
    if (this.#held !== undefined) return this.#held;
    const { title, target, offeredRate, thresholds, isPlain, readBroker } = this.#options;
    return {
      title,
      target,
      offeredRate,
      thresholds,
      isPlain,
      phase: this.#phase,
      share: this.#progress?.share ?? 0,
      totals: this.#progress?.totals,
      sentRate: this.#progress?.sentRate ?? 0,
      receivedRate: this.#progress?.receivedRate ?? 0,
      open: this.#progress?.open ?? 0,
      sentHistory: this.#history.map(({ sentRate }) => sentRate),
      receivedHistory: this.#history.map(({ receivedRate }) => receivedRate),
      interval: this.#progress?.interval,
      broker: readBroker(),
      pages: this.#pages,
      history: this.#history,
      subscriptions: this.#progress?.subscriptions,
    };
  }
}
