/** What a row of a benchmark sets up, and what a round of it tells. */

/** Figures by their unit; the first is the row's. */
export type Sample = Readonly<Record<string, number>>;

/** Clients of one peer, kept from round to round. */
export interface Rig {
  run(seconds: number): Promise<Sample>;
  close(): void;
}
