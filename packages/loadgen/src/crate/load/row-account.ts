/** What became of the rows: kept in every thread, added up over them. Each row is in exactly one of the first four. */

import type { BatchOutcome } from "@polylog/crate-writer";

export const rowCounters = [
  /** Confirmed by the database. */
  "written",
  /** Passed over by ON CONFLICT: there already, mostly from an attempt whose answer was lost. */
  "ignored",
  /** Not there: the database said no, or they were given up before it said anything. */
  "refused",
  /** There or not, nobody knows. */
  "unknown",
  "batches",
  "bytes",
  "requests",
  /** Requests that failed as a whole, each time. */
  "failedRequests",
  /** Requests after a batch's first. */
  "retries",
  /** Requests that were too much at once, and were sent again in halves. */
  "halvings",
  /** Times at which a thread waited because the database had too much. */
  "pauses",
] as const;

export type RowAccount = Record<(typeof rowCounters)[number], number>;

export function newAccount(): RowAccount {
  return Object.fromEntries(rowCounters.map((name) => [name, 0])) as RowAccount;
}

export function addAccount(total: RowAccount, part: Readonly<RowAccount>): void {
  for (const name of rowCounters) total[name] += part[name];
}

export function addOutcome(account: RowAccount, outcome: BatchOutcome): void {
  account.written += outcome.written;
  account.ignored += outcome.ignored;
  account.refused += outcome.refused.length;
  account.unknown += outcome.unknown.length;
  account.retries += outcome.retries;
  account.halvings += outcome.halvings;
  account.batches++;
}

export function acknowledgedOf({ written, ignored }: Readonly<RowAccount>): number {
  return written + ignored;
}

/** Rows that were not confirmed. */
export function failedOf({ refused, unknown }: Readonly<RowAccount>): number {
  return refused + unknown;
}

/** What the table says at the end, beside what was confirmed. */
export interface Verification {
  readonly before: number;
  readonly after: number;
  /** Rows that came into the table. */
  readonly present: number;
  /** Bounds within which `present` agrees with the account. */
  readonly least: number;
  readonly most: number;
  readonly agrees: boolean;
}

/**
 * `idsAreNew`: no row can have been there before the run, so that what ON CONFLICT passed over was written by the run too.
 * Rows of unknown fate may be there or not.
 */
export function verify(account: Readonly<RowAccount>, before: number, after: number, idsAreNew: boolean): Verification {
  const { written, ignored, unknown } = account;
  const present = after - before;
  const least = idsAreNew ? written + ignored : written;
  const most = written + ignored + unknown;
  return { before, after, present, least, most, agrees: present >= least && present <= most };
}
