/**
 * Writes batches and accounts for every row. What a database may take later is sent again after a pause that all writers
 * share; what was too much is halved, and so is what was refused as a whole because of a row, until that row is found; what
 * nobody knows of is sent again only where sending twice cannot double it. A batch of n rows takes 2n - 1 requests at the most,
 * when every row is refused, beside those that are sent again.
 *
 *     a batch ──▶ brake ──▶ transport ──▶ written | ignored | refused          settled
 *                   ▲                 ├─▶ later, unknown (idempotent)          again, after a pause
 *                   │                 ├─▶ smaller, row                         each half; a single row: refused
 *                   └─────────────────┴── unknown (not idempotent), given up   lost from sight: `unknown`
 */

import type { Clock } from "@polylog/base/clock";
import type { Brake } from "./brake.ts";
import { InsertFault } from "./fault.ts";
import type { RowsTransport } from "./rows-transport.ts";

export interface BatchWriterOptions {
  readonly transport: RowsTransport;
  readonly brake: Brake;
  readonly clock: Clock;
  /** True when sending a row twice leaves one: a primary key of our own, and ON CONFLICT DO NOTHING. */
  readonly isIdempotent: boolean;
  /** How long one batch is tried, in milliseconds; after that its rows are refused with the last fault. Default: for ever. */
  readonly patienceMs?: number;
  /** A request was answered or failed: how long it took, how many rows it had. */
  readonly onRequest?: (durationMs: number, rowCount: number, fault: InsertFault | undefined) => void;
}

export interface RefusedRow {
  /** In the batch. */
  readonly index: number;
  readonly code: string;
  readonly message: string;
}

export interface BatchOutcome {
  written: number;
  /** Passed over by ON CONFLICT; also rows that an attempt nobody knew of had written. */
  ignored: number;
  readonly refused: RefusedRow[];
  /** Rows that may have been written or not. */
  readonly unknown: RefusedRow[];
  /** Requests after the first. */
  retries: number;
  /** Requests that were sent again in halves: too much at once, or with a row that is refused among them. */
  halvings: number;
}

/** One batch on its way. */
interface Batch {
  readonly rows: readonly string[];
  readonly deadlineMs: number;
  readonly aborted: AbortSignal;
  readonly outcome: BatchOutcome;
}

export class BatchWriter {
  readonly #options: BatchWriterOptions;
  /** More rows than this were too much lately. */
  #rowsMax = Number.POSITIVE_INFINITY;

  constructor(options: BatchWriterOptions) {
    this.#options = options;
  }

  /** Rows a request may have: less than asked for after one was too much; grows again with each that goes. */
  get rowsMax(): number {
    return this.#rowsMax;
  }

  /** `rows`: each a JSON array of values. Never rejects. `aborted`: what is not settled then is refused or unknown. */
  async write(rows: readonly string[], aborted: AbortSignal): Promise<BatchOutcome> {
    const outcome: BatchOutcome = { written: 0, ignored: 0, refused: [], unknown: [], retries: 0, halvings: 0 };
    const { clock, patienceMs = Number.POSITIVE_INFINITY } = this.#options;
    const deadlineMs = clock.monotonicMs() + patienceMs;
    const batch: Batch = { rows, deadlineMs, aborted, outcome };
    const all = rows.map((_, index) => index);
    const step = Math.min(this.#rowsMax, rows.length);
    for (let from = 0; from < rows.length; from += step) await this.#settle(batch, all.slice(from, from + step), false);
    return outcome;
  }

  async #settle(batch: Batch, indexes: readonly number[], wasDoubtful: boolean): Promise<void> {
    const { deadlineMs, aborted, outcome } = batch;
    let left = indexes;
    /** An attempt is behind us of which nobody knows what it wrote. */
    let isDoubtful = wasDoubtful;
    for (let attempt = 0; left.length > 0; attempt++) {
      await this.#options.brake.pass(aborted);
      const isOver = attempt > 0 && this.#options.clock.monotonicMs() >= deadlineMs;
      if (attempt > 0 && (aborted.aborted || isOver)) {
        const why = aborted.aborted ? "given up" : "the database took too long to be ready";
        giveUp(left, isDoubtful, new InsertFault("later", aborted.aborted ? "ABORTED" : "PATIENCE", why), outcome);
        return;
      }
      if (attempt > 0) outcome.retries++;
      const fault = await this.#attempt(batch, left);
      if (!(fault instanceof InsertFault)) {
        left = fault;
        continue;
      }
      if (left.length > 1 && (fault.kind === "smaller" || fault.kind === "row")) {
        outcome.halvings++;
        if (fault.kind === "smaller") this.#rowsMax = Math.min(this.#rowsMax, Math.ceil(left.length / 2));
        const middle = left.length >> 1;
        await this.#settle(batch, left.slice(0, middle), isDoubtful);
        await this.#settle(batch, left.slice(middle), isDoubtful);
        return;
      }
      isDoubtful ||= fault.kind === "unknown";
      const mayRetry = fault.kind === "later" || (fault.kind === "unknown" && this.#options.isIdempotent);
      if (!mayRetry) {
        giveUp(left, isDoubtful, fault, outcome);
        return;
      }
    }
  }

  /** One request. Answers the rows to send again, or the fault of the whole. */
  async #attempt(batch: Batch, indexes: readonly number[]): Promise<readonly number[] | InsertFault> {
    const { rows, outcome, aborted } = batch;
    const { transport, brake, clock, onRequest, isIdempotent } = this.#options;
    const startedAtMs = clock.monotonicMs();
    try {
      const results = await transport.insert(
        indexes.map((index) => rows[index]!),
        aborted,
      );
      brake.release();
      this.#rowsMax = Math.max(this.#rowsMax, Math.ceil(indexes.length * 1.1));
      onRequest?.(clock.monotonicMs() - startedAtMs, indexes.length, undefined);
      const again: number[] = [];
      for (const [i, { fate, code, message }] of results.entries()) {
        if (fate === "written") outcome.written++;
        else if (fate === "ignored") outcome.ignored++;
        else if (fate === "later" && isIdempotent) again.push(indexes[i]!);
        else outcome.refused.push({ index: indexes[i]!, code, message });
      }
      if (again.length > 0) brake.press();
      return again;
    } catch (error) {
      if (!(error instanceof InsertFault)) throw error;
      const fault = isIdempotent ? perhapsOfRow(error) : error;
      onRequest?.(clock.monotonicMs() - startedAtMs, indexes.length, fault);
      if (fault.kind === "later" || fault.kind === "unknown") brake.press();
      else brake.release();
      return fault;
    }
  }
}

/** CrateDB's 5000 is for anything, also for a row, and does not say that nothing was written. */
function perhapsOfRow(fault: InsertFault): InsertFault {
  const { kind, code, message } = fault;
  return kind === "refused" && code === "5000" ? new InsertFault("row", code, message, fault) : fault;
}

function giveUp(indexes: readonly number[], isDoubtful: boolean, fault: InsertFault, outcome: BatchOutcome): void {
  const { code, message } = fault;
  for (const index of indexes) (isDoubtful ? outcome.unknown : outcome.refused).push({ index, code, message });
}
