/** The full-screen dashboard of a run: takes its progress, draws at most four times a second, and hands keys on. */

import type { Clock, Timer } from "@polylog/base/clock";
import type { Threshold } from "../measure/thresholds.ts";
import type { BenchObserver, Phase, Progress } from "../mqtt/bench-run.ts";
import { type DashboardState, dashboardLines } from "./dashboard-lines.ts";
import { type Keyboard, Screen, type Terminal } from "./screen.ts";

export interface DashboardOptions {
  readonly title: string;
  readonly target: string;
  readonly offeredRate: number;
  readonly thresholds: readonly Threshold[];
  readonly isPlain: boolean;
  readonly clock: Clock;
  readonly readBroker: () => DashboardState["broker"];
  /** The user wants the run to end. */
  readonly onQuit: () => void;
}

const drawEveryMs = 250;
const historyMax = 120;

export class Dashboard implements BenchObserver {
  readonly #options: DashboardOptions;
  readonly #screen: Screen;
  readonly #sent: number[] = [];
  readonly #received: number[] = [];
  #phase: Phase = "connect";
  #progress: Progress | undefined;
  #isHelpShown = false;
  #timer: Timer | undefined;

  constructor(options: DashboardOptions, terminal: Terminal, keyboard: Keyboard | undefined) {
    this.#options = options;
    this.#screen = new Screen(
      terminal,
      keyboard,
      (columns, rows) => dashboardLines(this.#state(), columns, rows),
      (key) => this.#onKey(key),
    );
  }

  start(): void {
    this.#screen.start();
  }

  /** Gives the terminal back; may be called twice. */
  stop(): void {
    this.#options.clock.clearTimer(this.#timer);
    this.#screen.stop();
  }

  onPhase(phase: Phase): void {
    this.#phase = phase;
    if (phase === "done") this.stop();
    else this.#drawSoon();
  }

  onProgress(progress: Progress): void {
    this.#progress = progress;
    if (this.#phase !== "drain") {
      remember(this.#sent, progress.sentRate);
      remember(this.#received, progress.receivedRate);
    }
    this.#drawSoon();
  }

  #onKey(key: string): void {
    if (key === "?") {
      this.#isHelpShown = !this.#isHelpShown;
      this.#screen.draw();
    } else if (key === "q" || key === "\u0003") this.#options.onQuit(); // In raw mode Ctrl-C is a key like others.
  }

  #drawSoon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined;
      this.#screen.draw();
    }, drawEveryMs);
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
      isHelpShown: this.#isHelpShown,
    };
  }
}

function remember(values: number[], value: number): void {
  values.push(value);
  if (values.length > historyMax) values.shift();
}
