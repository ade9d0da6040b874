/**
 * Rows over PostgreSQL's protocol, to PostgreSQL or CrateDB: one INSERT of many rows, all of them or none. Which form it has is found
 * out before the first one. `pg` is loaded when it is needed.
 */

import { createRequire } from "node:module";
import type { Pool, QueryResult } from "pg";
import { type FaultKind, InsertFault } from "./fault.ts";
import { requestTimeoutMs } from "./limits.ts";
import {
  JsonInsert,
  type PostgresInsert,
  type PostgresType,
  readsJson,
  typesSql,
  ValuesInsert,
} from "./postgres-insert.ts";
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
  #pool: Pool | undefined;
  #form: Promise<PostgresInsert> | undefined;

  constructor(options: PostgresTransportOptions) {
    this.#options = options;
  }

  async insert(rows: readonly string[], aborted: AbortSignal): Promise<readonly RowResult[]> {
    if (aborted.aborted) throw new InsertFault("later", "ABORTED", "given up");
    this.#form ??= this.#findForm();
    try {
      const form = await this.#form;
      if (rows.length > form.rowsMax)
        throw new InsertFault("smaller", "PARAMETERS", `no more than ${form.rowsMax} rows of this table go at once`);
      const { rowCount } = await this.#run(form.sql(rows.length), form.parameters(rows));
      // Which rows were passed over is not told, only how many.
      return rows.map((_, i) => (i < (rowCount ?? rows.length) ? written : ignored));
    } catch (error) {
      const fault = error instanceof InsertFault ? error : faultOf(error as PostgresError);
      // The table may be another one when somebody has put that right.
      if (fault.kind === "refused") this.#form = undefined;
      throw fault;
    }
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

  /** Rejects with `InsertFault`; nothing was written then. */
  async #findForm(): Promise<PostgresInsert> {
    try {
      const [product] = (await this.#run("SELECT version() AS version", [])).rows;
      if (!readsJson(String(product?.["version"]))) return new ValuesInsert(this.#options);
      const { rows } = await this.#run(typesSql, [this.#options.table]);
      const types = new Map<string, PostgresType>();
      for (const { name, type, category } of rows)
        types.set(String(name), { type: String(type), category: String(category) });
      const keepsText = this.#options.columns.some((name) => types.get(name)?.type === "json");
      return keepsText ? new ValuesInsert(this.#options) : new JsonInsert(this.#options, types);
    } catch (error) {
      this.#form = undefined;
      const fault = faultOf(error as PostgresError);
      throw fault.kind === "unknown" ? new InsertFault("later", fault.code, fault.message, error) : fault;
    }
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

/** The server itself refused the statement, and goes on listening: an SQLSTATE that is not of connections or shutdowns. */
function leavesConnection(code: string): boolean {
  return /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code) && !/^(08|57P)/.test(code);
}

/**
 * About the values: data exceptions, constraints, views with a check, what a trigger raises, a value nested too deep. XX000 is
 * CrateDB's for anything.
 */
const ofRow = /^(22|23|44|P0|38|39|54001|XX000)/;

const kinds: readonly (readonly [pattern: RegExp, kind: FaultKind])[] = [
  [/^(54000|53200)/, "smaller"],
  [ofRow, "row"],
  [/^(08|53|57P0[123]|55P03|40001|40P01|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)/, "later"],
  [/^(ECONNRESET|EPIPE|ETIMEDOUT|57014|$)/, "unknown"],
];

function faultOf(error: PostgresError): InsertFault {
  const { code = "", message } = error;
  const kind = kinds.find(([pattern]) => pattern.test(code))?.[1] ?? "refused";
  return new InsertFault(kind, code === "" ? "EUNKNOWN" : code, message, error);
}
