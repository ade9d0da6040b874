/** Writes what was measured until now, one checkpoint after the other; a slow disk makes fewer of them, not a longer queue. */

import type { AnyTotals } from "../measure/recorder.ts";
import type { Interval } from "../measure/result.ts";
import type { TargetSample } from "../measure/target-cost.ts";
import type { ResultStore, ScenarioStart } from "./result-store.ts";

export class Checkpoints {
  /** Undefined: nothing is kept. */
  readonly #store: ResultStore | undefined;
  readonly #ids: Pick<ScenarioStart, "scenarioId" | "runId">;
  readonly #everyNs: number;
  /** Samples of the target since the last call. */
  readonly #takeSamples: () => readonly TargetSample[];
  #dueNs = 0;
  #writing: Promise<void> | undefined;
  #failure: unknown;

  constructor(
    store: ResultStore | undefined,
    ids: Pick<ScenarioStart, "scenarioId" | "runId">,
    everyMs: number,
    takeSamples: () => readonly TargetSample[],
  ) {
    this.#store = store;
    this.#ids = ids;
    this.#everyNs = everyMs * 1e6;
    this.#takeSamples = takeSamples;
  }

  add(interval: Interval, totals: AnyTotals): void {
    // Half an interval early, or jitter would leave every other one out.
    if (this.#store === undefined || this.#writing !== undefined || interval.relNs < this.#dueNs - this.#everyNs / 2)
      return;
    this.#dueNs = interval.relNs + this.#everyNs;
    this.#writing = this.#store
      .checkpoint(this.#ids, interval, totals, this.#takeSamples())
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  /** Rejects with what the first failed write failed with. */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }
}
