/**
 * Rows over PostgreSQL's protocol, to PostgreSQL or CrateDB: one INSERT of many rows. One that is refused for a row's sake is
 * halved down to that row. `pg` is loaded when it is needed.
 */

import { createRequire } from "node:module";
import type { Pool, QueryResult } from "pg";
import { type FaultKind, InsertFault } from "./fault.ts";
import { parametersMax, requestTimeoutMs } from "./limits.ts";
import { ignored, type RowResult, type RowsTransport, written } from "./rows-transport.ts";

export interface PostgresTransportOptions {
  /** `postgres://user:password@host:5432/database` */
  readonly url: URL;
  /** As SQL: `"schema"."table"`. */
  readonly table: string;
  readonly columns: readonly string[];
  /** As SQL, after the values: `ON CONFLICT DO NOTHING`. Default: nothing. */
  readonly suffix?: string;
  /** Connections at a time. Default 4. */
  readonly connectionsMax?: number;
}

interface PostgresError extends Error {
  readonly code?: string;
}

export class PostgresTransport implements RowsTransport {
  readonly #options: PostgresTransportOptions;
  readonly #head: string;
  #pool: Pool | undefined;
  #kept: { readonly rowCount: number; readonly sql: string } | undefined;

  constructor(options: PostgresTransportOptions) {
    this.#options = options;
    this.#head = `INSERT INTO ${options.table} (${options.columns.map(quoteName).join(", ")}) VALUES `;
  }

  async insert(rows: readonly string[], aborted: AbortSignal): Promise<readonly RowResult[]> {
    const values = rows.map((row) => (JSON.parse(row) as readonly unknown[]).map(parameterOf));
    const rowsMax = Math.max(1, Math.floor(parametersMax / Math.max(1, this.#options.columns.length)));
    const results: RowResult[] = [];
    for (let from = 0; from < values.length; from += rowsMax)
      results.push(...(await this.#insert(values.slice(from, from + rowsMax), aborted)));
    return results;
  }

  /** Rows of a statement; rejects with `InsertFault`. */
  async query(sql: string, values: readonly unknown[] = []): Promise<readonly Readonly<Record<string, unknown>>[]> {
    try {
      return (await this.#run(sql, [...values])).rows;
    } catch (error) {
      throw faultOf(error as PostgresError);
    }
  }

  async close(): Promise<void> {
    await this.#pool?.end();
  }

  async #insert(rows: readonly (readonly unknown[])[], aborted: AbortSignal): Promise<RowResult[]> {
    if (aborted.aborted) throw new InsertFault("later", "ABORTED", "given up");
    try {
      const { rowCount } = await this.#run(this.#statement(rows.length), rows.flat());
      // Which rows were passed over is not told, only how many.
      return rows.map((_, i) => (i < (rowCount ?? rows.length) ? written : ignored));
    } catch (error) {
      const fault = faultOf(error as PostgresError);
      if (fault.kind !== "refused" || !isOfRow(fault.code)) throw fault;
      if (rows.length === 1) return [{ fate: "refused", code: fault.code, message: fault.message }];
      const middle = rows.length >> 1;
      const first = await this.#insert(rows.slice(0, middle), aborted);
      return [...first, ...(await this.#insert(rows.slice(middle), aborted))];
    }
  }

  /** For so many rows. The last one is kept: batches are mostly of one size, and a long one takes as long to write as its rows. */
  #statement(rowCount: number): string {
    if (this.#kept?.rowCount !== rowCount) {
      let number = 0;
      const tuple = () => `(${this.#options.columns.map(() => `$${++number}`).join(",")})`;
      const sql = `${this.#head}${Array.from({ length: rowCount }, tuple).join(",")} ${this.#options.suffix ?? ""}`;
      this.#kept = { rowCount, sql };
    }
    return this.#kept.sql;
  }

  /**
   * Not `pool.query`: that ends the connection after every statement that is refused, and a batch of refused rows would connect
   * twice a row.
   */
  async #run(sql: string, values: unknown[]): Promise<QueryResult<Record<string, unknown>>> {
    const client = await this.#open().connect();
    const onError = (): void => undefined; // The query's own rejection says it.
    client.on("error", onError);
    let isBroken = false;
    try {
      return await client.query<Record<string, unknown>>(sql, values);
    } catch (error) {
      isBroken = !leavesConnection((error as PostgresError).code ?? "");
      throw error;
    } finally {
      client.off("error", onError);
      client.release(isBroken);
    }
  }

  #open(): Pool {
    if (this.#pool !== undefined) return this.#pool;
    const { Pool } = createRequire(import.meta.url)("pg") as typeof import("pg");
    this.#pool = new Pool({
      connectionString: this.#options.url.href,
      max: this.#options.connectionsMax ?? 4,
      query_timeout: requestTimeoutMs,
      connectionTimeoutMillis: requestTimeoutMs,
    });
    this.#pool.on("error", () => undefined); // The next query says it.
    return this.#pool;
  }
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Objects as JSON text; lists of anything but objects as lists. */
function parameterOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value) && !value.some((item) => typeof item === "object" && item !== null)) return value;
  return JSON.stringify(value);
}

/** Classes of SQLSTATE that concern the values: data exceptions and constraints. XX000 is CrateDB's for anything. */
function isOfRow(code: string): boolean {
  return code.startsWith("22") || code.startsWith("23") || code === "XX000";
}

/** The server itself refused the statement, and goes on listening: an SQLSTATE that is not of connections or shutdowns. */
function leavesConnection(code: string): boolean {
  return /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) && !/^(08|57P)/.test(code);
}

const kinds: readonly (readonly [pattern: RegExp, kind: FaultKind])[] = [
  [/^(08|53|57P0[123]|55P03|40001|40P01|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)/, "later"],
  [/^(54000|53200)/, "smaller"],
  [/^(ECONNRESET|EPIPE|ETIMEDOUT|57014|$)/, "unknown"],
];

function faultOf(error: PostgresError): InsertFault {
  const { code = "", message } = error;
  const kind = kinds.find(([pattern]) => pattern.test(code))?.[1] ?? "refused";
  return new InsertFault(kind, code === "" ? "EUNKNOWN" : code, message, error);
}
