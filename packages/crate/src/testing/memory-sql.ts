/** The endpoint's service on a database in memory, as one client sees it. */

import { systemClock } from "@polylog/base/clock";
import { Database, type DatabaseOptions } from "../database/database.ts";
import { type SqlAnswer, type SqlRequest, SqlService } from "../database/sql-service.ts";

export const node = {
  id: "node-1",
  name: "polylog",
  hostname: "host",
  version: "6.0.0+polylog.0",
  clusterName: "polylog",
};

export interface SqlResult {
  readonly cols: readonly string[];
  readonly col_types?: readonly unknown[];
  readonly rows: readonly (readonly unknown[])[];
  readonly rowcount: number;
  readonly results: readonly {
    readonly rowcount: number;
    readonly error?: { readonly code: number; readonly message: string };
  }[];
  readonly error: { readonly code: number; readonly message: string };
}

export interface SqlBody {
  readonly args?: unknown;
  readonly bulk_args?: unknown;
}

export class MemorySql {
  readonly database: Database;
  readonly #service: SqlService;

  private constructor(database: Database) {
    this.database = database;
    this.#service = new SqlService(database, systemClock);
  }

  static async open(timeoutMs?: number, more: Partial<DatabaseOptions> = {}): Promise<MemorySql> {
    const options = { path: ":memory:", temporaryDirectory: "", node, clock: systemClock, ...more };
    return new MemorySql(await Database.open({ ...options, ...(timeoutMs !== undefined && { timeoutMs }) }));
  }

  send(
    body: string | object,
    options: Partial<SqlRequest> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<SqlAnswer> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const rights = { consume: true, produce: true, manage: true };
    return this.#service.answer(
      { body: Buffer.from(text), schema: "doc", types: false, rights, user: "crate", ...options },
      signal,
    );
  }

  /** The answer's body, parsed; `error` when it was refused. */
  async sql(stmt: string, body: SqlBody = {}, options: Partial<SqlRequest> = {}): Promise<SqlResult> {
    return JSON.parse((await this.send({ stmt, ...body }, options)).body) as SqlResult;
  }

  /** Rows of a query. */
  async rows(stmt: string, ...args: readonly unknown[]): Promise<readonly (readonly unknown[])[]> {
    const { rows, error } = await this.sql(stmt, { args });
    if (error !== undefined) throw new Error(error.message);
    return rows;
  }
}
