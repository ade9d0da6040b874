/**
 * The log file of a run: everything that happens, one line each, whatever is shown on the terminal.
 *
 *     2026-11-21T10:00:00.000Z info phase name=measure
 */

import { appendFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "@polylog/base/clock";
import { loadgenErrors } from "../errors.ts";
import type { TargetSample } from "../measure/target-cost.ts";
import type { BenchResult } from "../mqtt/bench-result.ts";
import type { BenchObserver, Phase, Progress } from "../mqtt/bench-run.ts";
import type { RunOptions } from "./run-options.ts";

type Fields = Readonly<Record<string, unknown>>;
type Level = "debug" | "info" | "warn" | "error";

/** Where it is: as asked, else beside the results; undefined when there is none. */
export function logPathOf({ logFile, store, db }: RunOptions, runId: string): string | undefined {
  if (logFile === "off") return undefined;
  return logFile ?? (store ? join(dirname(db), `${runId}.log`) : undefined);
}

export class RunLog implements BenchObserver {
  readonly #path: string | undefined;
  readonly #clock: Clock;
  #phase: Phase = "connect";
  readonly #errors = new Map<string, number>();

  /** Throws FILE_UNWRITABLE. */
  constructor(path: string | undefined, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    if (path === undefined) return;
    try {
      writeFileSync(path, "");
    } catch (error) {
      throw loadgenErrors.FILE_UNWRITABLE({ path, reason: (error as Error).message }, error);
    }
  }

  write(level: Level, subject: string, fields: Fields = {}): void {
    if (this.#path === undefined) return;
    const words = Object.entries(fields).map(([name, value]) => `${name}=${wordOf(value)}`);
    const time = new Date(this.#clock.nowMs()).toISOString();
    appendFileSync(this.#path, `${[time, level, subject, ...words].join(" ")}\n`);
  }

  onPhase(name: Phase): void {
    this.#phase = name;
    this.write("info", "phase", { name });
  }

  onProgress({ totals, interval, sentRate, receivedRate, open }: Progress): void {
    for (const { code, count, sample } of totals.errors.list()) {
      if (this.#errors.get(code) !== count) this.write("warn", "error", { code, count, sample });
      this.#errors.set(code, count);
    }
    if (this.#phase === "drain") return;
    const { sent, received, duplicates, outOfOrder, late, corrupt, disconnected } = totals.counters;
    const rates = { sentRate: Math.round(sentRate), receivedRate: Math.round(receivedRate), open };
    const faults = { duplicates, outOfOrder, late, corrupt, disconnected };
    const times = interval && { p50Ns: interval.p50Ns, p99Ns: interval.p99Ns, sendLagP99Ns: interval.sendLagP99Ns };
    const generator = interval && { backlog: interval.backlog, ...interval.generator };
    this.write("debug", "interval", { ...rates, sent, received, ...faults, ...times, ...generator });
  }

  onTargetSample({ phase, cpuPercent, memoryBytes }: TargetSample): void {
    this.write("debug", "broker", { phase, cpuPercent, memoryBytes });
  }

  onResult({ scenarioId, isPartial, rates, delivery, timings, thresholds, warnings }: BenchResult): void {
    const { p50Ns, p99Ns, maxNs } = timings.endToEnd;
    this.write("info", "result", { scenarioId, isPartial, ...rates, ...delivery, p50Ns, p99Ns, maxNs });
    for (const { text, actual, isKept } of thresholds) {
      this.write(isKept ? "info" : "error", "threshold", { text, actual, isKept });
    }
    for (const text of warnings) this.write("warn", "warning", { text });
  }
}

function wordOf(value: unknown): string {
  if (typeof value === "number") return `${Number.isInteger(value) ? value : Number(value.toPrecision(6))}`;
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
