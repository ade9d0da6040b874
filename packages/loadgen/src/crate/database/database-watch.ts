/** What the database's process or container uses while a load goes on; of several addresses the first one's. */

import type { Clock, HostClock } from "@polylog/base/clock";
import { type TargetCost, type TargetSample, targetCostOf } from "../../measure/target-cost.ts";
import { findTarget, type Target } from "../../target/find-target.ts";
import { TargetWatch } from "../../target/target-watch.ts";

export interface WatchSetup {
  readonly host: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly hostClock: HostClock;
  readonly intervalMs: number;
}

/** Undefined when it cannot be seen from here. */
export async function startDatabaseWatch({ host, ...setup }: WatchSetup): Promise<DatabaseWatch | undefined> {
  const address = host === "localhost" ? "127.0.0.1" : host.replace(/^\[|\]$/g, "");
  const target = await findTarget({ ...setup, address, container: undefined, withChildren: true });
  return target === undefined ? undefined : new DatabaseWatch(target, setup);
}

export class DatabaseWatch {
  readonly #target: Target;
  readonly #setup: Pick<WatchSetup, "clock" | "hostClock">;
  readonly #watch: TargetWatch;

  constructor(target: Target, setup: Pick<WatchSetup, "clock" | "hostClock">) {
    this.#target = target;
    this.#setup = setup;
    this.#watch = new TargetWatch(target.readUsage);
  }

  /** What was used before is not the load's. */
  begin(): void {
    this.#sample("warmup", 0);
  }

  /** `relNs`: since the start of the load. */
  sample(relNs: number): void {
    this.#sample("measurement", relNs);
  }

  /** In the last interval. */
  get last(): { readonly cores: number; readonly memoryBytes: number } | undefined {
    const sample = this.#watch.samples.at(-1);
    return sample === undefined ? undefined : { cores: sample.cpuPercent / 100, memoryBytes: sample.memoryBytes };
  }

  take(): readonly TargetSample[] {
    return this.#watch.take();
  }

  /** `rows`: acknowledged. Undefined without a sample. */
  cost(rows: number): TargetCost | undefined {
    return targetCostOf(this.#target.what, this.#watch.samples, rows);
  }

  stop(): void {
    this.#target.stop();
  }

  #sample(phase: TargetSample["phase"], relNs: number): void {
    this.#watch.sample(phase, relNs, this.#setup.hostClock.monotonicNs(), this.#setup.clock.nowMs());
  }
}
