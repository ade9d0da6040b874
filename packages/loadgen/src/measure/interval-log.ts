/** The intervals of a run. One of days keeps no more than one of minutes: they become longer instead. */

import { intervalsMax } from "../limits.ts";
import { type Interval, mergeIntervals } from "./result.ts";

export class IntervalLog {
  readonly #max: number;
  readonly #kept: Interval[] = [];
  /** Intervals that one of those kept stands for, and how many the last has so far. */
  #perInterval = 1;
  #inLast = 1;

  /** `max`: even. */
  constructor(max: number = intervalsMax) {
    this.#max = max;
  }

  get intervals(): readonly Interval[] {
    return this.#kept;
  }

  /** Makes the last one longer by what followed it. */
  extend(interval: Interval): void {
    const last = this.#kept.at(-1);
    if (last === undefined) this.add(interval);
    else this.#kept[this.#kept.length - 1] = mergeIntervals(last, interval);
  }

  add(interval: Interval): void {
    const kept = this.#kept;
    const last = kept.at(-1);
    if (last !== undefined && this.#inLast < this.#perInterval) {
      kept[kept.length - 1] = mergeIntervals(last, interval);
      this.#inLast++;
      return;
    }
    if (kept.length === this.#max) {
      for (let i = 0; i < this.#max / 2; i++) kept[i] = mergeIntervals(kept[2 * i]!, kept[2 * i + 1]!);
      kept.length = this.#max / 2;
      this.#perInterval *= 2;
    }
    kept.push(interval);
    this.#inLast = 1;
  }
}
