/** Where the database is, as the connection string says it, and how rows get there. Crosses threads. */

import type { Clock } from "@polylog/base/clock";
import { CrateClient, CrateTransport, PostgresTransport, type RowsTransport } from "@polylog/crate-writer";
import type { TableShape } from "../rows/table-shape.ts";
import { insertSql, quoteTable, suffixOf, unnestSql } from "./table-sql.ts";
import { UnnestTransport } from "./unnest-transport.ts";

export interface Connection {
  /** All of one scheme: `http`, `https`, or one `postgres`. With user and password. */
  readonly addresses: readonly string[];
  readonly verifyTls: boolean;
}

export function isPostgres({ addresses }: Connection): boolean {
  return /^postgres(ql)?:/.test(addresses[0] ?? "");
}

/** For people: without user and password. */
export function describeAddress({ addresses }: Connection): string {
  return addresses
    .map((address) => {
      const url = new URL(address);
      return `${url.protocol}//${url.host}${isPostgres({ addresses: [address], verifyTls: true }) ? url.pathname : ""}`;
    })
    .join(", ");
}

export function clientOf(connection: Connection, clock: Clock): CrateClient {
  const addresses = connection.addresses.map((address) => new URL(address));
  return new CrateClient({ addresses, clock, verifyTls: connection.verifyTls });
}

export interface InsertPlan {
  readonly table: string;
  readonly onConflict: keyof typeof suffixOf;
  readonly insert: "unnest" | "bulk";
  /** Requests under way at a time. */
  readonly concurrency: number;
}

export function transportOf(connection: Connection, shape: TableShape, plan: InsertPlan, clock: Clock): RowsTransport {
  const { table, onConflict, insert, concurrency } = plan;
  const columns = shape.columns.map(({ name }) => name);
  const suffix = suffixOf[onConflict];
  if (isPostgres(connection)) {
    const url = new URL(connection.addresses[0]!);
    return new PostgresTransport({ url, table: quoteTable(table), columns, suffix, connectionsMax: concurrency });
  }
  const client = clientOf(connection, clock);
  if (insert === "bulk") return new CrateTransport(client, insertSql(table, columns, suffix));
  return new UnnestTransport(client, unnestSql(table, columns, suffix), onConflict === "nothing");
}
