/**
 * What one thread measures between two reports, and what the main thread makes of the reports of all. A report holds what
 * happened since the one before, so that whatever is lost with a thread is one interval.
 */

import { addCounters, type Counters, type ErrorCount, ErrorTally, newCounters } from "./counters.ts";
import { Histogram, type HistogramSnapshot } from "./histogram.ts";

/** Every kind of time that is measured. */
export const timings = {
  /** From the time a message was due until it was received. */
  endToEnd: "end to end, from when it was due",
  /** From the time it was sent. */
  endToEndActual: "end to end, from when it was sent",
  /** From the time a message was due until it was sent, whoever kept it waiting. */
  sendLag: "send lag",
  /** From the time a message was due until the generator looked: its own delay, which no broker causes. */
  generatorLag: "generator lag",
  /** From PUBLISH sent to PUBACK or PUBCOMP received. */
  ack: "publish to acknowledgement",
  /** Of TCP and, where used, TLS and WebSocket. */
  connect: "network connection",
  connack: "CONNECT to CONNACK",
  suback: "SUBSCRIBE to SUBACK",
  /** From the loss of a connection to the CONNACK of the next. */
  reconnect: "connection lost to connected again",
  /** To each retained message that a subscription brought. */
  retained: "SUBSCRIBE to retained message",
} as const;

export type Timing = keyof typeof timings;
export const timingNames = Object.keys(timings) as readonly Timing[];

export type Histograms = Readonly<Record<Timing, Histogram>>;

export function newHistograms(): Histograms {
  return Object.fromEntries(timingNames.map((name) => [name, new Histogram()])) as Histograms;
}

export interface Report {
  readonly counters: Counters;
  readonly histograms: Readonly<Partial<Record<Timing, HistogramSnapshot>>>;
  readonly errors: readonly ErrorCount[];
}

export class Recorder {
  readonly histograms = newHistograms();
  readonly errors = new ErrorTally();
  counters = newCounters();

  fail(code: string, sample: string): void {
    this.counters.errors++;
    this.errors.add(code, sample);
  }

  /** What was recorded since the last call. */
  take(): Report {
    const { counters, histograms } = this;
    this.counters = newCounters();
    const snapshots: Partial<Record<Timing, HistogramSnapshot>> = {};
    for (const name of timingNames) {
      if (histograms[name].count > 0) snapshots[name] = histograms[name].snapshot();
      histograms[name].clear();
    }
    return { counters, histograms: snapshots, errors: this.errors.take() };
  }
}

/** Sums of reports. */
export class Totals {
  readonly counters = newCounters();
  readonly histograms = newHistograms();
  readonly errors = new ErrorTally();

  add(report: Report): void {
    addCounters(this.counters, report.counters);
    for (const name of timingNames) {
      const snapshot = report.histograms[name];
      if (snapshot !== undefined) this.histograms[name].add(snapshot);
    }
    this.errors.addAll(report.errors);
  }

  clear(): void {
    addCounters(this.counters, negated(this.counters));
    for (const name of timingNames) this.histograms[name].clear();
    this.errors.take();
  }
}

function negated(counters: Readonly<Counters>): Counters {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, -value])) as Counters;
}
