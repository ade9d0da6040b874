/** What the main thread and the threads that write say to each other. */

import type { ErrorCount } from "../../measure/counters.ts";
import type { HistogramSnapshot } from "../../measure/histogram.ts";
import type { Timing } from "../../measure/recorder.ts";
import type { Stage } from "../../measure/schedule.ts";
import type { Connection, InsertPlan } from "../database/connection.ts";
import type { RunNonce } from "../rows/row-ids.ts";
import type { ModelChoice } from "../rows/row-models.ts";
import type { RowAccount } from "./row-account.ts";

/** A thread as the options count them. */
export interface LoadMember {
  readonly thread: number;
  /** Undefined: until it is told to stop. */
  readonly rows: number | undefined;
}

export interface LoadSetup {
  /** Those that share one thread of the machine. */
  readonly members: readonly LoadMember[];
  /** In all. */
  readonly threads: number;
  readonly connection: Connection;
  readonly plan: InsertPlan;
  readonly model: ModelChoice;
  readonly seed: number;
  readonly nonce: RunNonce;
  readonly batchSize: number;
  /** Time from the begin of one batch of a writer to that of its next, at least. */
  readonly batchIntervalMs: number;
  /** Rows per second of all threads together; without stages there is no schedule. */
  readonly rateStart: number;
  readonly stages: readonly Stage[];
}

export type ToLoader =
  | { readonly kind: "start"; readonly startNs: number }
  | { readonly kind: "report" }
  /** No further batches. */
  | { readonly kind: "stop" }
  /** What is under way is given up. */
  | { readonly kind: "abandon" };

/** Where one of the threads that the options count stands; rows and batches since the start. */
export interface MemberState {
  readonly thread: number;
  readonly acknowledged: number;
  readonly failed: number;
  readonly batches: number;
  /** Batches under way. */
  readonly open: number;
  readonly isDone: boolean;
}

/** Since the report before. */
export interface LoadReport {
  readonly account: RowAccount;
  readonly histograms: Readonly<Partial<Record<Timing, HistogramSnapshot>>>;
  /** Of rows that were not confirmed. */
  readonly rowErrors: readonly ErrorCount[];
  /** Of whole requests, each time one failed. */
  readonly requestErrors: readonly ErrorCount[];
  readonly loopDelayP99Ns: number;
  readonly loopDelayMaxNs: number;
  /** Batches under way, and their rows. */
  readonly open: number;
  readonly openRows: number;
  /** When the last batch was settled, by the host's clock; 0: none was. */
  readonly settledNs: number;
  /** Batches that are due and not begun. */
  readonly backlog: number;
  /** Everything that was to be written is settled. */
  readonly isDone: boolean;
  /** The database has too much, and the thread waits. */
  readonly isBraked: boolean;
  readonly members: readonly MemberState[];
}

export type FromLoader =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly problem: string }
  | { readonly kind: "report"; readonly report: LoadReport };
