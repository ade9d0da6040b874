/** The database beside the load: what it is, its table, and how many rows are there. */

import type { Clock } from "@polylog/base/clock";
import { faultOfAnswer, InsertFault, PostgresTransport } from "@polylog/crate-writer";
import { loadgenErrors } from "../../errors.ts";
import { type Connection, clientOf, describeAddress, isPostgres } from "./connection.ts";
import { type Dialect, quoteTable } from "./table-sql.ts";

export interface Product {
  readonly kind: "CrateDB" | "Polylog" | "PostgreSQL" | "unknown";
  /** A sentence's subject, for every report: what it is, and what it is not. */
  readonly name: string;
  readonly version: string;
}

type Rows = readonly (readonly unknown[])[];

export class Database {
  readonly #connection: Connection;
  readonly #query: (sql: string) => Promise<Rows>;
  readonly close: () => Promise<void>;
  readonly #info: () => Promise<Product>;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    if (isPostgres(connection)) {
      const transport = new PostgresTransport({
        url: new URL(connection.addresses[0]!),
        table: "",
        columns: [],
        connectionsMax: 1,
      });
      this.#query = async (sql) => (await transport.query(sql)).map((row) => Object.values(row));
      this.#info = async () => postgresProduct(String((await this.#query("SELECT version()"))[0]?.[0]));
      this.close = () => transport.close();
    } else {
      const client = clientOf(connection, clock);
      this.#query = async (sql) => (await client.sql(sql, [], ({ status, text }) => faultOfAnswer(status, text))).rows;
      this.#info = async () => {
        const { product, version } = await client.node();
        return httpProduct(product, version?.number ?? "");
      };
      this.close = async () => client.close();
    }
  }

  get address(): string {
    return describeAddress(this.#connection);
  }

  /** Rejects with DATABASE_UNREACHABLE, DATABASE_REFUSED. */
  product(): Promise<Product> {
    return this.#told("to say what it is", this.#info());
  }

  /** Rejects as `product`. */
  async dialect(): Promise<Dialect> {
    return isPostgres(this.#connection) && (await this.product()).kind !== "CrateDB" ? "postgres" : "crate";
  }

  /** Rejects as `product`; `what` a refusal is of. */
  run(what: string, sql: string): Promise<Rows> {
    return this.#told(what, this.#query(sql));
  }

  /** Of all rows that were confirmed until now. Rejects as `product`. */
  async count(table: string, dialect: Dialect): Promise<number> {
    if (dialect === "crate") await this.run("REFRESH", `REFRESH TABLE ${quoteTable(table)}`);
    const [row] = await this.run("to count rows", `SELECT count(*) FROM ${quoteTable(table)}`);
    return Number(row?.[0]);
  }

  async #told<T>(what: string, asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      const { address } = this;
      if (error instanceof SyntaxError)
        throw loadgenErrors.DATABASE_REFUSED({ address, what, reason: "its answer is no JSON" }, error);
      if (!(error instanceof InsertFault)) throw error;
      const { kind, code, message } = error;
      const reason = `${code} ${message}`;
      if (kind === "refused") throw loadgenErrors.DATABASE_REFUSED({ address, what, reason }, error);
      throw loadgenErrors.DATABASE_UNREACHABLE({ address, reason }, error);
    }
  }
}

export function httpProduct(product: string | undefined, version: string): Product {
  if (product === "Polylog") return { kind: "Polylog", name: "the DuckDB embedded in Polylog, not CrateDB", version };
  if (product !== undefined) return { kind: "unknown", name: `${product}, which is not CrateDB`, version };
  return { kind: "CrateDB", name: "CrateDB", version };
}

function postgresProduct(text: string): Product {
  const [, version = ""] = /([\d.]+)/.exec(text) ?? [];
  if (/CrateDB/i.test(text)) return { kind: "CrateDB", name: "CrateDB, by PostgreSQL's protocol", version };
  return { kind: "PostgreSQL", name: "PostgreSQL, not CrateDB", version };
}
