/** What a bridge has done since the server started. */

export interface BridgeCounters {
  /** Links that were made, and attempts that failed or links that broke. */
  connects: number;
  failures: number;
  /** Messages handed to the other side. */
  out: number;
  in: number;
  /** Messages dropped: no rule names their topic (any more); they were here before; too large; refused for good; QoS 0 to a side that is slow. */
  unmatched: number;
  looped: number;
  tooLarge: number;
  refused: number;
  overflowed: number;
}

/** Of those, the ones that did not go over. */
export const dropReasons = ["unmatched", "looped", "tooLarge", "refused", "overflowed"] as const;

export function noCounters(): BridgeCounters {
  return { connects: 0, failures: 0, out: 0, in: 0, unmatched: 0, looped: 0, tooLarge: 0, refused: 0, overflowed: 0 };
}
