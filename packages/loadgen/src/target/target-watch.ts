/** Samples what the broker uses while a run goes on. `readUsage` is a process's or a container's. */

import type { TargetSample } from "../measure/target-cost.ts";
import type { UsageReading } from "./process-sampler.ts";

export type ReadUsage = () => UsageReading | undefined;

export class TargetWatch {
  readonly #readUsage: ReadUsage;
  #last: { readonly reading: UsageReading; readonly atNs: number } | undefined;
  /** Those not yet taken by `take`. */
  #fresh: TargetSample[] = [];
  readonly samples: TargetSample[] = [];

  constructor(readUsage: ReadUsage) {
    this.#readUsage = readUsage;
  }

  /** `relNs`: since the start of the measured time. False: nothing is added, the broker cannot be seen or says nothing new. */
  sample(phase: TargetSample["phase"], relNs: number, nowNs: number, nowMs: number): boolean {
    const reading = this.#readUsage();
    if (reading === undefined) return false;
    const last = this.#last;
    const atNs = reading.clockNs ?? nowNs;
    if (last !== undefined && atNs <= last.atNs) return false; // The same reading once more.
    this.#last = { reading, atNs };
    if (last === undefined) return false;
    const elapsedNs = atNs - last.atNs;
    const cpuPercent = (100 * Math.max(0, reading.cpuTotalNs - last.reading.cpuTotalNs)) / elapsedNs;
    const { clockNs: _, ...used } = reading;
    const sample = { relNs, atMs: nowMs, phase, elapsedNs, cpuPercent, ...used };
    this.#fresh.push(sample);
    this.samples.push(sample);
    return true;
  }

  take(): readonly TargetSample[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }
}
