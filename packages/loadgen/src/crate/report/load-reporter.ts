/** What is said while a load goes on: two lines every ten seconds, and at level `debug` what failed since the last. */

import type { Clock } from "@polylog/base/clock";
import type { LoadProgress } from "../load/load-run.ts";
import { acknowledgedOf } from "../load/row-account.ts";
import { renderPerformance } from "./render-load.ts";

const everyNs = 10e9;

const levels = ["error", "warn", "info", "debug", "trace"] as const;
export type Level = (typeof levels)[number];

export interface ReporterOptions {
  readonly out: { write(text: string): unknown };
  readonly clock: Clock;
  readonly logLevel: Level;
  readonly threads: number;
}

export class LoadReporter {
  readonly #options: ReporterOptions;
  #saidNs = 0;
  #acknowledged = 0;
  #isBraked = false;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  onProgress(progress: LoadProgress): void {
    const { interval, account, braked, requestErrors } = progress;
    const { out, threads } = this.#options;
    if (braked > 0 !== this.#isBraked && this.#says("warn")) {
      this.#isBraked = braked > 0;
      const text =
        braked > 0 ? "The database has too much or cannot be reached; waiting" : "The database takes rows again";
      out.write(`${text}\n`);
    }
    if (this.#says("trace")) {
      const { acked, errors, p99Ns, open } = interval;
      out.write(`acknowledged=${acked} errors=${errors} p99_ms=${(p99Ns / 1e6).toFixed(1)} under_way=${open}\n`);
    }
    // Half an interval early, or jitter would put a line off by one.
    if (interval.relNs - this.#saidNs < everyNs - 0.5e9) return;
    const acknowledged = acknowledgedOf(account);
    const current = (acknowledged - this.#acknowledged) / ((interval.relNs - this.#saidNs) / 1e9);
    this.#saidNs = interval.relNs;
    this.#acknowledged = acknowledged;
    if (this.#says("info"))
      out.write(renderPerformance(current, acknowledged / (interval.relNs / 1e9), account, threads));
    if (!this.#says("debug")) return;
    for (const { code, count, sample } of requestErrors.list())
      out.write(`failed requests: ${count} × ${code}: ${sample}\n`);
  }

  #says(level: Level): boolean {
    return levels.indexOf(level) <= levels.indexOf(this.#options.logLevel);
  }
}
