/**
 * Rows of `bulk_args` on their way into a table. A statement costs the database about ten milliseconds however few rows it has, so
 * requests that wait for the same table go in together, in one transaction, and each is answered when that is written:
 *
 *     requests of one statement ──▶ one INSERT of all rows ──▶ each row: 1
 *                                        │ something is wrong with one
 *                                        └──▶ each request on its own, each half of it, each row
 *
 * ON CONFLICT doubles what an INSERT costs (`bench/crate-write.bench.ts`). It is left out at first; when a row is there already nothing is written, and the
 * requests go again as they are. Requests in one table's queue are in no order to statements that were sent at the same time.
 */

import { type CodedError, isCodedError, type PolylogError } from "@polylog/base/errors";
import { crateErrors } from "../errors.ts";
import { groupBytesMax, groupRowsMax, groupsWithConflictMax, preparedMax } from "../limits.ts";
import type { InsertRows } from "../sql/insert.ts";
import type { Database } from "./database.ts";
import { translateError } from "./duck-error.ts";

/** What became of one row of `bulk_args`. */
export interface RowOutcome {
  rowcount: number;
  error?: CodedError;
}

export interface BulkRequest {
  /** The body: JSON with `count` rows in `bulk_args`. */
  readonly text: string;
  readonly count: number;
  readonly aborted: AbortSignal;
}

interface Waiting extends BulkRequest {
  readonly resolve: (outcomes: RowOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Requests of one user, of one statement in one schema. */
interface Queue {
  readonly user: string;
  readonly schema: string;
  readonly rowsSql: InsertRows;
  readonly waiting: Waiting[];
  /** Groups that still go with their ON CONFLICT. */
  groupsWithConflict: number;
  /** How many those will be the next time. */
  groupsWithConflictNext: number;
}

export class BulkInserts {
  readonly #database: Database;
  readonly #queues = new Map<string, Queue>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** One outcome a row. Rejects with what concerns the whole request. */
  insert(user: string, schema: string, rowsSql: InsertRows, request: BulkRequest): Promise<RowOutcome[]> {
    const queue = this.#queueOf(user, schema, rowsSql);
    return new Promise((resolve, reject) => {
      queue.waiting.push({ ...request, resolve, reject });
      if (queue.waiting.length === 1) this.#schedule(queue);
    });
  }

  #queueOf(user: string, schema: string, rowsSql: InsertRows): Queue {
    const key = JSON.stringify([user, schema, rowsSql.sql]);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      for (const [other, { waiting }] of this.#queues) {
        if (this.#queues.size < preparedMax) break;
        if (waiting.length === 0) this.#queues.delete(other);
      }
      queue = { user, schema, rowsSql, waiting: [], groupsWithConflict: 0, groupsWithConflictNext: 1 };
      this.#queues.set(key, queue);
    }
    return queue;
  }

  #schedule(queue: Queue): void {
    const everybodyLeft = new AbortController();
    let group: readonly Waiting[] = [];
    const written = this.#database.writing(queue.user, queue.schema, everybodyLeft.signal, () => {
      group = takeGroup(queue);
      if (queue.waiting.length > 0) this.#schedule(queue);
      return this.#writeGroup(queue, group, everybodyLeft);
    });
    written.then(
      (rowcount) => {
        for (const request of group)
          if (rowcount === undefined) this.#writeAlone(queue, request);
          else request.resolve(outcomesOf(request.count, rowcount));
      },
      (error: unknown) => {
        for (const { reject } of group.length > 0 ? group : queue.waiting.splice(0)) reject(error);
      },
    );
  }

  /** Of each row, the same for all; undefined: nothing is written, and requests are to go alone. Rejects with KILLED. */
  async #writeGroup(
    queue: Queue,
    group: readonly Waiting[],
    everybodyLeft: AbortController,
  ): Promise<0 | 1 | undefined> {
    const { sql, plainSql } = queue.rowsSql;
    const isPlain = plainSql !== undefined && queue.groupsWithConflict === 0;
    if (!isPlain) {
      queue.groupsWithConflict = Math.max(0, queue.groupsWithConflict - 1);
    }
    if (group.length === 0 || (group.length === 1 && !isPlain)) return undefined;
    const stopListening = onceAllAborted(group, everybodyLeft);
    try {
      // What is wrong with ON CONFLICT is wrong also when no row is there.
      if (isPlain) await this.#database.writer.check(sql);
      const texts = group.map(({ text }) => text);
      const count = group.reduce((sum, request) => sum + request.count, 0);
      const { rowcount, error } = await this.#insert(isPlain ? plainSql : sql, texts, 1, count);
      if (error === undefined && (rowcount === count || rowcount === 0)) {
        queue.groupsWithConflictNext = 1;
        return rowcount === count ? 1 : 0;
      }
      if (isPlain && error?.code === "crate.DUPLICATE_KEY") {
        queue.groupsWithConflict = queue.groupsWithConflictNext;
        queue.groupsWithConflictNext = Math.min(groupsWithConflictMax, queue.groupsWithConflictNext * 2);
      }
      return undefined;
    } catch (error) {
      if (isCodedError(error, "crate.KILLED")) throw error;
      return undefined;
    } finally {
      stopListening();
    }
  }

  #writeAlone({ user, schema, rowsSql }: Queue, { text, count, aborted, resolve, reject }: Waiting): void {
    const outcomes = outcomesOf(count, 1);
    this.#database
      .writing(user, schema, aborted, () => this.#insertRows(rowsSql.sql, text, outcomes, 0, count))
      .then(() => resolve(outcomes), reject);
  }

  /**
   * Rows `from` to before `to`, in one transaction when all of them go in. Otherwise each half on its own, first half first,
   * down to the row that is refused or passed over: the good ones are written, each row's fate is known.
   */
  async #insertRows(sql: string, text: string, outcomes: RowOutcome[], from: number, to: number): Promise<void> {
    if (from === to) return;
    const count = to - from;
    const { rowcount, error } = await this.#insert(sql, [text], from + 1, to);
    const isSettled = error === undefined && (rowcount === count || rowcount === 0);
    if (isSettled || count === 1) {
      for (let i = from; i < to; i++) outcomes[i] = { rowcount: rowcount === 0 ? 0 : 1 };
      if (error !== undefined) outcomes[from] = { rowcount: -2, error };
      return;
    }
    const middle = from + (count >> 1);
    await this.#insertRows(sql, text, outcomes, from, middle);
    await this.#insertRows(sql, text, outcomes, middle, to);
  }

  /** The slice of all rows from `first` to `last`, from 1. Kept only if all or none went in. */
  async #insert(sql: string, texts: readonly string[], first: number, last: number): Promise<RowOutcome> {
    await this.#database.write("BEGIN");
    let outcome: RowOutcome | undefined;
    try {
      outcome = await outcomeOf(this.#database.write(sql, [texts, first, last]));
    } finally {
      const isWhole =
        outcome?.error === undefined && (outcome?.rowcount === last - first + 1 || outcome?.rowcount === 0);
      await this.#database.writer.endTransaction(isWhole ? "COMMIT" : "ROLLBACK");
    }
    return outcome;
  }
}

