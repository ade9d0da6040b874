/**
 * A histogram of times from 1 µs to 10 s that keeps three significant digits, in the manner of HdrHistogram.
 *
 *     slot          holds                                        width
 *     0..2047       0 to 2047 µs                                 1 µs
 *     2048..3071    2048 to 4095 µs                              2 µs
 *     3072..4095    4096 to 8191 µs                              4 µs
 *     …             each further 1024 slots twice the range      twice the width
 *     14532         the last: 10 s
 *
 * Times above 10 s are counted in the last slot and as `overflow`; smallest, largest, sum and sum of squares are exact.
 * Counts are doubles, so that runs of days do not wrap. Two histograms add up without loss.
 *
 * Hot: `record` is called several times per message; `histogram.bench.ts` shows its cost.
 */

const linearSlots = 2048;
const microsecondsMax = 10_000_000;
const slotCount = slotOf(microsecondsMax) + 1;

/** A histogram as it crosses threads and lies in a database: filled slots only. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly overflow: number;
  readonly sumNs: number;
  /** In µs², to keep small differences. */
  readonly sumSquaresUs: number;
  /** `Infinity` when nothing was recorded. */
  readonly minNs: number;
  readonly maxNs: number;
  /** Slot, count, slot, count, … in rising order. */
  readonly cells: Float64Array;
}

export class Histogram {
  readonly #counts = new Float64Array(slotCount);
  count = 0;
  overflow = 0;
  sumNs = 0;
  sumSquaresUs = 0;
  minNs = Infinity;
  maxNs = 0;

  /** `ns`: below 0, which only a clock that jumps can bring about, counts as 0. */
  record(ns: number): void {
    const value = Math.max(ns, 0);
    let us = value / 1000;
    this.sumSquaresUs += us * us;
    if (us > microsecondsMax) {
      us = microsecondsMax;
      this.overflow++;
    }
    this.#counts[slotOf(us | 0)]++;
    this.count++;
    this.sumNs += value;
    if (value < this.minNs) this.minNs = value;
    if (value > this.maxNs) this.maxNs = value;
  }

  add(snapshot: HistogramSnapshot): void {
    const { cells } = snapshot;
    for (let i = 0; i < cells.length; i += 2) this.#counts[cells[i]] += cells[i + 1];
    this.count += snapshot.count;
    this.overflow += snapshot.overflow;
    this.sumNs += snapshot.sumNs;
    this.sumSquaresUs += snapshot.sumSquaresUs;
    this.minNs = Math.min(this.minNs, snapshot.minNs);
    this.maxNs = Math.max(this.maxNs, snapshot.maxNs);
  }

  get meanNs(): number {
    return this.count === 0 ? 0 : this.sumNs / this.count;
  }

  /** Of all that was recorded, not of a sample of something larger. */
  get stdevNs(): number {
    if (this.count === 0) return 0;
    const meanUs = this.meanNs / 1000;
    return Math.sqrt(Math.max(0, this.sumSquaresUs / this.count - meanUs * meanUs)) * 1000;
  }

  /** The time that `share` (0 to 1) of all recorded ones do not exceed, rounded up to its slot; 0 when there are none. */
  quantileNs(share: number): number {
    if (this.count === 0) return 0;
    const wanted = Math.max(1, Math.ceil(share * this.count - 1e-9));
    let seen = 0;
    for (let slot = 0; slot < slotCount; slot++) {
      seen += this.#counts[slot];
      if (seen >= wanted) return slot === slotCount - 1 ? this.maxNs : Math.min(this.maxNs, slotEndNs(slot) - 1);
    }
    return this.maxNs;
  }

  /** How many were at most `ns`, to the width of a slot. */
  countUpTo(ns: number): number {
    if (ns >= this.maxNs) return this.count;
    const last = slotOf(Math.min(microsecondsMax, ns / 1000) | 0);
    let seen = 0;
    for (let slot = 0; slot <= last; slot++) seen += this.#counts[slot];
    return last === slotCount - 1 ? seen - this.overflow : seen;
  }

  snapshot(): HistogramSnapshot {
    const cells: number[] = [];
    for (let slot = 0; this.count > 0 && slot < slotCount; slot++) {
      if (this.#counts[slot] > 0) cells.push(slot, this.#counts[slot]);
    }
    const { count, overflow, sumNs, sumSquaresUs, minNs, maxNs } = this;
    return { count, overflow, sumNs, sumSquaresUs, minNs, maxNs, cells: Float64Array.from(cells) };
  }

  clear(): void {
    if (this.count === 0) return;
    this.#counts.fill(0);
    this.count = 0;
    this.overflow = 0;
    this.sumNs = 0;
    this.sumSquaresUs = 0;
    this.minNs = Infinity;
    this.maxNs = 0;
  }
}

/** The slot of a whole number of microseconds. */
function slotOf(us: number): number {
  if (us < linearSlots) return us;
  const shift = 21 - Math.clz32(us);
  return (shift << 10) + (us >>> shift);
}

/** The first nanosecond above the slot. */
export function slotEndNs(slot: number): number {
  if (slot < linearSlots) return (slot + 1) * 1000;
  const shift = (slot >> 10) - 1;
  return ((slot - (shift << 10) + 1) << shift) * 1000;
}
