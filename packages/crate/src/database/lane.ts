/**
 * One connection to the database, its statements one after the other as `FairLanes` hands them out, each within its time. Statements that are asked for
 * again and again stay prepared.
 */

import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBResult,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTypeId,
  type DuckDBValue,
  listValue,
  StatementType,
} from "@duckdb/node-api";
import type { Clock, Timer } from "@polylog/base/clock";
import { crateErrors } from "../errors.ts";
import { interruptIntervalMs, preparedMax, statementGraceMs } from "../limits.ts";

/** A value as JSON has it. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export class Lane {
  readonly #connection: DuckDBConnection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onStuck: () => void;
  readonly #prepared = new Map<string, DuckDBPreparedStatement>();
  #schema = "";
  #isStale = false;
  /** The work under way has used up its time, or its client went away. */
  #isOver = false;

  /** `onStuck`: the work did not end long after its time. */
  constructor(connection: DuckDBConnection, clock: Clock, timeoutMs: number, onStuck: () => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onStuck = onStuck;
  }

  /** Does `work` in `schema`, one at a time. What runs too long, or is aborted, rejects as interrupted. */
  async run<T>(schema: string, aborted: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (aborted.aborted) throw crateErrors.KILLED({ reason: "its client went away" });
    this.#isOver = false;
    let again: Timer | undefined;
    const interrupt = (): void => {
      this.#isOver = true;
      this.#connection.interrupt();
      // What is just about to begin does not hear it.
      this.#clock.clearTimer(again);
      again = this.#clock.setTimer(interrupt, interruptIntervalMs);
    };
    const timer = this.#clock.setTimer(interrupt, this.#timeoutMs);
    // Planning, and computing constants meanwhile, is not interrupted.
    const stuck = this.#clock.setTimer(this.#onStuck, this.#timeoutMs + statementGraceMs);
    aborted.addEventListener("abort", interrupt);
    try {
      if (this.#isStale || schema !== this.#schema) this.#dropPrepared();
      if (schema !== this.#schema) {
        await this.#connection.run(`SET search_path = '${schema.replaceAll("'", "''").replaceAll(",", "")},main'`);
        this.#schema = schema;
      }
      return await work();
    } finally {
      this.#isOver = false;
      this.#clock.clearTimer(timer);
      this.#clock.clearTimer(again);
      this.#clock.clearTimer(stuck);
      aborted.removeEventListener("abort", interrupt);
    }
  }

  /** Throws UNSUPPORTED unless `sql` is a query: WITH may begin a statement of any kind. */
  async requireQuery(sql: string): Promise<void> {
    const { statementType } = await this.#prepare(sql);
    if (statementType !== StatementType.SELECT)
      throw crateErrors.UNSUPPORTED({ what: "WITH, EXPLAIN and parentheses go with queries only" });
  }

  /** Throws what is wrong with `sql`. */
  async check(sql: string): Promise<void> {
    await this.#prepare(sql);
  }

  async execute(sql: string, values: readonly JsonValue[] = []): Promise<DuckDBResult> {
    const prepared = await this.#prepare(sql);
    // An interrupt ends what is running; between two statements nothing is.
    if (this.#isOver) throw crateErrors.KILLED({ reason: "Job killed. it ran too long, or its client went away" });
    if (prepared.parameterCount > values.length)
      throw crateErrors.ANALYSIS({ reason: `${prepared.parameterCount} parameters, but ${values.length} arguments` });
    for (let i = 1; i <= prepared.parameterCount; i++) bind(prepared, i, values[i - 1] ?? null);
    return prepared.stream();
  }

  /** Ends the transaction whatever was interrupted: a later statement must never find itself in it. */
  async endTransaction(how: "COMMIT" | "ROLLBACK"): Promise<void> {
    try {
      await this.#connection.run(how);
    } catch (error) {
      await this.#connection.run("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }

  /** After a definition has changed: what was prepared may mean something else. */
  forget(): void {
    this.#isStale = true;
  }

  #dropPrepared(): void {
    for (const prepared of this.#prepared.values()) prepared.destroySync();
    this.#prepared.clear();
    this.#isStale = false;
  }

  async #prepare(sql: string): Promise<DuckDBPreparedStatement> {
    const kept = this.#prepared.get(sql);
    if (kept !== undefined) return kept;
    const prepared = await this.#connection.prepare(sql);
    if (this.#prepared.size >= preparedMax) {
      const [oldest, statement] = this.#prepared.entries().next().value!;
      statement.destroySync();
      this.#prepared.delete(oldest);
    }
    this.#prepared.set(sql, prepared);
    return prepared;
  }
}

/** Binds as the type that the database found for the parameter. */
function bind(prepared: DuckDBPreparedStatement, index: number, value: JsonValue): void {
  if (value === null) prepared.bindNull(index);
  else if (typeof value === "number") bindNumber(prepared, index, value);
  else if (typeof value === "boolean") prepared.bindBoolean(index, value);
  else if (typeof value === "string") prepared.bindVarchar(index, value);
  else if (isList(value)) prepared.bindValue(index, listValue(listItems(value)));
  else prepared.bindVarchar(index, JSON.stringify(value));
}

function bindNumber(prepared: DuckDBPreparedStatement, index: number, value: number): void {
  const typeId = prepared.parameterTypeId(index);
  const micros = () => BigInt(Math.round(value * 1000));
  if (typeId === DuckDBTypeId.TIMESTAMP_TZ) prepared.bindTimestampTZ(index, new DuckDBTimestampTZValue(micros()));
  else if (typeId === DuckDBTypeId.TIMESTAMP) prepared.bindTimestamp(index, new DuckDBTimestampValue(micros()));
  else if (typeId === DuckDBTypeId.VARCHAR) prepared.bindVarchar(index, String(value));
  else if (Number.isSafeInteger(value)) prepared.bindBigInt(index, BigInt(value));
  else prepared.bindDouble(index, value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** All of one type: texts, unless all are numbers or all are booleans. */
function listItems(values: readonly JsonValue[]): DuckDBValue[] {
  const present = values.filter((value) => value !== null);
  if (present.length > 0 && present.every((value) => Number.isSafeInteger(value)))
    return values.map((value) => (value === null ? null : BigInt(value as number)));
  if (present.every((value) => typeof value === "number" || typeof value === "boolean"))
    return values.map((value) => value as number | boolean | null);
  return values.map((value) => (value === null || typeof value === "string" ? value : JSON.stringify(value)));
}
