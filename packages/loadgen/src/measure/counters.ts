/**
 * What is counted in every thread and added up over them; and errors by code. A tool sends items (messages, rows) and sees
 * which of them arrived; what else it counts it brings itself.
 */

import { errorCodesMax, errorSampleLengthMax } from "../limits.ts";

/** Every tool's. Items count when they were due in the measured time, if nothing else is said. */
export const counterNames = [
  "sent",
  /** Each once, however often it came: messages at subscribers, rows that the database has. */
  "received",
  /** Confirmed to the sender. */
  "acked",
  "bytesSent",
  "bytesReceived",
  "errors",
] as const;

export type CounterName = (typeof counterNames)[number];
export type Counters<Name extends string = CounterName> = Record<Name, number>;

export function newCounters<Name extends string>(names: readonly Name[]): Counters<Name> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counters<Name>;
}

export function addCounters<Name extends string>(total: Counters<Name>, part: Readonly<Counters<Name>>): void {
  for (const name in total) total[name] += part[name];
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
