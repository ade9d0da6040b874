/** Numbers by chance that a seed repeats (mulberry32). */

export interface Chance {
  readonly seed: number;
  /** 0 .. bound-1. */
  below(bound: number): number;
}

/** The seed comes from `POLYLOG_SEED` when that is set. Tests print it. */
export function seededChance(): Chance {
  const given = Number(process.env["POLYLOG_SEED"]);
  const seed = Number.isInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31) + 1;
  let state = seed;
  const below = (bound: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
  return { seed, below };
}
