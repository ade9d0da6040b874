/** What is counted in every thread and added up over them; and errors by code. */

import { errorCodesMax, errorSampleLengthMax } from "../limits.ts";

/** Those of messages count messages that were due in the measured time, if nothing else is said. */
export const counterNames = [
  "sent",
  /** Each once, however often it came. */
  "received",
  /** Confirmed by the broker: PUBACK or PUBCOMP. */
  "acked",
  "bytesSent",
  "bytesReceived",
  "duplicates",
  "outOfOrder",
  /** Received later than `--late-after` behind the time it was due. */
  "late",
  "corrupt",
  /** Messages of another run, or of something else: retained ones, say. Warm-up included. */
  "foreign",
  /** Of those received: whose payloads are too short for a stamp. */
  "unstamped",
  /** Sent in warm-up and measured time. */
  "sentAll",
  "receivedAll",
  "connectAttempts",
  "connected",
  "connectFailed",
  "disconnected",
  "reconnected",
  "subscribed",
  "errors",
] as const;

export type CounterName = (typeof counterNames)[number];
export type Counters = Record<CounterName, number>;

export function newCounters(): Counters {
  return Object.fromEntries(counterNames.map((name) => [name, 0])) as Counters;
}

export function addCounters(total: Counters, part: Readonly<Counters>): void {
  for (const name of counterNames) total[name] += part[name];
}

export interface ErrorCount {
  readonly code: string;
  readonly count: number;
  /** The text of the first of them. */
  readonly sample: string;
}

/** Errors by code, each with one sample. Codes above the limit are counted under `other`. */
export class ErrorTally {
  readonly #byCode = new Map<string, { count: number; sample: string }>();

  add(code: string, sample: string, count = 1): void {
    const known = this.#byCode.get(code);
    if (known !== undefined) known.count += count;
    else if (this.#byCode.size < errorCodesMax || code === "other") {
      this.#byCode.set(code, { count, sample: sample.slice(0, errorSampleLengthMax) });
    } else this.add("other", sample, count);
  }

  addAll(errors: readonly ErrorCount[]): void {
    for (const { code, sample, count } of errors) this.add(code, sample, count);
  }

  /** The most frequent first. */
  list(): readonly ErrorCount[] {
    const rows = [...this.#byCode].map(([code, { count, sample }]) => ({ code, count, sample }));
    return rows.sort((a, b) => b.count - a.count);
  }

  /** As `list`, and forgets them. */
  take(): readonly ErrorCount[] {
    const rows = this.list();
    this.#byCode.clear();
    return rows;
  }
}
