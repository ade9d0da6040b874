/**
 * What is shown while a run goes on: on a terminal one line that is written over, elsewhere one line of `key=value` per
 * interval.
 */

import { count, duration } from "../measure/figure-text.ts";
import type { BenchObserver, Phase, Progress } from "../mqtt/bench-run.ts";
import type { Output } from "./command.ts";

export class ProgressLine implements BenchObserver {
  readonly #out: Output;
  readonly #scenario: string;
  #phase: Phase = "connect";
  #isOpen = false;

  constructor(out: Output, scenario: string) {
    this.#out = out;
    this.#scenario = scenario;
  }

  onPhase(phase: Phase): void {
    this.#phase = phase;
    if (phase === "done") this.stop();
    else if (this.#out.isTTY === true) this.#over(`${this.#scenario} ${phase} …`);
    else this.#out.write(`phase=${phase}\n`);
  }

  onProgress(progress: Progress): void {
    const { totals, interval, sentRate, receivedRate, share, open } = progress;
    const { endToEnd, endToEndActual } = totals.histograms;
    const p99Ns = interval?.p99Ns ?? (endToEnd.count > 0 ? endToEnd : endToEndActual).quantileNs(0.99);
    if (this.#out.isTTY === true) {
      const percent = `${Math.floor(share * 100)} %`.padStart(5);
      const rates = `sent ${count(sentRate)}/s  received ${count(receivedRate)}/s`;
      this.#over(`${this.#scenario} ${this.#phase} ${percent}  ${rates}  p99 ${duration(p99Ns)}  open ${count(open)}`);
      return;
    }
    if (this.#phase === "drain") return;
    const fields = {
      phase: this.#phase,
      share: share.toFixed(2),
      sent: sentRate.toFixed(0),
      received: receivedRate.toFixed(0),
    };
    const rest = { p99_ms: (p99Ns / 1e6).toFixed(3), open, errors: totals.counters.errors };
    const line = Object.entries({ ...fields, ...rest }).map(([name, value]) => `${name}=${value}`);
    this.#out.write(`${line.join(" ")}\n`);
  }

  /** Leaves the line to what is printed next. */
  stop(): void {
    if (this.#isOpen) this.#out.write("\r\u001b[K");
    this.#isOpen = false;
  }

  #over(text: string): void {
    this.#isOpen = true;
    this.#out.write(`\r\u001b[K${text.slice(0, (this.#out.columns ?? 80) - 1)}`);
  }
}
