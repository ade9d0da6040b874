/** The result of `crate-write`: what it has beside that of every tool. */

import type { ErrorCount } from "../../measure/counters.ts";
import type { RunResult } from "../../measure/result.ts";
import type { Product } from "../database/database.ts";
import type { LoadOutcome } from "../load/load-run.ts";
import type { RowAccount, Verification } from "../load/row-account.ts";

export interface LoadResult extends RunResult {
  readonly table: string;
  readonly rows: RowAccount & { readonly acknowledged: number; readonly failed: number };
  /** Undefined when nobody asked for it, or the database could not be asked any more. */
  readonly verification: Verification | undefined;
  readonly database: Product & { readonly address: string; readonly isEmbedded: boolean };
  readonly endedBy: LoadOutcome["endedBy"];
  /** Whole requests that failed, by what was done about it and the code. */
  readonly requestErrors: readonly ErrorCount[];
  /** What each of the threads that the options count has done. */
  readonly workers: readonly WorkerResult[];
}

export interface WorkerResult {
  /** From 1. */
  readonly worker: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly batches: number;
}