/** Of requests whose clients are still there, as many as go together; at least one. */
function takeGroup({ waiting }: Queue): readonly Waiting[] {
  const group: Waiting[] = [];
  let rows = 0;
  let bytes = 0;
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    rows += next.count;
    bytes += next.text.length;
    if (group.length > 0 && (rows > groupRowsMax || bytes > groupBytesMax)) break;
    waiting.shift();
    if (next.aborted.aborted) next.reject(crateErrors.KILLED({ reason: "its client went away" }));
    else group.push(next);
  }
  return group;
}

/** Aborts when every client went away; answers a function that ends the listening. */
function onceAllAborted(group: readonly Waiting[], controller: AbortController): () => void {
  let open = group.length;
  const onAbort = (): void => {
    if (--open === 0) controller.abort();
  };
  for (const { aborted } of group) aborted.addEventListener("abort", onAbort);
  return () => {
    for (const { aborted } of group) aborted.removeEventListener("abort", onAbort);
  };
}

function outcomesOf(count: number, rowcount: number): RowOutcome[] {
  return Array.from({ length: count }, () => ({ rowcount }));
}

export async function outcomeOf(change: Promise<number>): Promise<RowOutcome> {
  try {
    return { rowcount: await change };
  } catch (error) {
    const coded: PolylogError = translateError(error);
    // What concerns the whole request is no row's fault.
    if (coded.retryable || coded.code === "crate.KILLED") throw coded;
    return { rowcount: -2, error: coded };
  }
}
