/**
 * Rows over PostgreSQL's protocol, to PostgreSQL or CrateDB: one INSERT of many rows. One that is refused for a row's sake is
 * halved down to that row. `pg` is loaded when it is needed.
 */

import { createRequire } from "node:module";
import type { Pool } from "pg";
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
      const { rows } = await this.#open().query<Record<string, unknown>>(sql, [...values]);
      return rows;
    } catch (error) {
      throw faultOf(error as PostgresError);
    }
  }

  async close(): Promise<void> {
    await this.#pool?.end();
  }

  async #insert(rows: readonly (readonly unknown[])[], aborted: AbortSignal): Promise<RowResult[]> {
    if (aborted.aborted) throw new InsertFault("later", "ABORTED", "given up");
    let number = 0;
    const tuples = rows.map((row) => `(${row.map(() => `$${++number}`).join(",")})`).join(",");
    const sql = `${this.#head}${tuples} ${this.#options.suffix ?? ""}`;
    try {
      const { rowCount } = await this.#open().query(sql, rows.flat());
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
