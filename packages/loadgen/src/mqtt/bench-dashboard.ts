/** What the dashboard of mqtt-bench shows: takes a run's progress and keeps what is drawn of it. */

import { Dashboard, type DashboardOptions, remember } from "../dashboard/dashboard.ts";
import type { Keyboard, Terminal } from "../dashboard/screen.ts";
import type { Threshold } from "../measure/thresholds.ts";
import { benchHelp, type DashboardState, dashboardLines } from "./bench-dashboard-lines.ts";
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
  readonly #sent: number[] = [];
  readonly #received: number[] = [];
  #phase: Phase = "connect";
  #progress: Progress | undefined;

  constructor(options: BenchDashboardOptions, terminal: Terminal, keyboard: Keyboard | undefined) {
    this.#options = options;
    const view = { lines: (columns: number) => dashboardLines(this.#state(), columns), help: benchHelp };
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
      remember(this.#sent, progress.sentRate);
      remember(this.#received, progress.receivedRate);
    }
    this.#frame.drawSoon();
  }

  #state(): DashboardState {
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
      sentHistory: this.#sent,
      receivedHistory: this.#received,
      interval: this.#progress?.interval,
      broker: readBroker(),
    };
  }
}
