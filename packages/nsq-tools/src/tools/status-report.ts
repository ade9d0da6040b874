/** Every N requests one line on how long the last N took, as NSQ's tools log it (bitly/timer_metrics). */

import type { Clock } from "@polylog/base/clock";

export class StatusReport {
  readonly #every: number;
  readonly #prefix: string;
  readonly #print: (line: string) => void;
  readonly #clock: Clock;
  #tookMs: number[] = [];
  #count = 0;

  /** `every` 0: never. */
  constructor(every: number, prefix: string, clock: Clock, print: (line: string) => void) {
    this.#every = every;
    this.#prefix = prefix;
    this.#print = print;
    this.#clock = clock;
    if (every > 0 && every < 100) {
      print(`Warning: use more than 100 status values for accurate percentiles (configured with ${every})`);
    }
  }

  add(startedMs: number): void {
    if (this.#every <= 0) return;
    this.#count++;
    this.#tookMs.push(this.#clock.monotonicMs() - startedMs);
    if (this.#tookMs.length < this.#every) return;
    const sorted = this.#tookMs.sort((a, b) => a - b);
    this.#tookMs = [];
    const average = sorted.reduce((sum, each) => sum + each, 0) / sorted.length;
    const parts = [`99th: ${percentile(99, sorted)}`, `95th: ${percentile(95, sorted)}`, `avg: ${average.toFixed(2)}`];
    this.#print(`${this.#prefix} finished ${this.#count} - ${parts.map((part) => `${part}ms`).join(" - ")}`);
  }
}

function percentile(percent: number, sorted: readonly number[]): string {
  const at = Math.min(sorted.length - 1, Math.floor((percent / 100) * sorted.length + 0.5));
  return sorted[at]!.toFixed(2);
}

export interface Status {
  /** One message was delivered to `address`. */
  delivered(address: string, startedMs: number): void;
  /** One message is done. */
  finished(startedMs: number): void;
}

/** A report for all, and one for each address when there are several. */
export function createStatus(
  addresses: readonly string[],
  every: number,
  clock: Clock,
  print: (line: string) => void,
): Status {
  const several = new Set(addresses).size > 1;
  const each = new Map<string, StatusReport>();
  for (const address of addresses)
    each.set(address, new StatusReport(several ? every : 0, `[${address}]:`, clock, print));
  const all = new StatusReport(every, "[aggregate]:", clock, print);
  return {
    delivered: (address, startedMs) => each.get(address)?.add(startedMs),
    finished: (startedMs) => all.add(startedMs),
  };
}
