/**
 * What one thread measures between two reports, and what the main thread makes of the reports of all. A report holds what
 * happened since the one before, so that whatever is lost with a thread is one interval.
 */

import {
  addCounters,
  type CounterName,
  type Counters,
  counterNames,
  type ErrorCount,
  ErrorTally,
  newCounters,
} from "./counters.ts";
import { Histogram, type HistogramSnapshot } from "./histogram.ts";

/** Every tool's kinds of time. */
export const timingNames = [
  /** From the time an item was due until it was there. */
  "endToEnd",
  /** From the time it was sent. */
  "endToEndActual",
  /** From the time an item was due until it was sent, whoever kept it waiting. */
  "sendLag",
  /** From the time an item was due until the generator looked: its own delay, which no target causes. */
  "generatorLag",
  /** From one request sent to its answer. */
  "ack",
] as const;

export type Timing = (typeof timingNames)[number];
export type Histograms<Name extends string = Timing> = Readonly<Record<Name, Histogram>>;

/** What a tool counts and times: at least what every tool does. */
export interface Measures<C extends string, T extends string> {
  readonly counters: readonly C[];
  readonly timings: readonly T[];
}

export const coreMeasures: Measures<CounterName, Timing> = { counters: counterNames, timings: timingNames };

export interface Report<C extends string = CounterName, T extends string = Timing> {
  readonly counters: Counters<C>;
  readonly histograms: Readonly<Partial<Record<T, HistogramSnapshot>>>;
  readonly errors: readonly ErrorCount[];
}

export class Recorder<C extends string, T extends string> {
  readonly #measures: Measures<C, T>;
  readonly histograms: Histograms<T>;
  readonly errors = new ErrorTally();
  counters: Counters<C>;

  constructor(measures: Measures<C, T>) {
    this.#measures = measures;
    this.histograms = newHistograms(measures.timings);
    this.counters = newCounters(measures.counters);
  }

  /** What was recorded since the last call. */
  take(): Report<C, T> {
    const { counters, histograms } = this;
    this.counters = newCounters(this.#measures.counters);
    const snapshots: Partial<Record<T, HistogramSnapshot>> = {};
    for (const name of this.#measures.timings) {
      if (histograms[name].count > 0) snapshots[name] = histograms[name].snapshot();
      histograms[name].clear();
    }
    return { counters, histograms: snapshots, errors: this.errors.take() };
  }
}

/** Sums of reports. */
export class Totals<C extends string = CounterName, T extends string = Timing> {
  readonly #measures: Measures<C, T>;
  readonly counters: Counters<C>;
  readonly histograms: Histograms<T>;
  readonly errors = new ErrorTally();

  constructor(measures: Measures<C, T>) {
    this.#measures = measures;
    this.counters = newCounters(measures.counters);
    this.histograms = newHistograms(measures.timings);
  }

  add(report: Report<C, T>): void {
    addCounters(this.counters, report.counters);
    for (const name of this.#measures.timings) {
      const snapshot = report.histograms[name];
      if (snapshot !== undefined) this.histograms[name].add(snapshot);
    }
    this.errors.addAll(report.errors);
  }

  /** Adds what `other` has until now. */
  addAll({ counters, histograms, errors }: Totals<C, T>): void {
    const snapshots: Partial<Record<T, HistogramSnapshot>> = {};
    for (const name of this.#measures.timings) snapshots[name] = histograms[name].snapshot();
    this.add({ counters, histograms: snapshots, errors: errors.list() });
  }
}

/** What the core reads of any tool's `Totals`. */
export type AnyTotals = Pick<Totals, "counters" | "histograms" | "errors">;

function newHistograms<Name extends string>(names: readonly Name[]): Histograms<Name> {
  return Object.fromEntries(names.map((name) => [name, new Histogram()])) as Histograms<Name>;
}
