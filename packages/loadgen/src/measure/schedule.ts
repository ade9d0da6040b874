/**
 * When each message is due: an open schedule, which a slow broker does not slow down. A message that cannot be sent in
 * time stays due, and its latency counts from then.
 *
 *     rate
 *      ^            stage 2   ____________ stage 3
 *      |                    /
 *      |  stage 1          /
 *      |__________________/
 *      +-----------------------------------------------> time since the start
 *
 * A stage leads in a straight line from the rate before it to its own. Message number `index` (from 0, of all senders
 * together) is due when the area under the line reaches `index`. Sender s of S has the messages s, s + S, s + 2 S, …:
 * so each has its share of the rate, and they do not all send at once.
 */

export interface Stage {
  readonly durationNs: number;
  /** Messages per second of all senders together at the end of the stage; equal to the rate before it: constant. */
  readonly rateEnd: number;
}

interface Segment {
  readonly startNs: number;
  readonly endNs: number;
  readonly rateStart: number;
  /** Change of the rate per second, per second. */
  readonly slope: number;
  readonly countStart: number;
  readonly countEnd: number;
}

export class Schedule {
  readonly #segments: readonly Segment[];
  /** Of all stages. */
  readonly durationNs: number;
  /** How many messages are due before the end. */
  readonly total: number;

  /** `rateStart`: messages per second at the start, of all senders together. At least one stage. */
  constructor(rateStart: number, stages: readonly Stage[]) {
    const segments: Segment[] = [];
    let startNs = 0;
    let rate = rateStart;
    let count = 0;
    for (const { durationNs, rateEnd } of stages) {
      if (durationNs <= 0) {
        rate = rateEnd;
        continue;
      }
      const seconds = durationNs / 1e9;
      const countEnd = count + ((rate + rateEnd) / 2) * seconds;
      const slope = (rateEnd - rate) / seconds;
      const endNs = startNs + durationNs;
      segments.push({ startNs, endNs, rateStart: rate, slope, countStart: count, countEnd });
      startNs = endNs;
      count = countEnd;
      rate = rateEnd;
    }
    this.#segments = segments;
    this.durationNs = startNs;
    this.total = Math.ceil(count - 1e-6);
  }

  /** Nanoseconds after the start; `Infinity` for a message after the last. */
  dueNs(index: number): number {
    if (index >= this.total) return Infinity;
    const segments = this.#segments;
    let at = 0;
    while (at < segments.length - 1 && index >= segments[at].countEnd) at++;
    const { startNs, endNs, rateStart, slope, countStart } = segments[at];
    const ahead = index - countStart;
    // Of ahead = rate t + slope t² / 2 the smaller root, in the form that is exact when the slope is 0.
    const root = Math.sqrt(Math.max(0, rateStart * rateStart + 2 * slope * ahead));
    const seconds = rateStart + root === 0 ? 0 : (2 * ahead) / (rateStart + root);
    return Math.min(endNs, startNs + seconds * 1e9);
  }

  /** Messages per second of all senders together, `ns` after the start. */
  rateAt(ns: number): number {
    const segment = this.#segments.find(({ endNs }) => ns < endNs);
    return segment === undefined ? 0 : segment.rateStart + (segment.slope * (ns - segment.startNs)) / 1e9;
  }
}
