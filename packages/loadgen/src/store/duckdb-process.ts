/**
 * The process in which DuckDB runs: a query takes all threads of Node's pool, and a fault of native code must not end a run.
 * It answers one request after the other and ends with its parent.
 */

import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { Rows, SqlValue, StoreAnswer, StoreRequest } from "./store-messages.ts";

let instance: DuckDBInstance | undefined;
let connection: DuckDBConnection | undefined;
let last: Promise<unknown> = Promise.resolve();

async function answer(request: StoreRequest): Promise<Rows | undefined> {
  switch (request.kind) {
    case "open":
      instance = await DuckDBInstance.create(request.path, {
        access_mode: request.isReadOnly ? "READ_ONLY" : "READ_WRITE",
        threads: "2",
      });
      connection = await instance.connect();
      return undefined;
    case "write":
      return write(request);
    case "query": {
      const reader = await connection!.runAndReadAll(request.sql, [...request.values]);
      const rows = reader.getRowsJS().map((row) => row.map(plainValue));
      return { columns: reader.columnNames(), rows };
    }
    case "close":
      connection?.closeSync();
      instance?.closeSync();
      return undefined;
  }
}

async function write({ statements }: Extract<StoreRequest, { kind: "write" }>): Promise<undefined> {
  await connection!.run("BEGIN");
  try {
    for (const { sql, values } of statements) await connection!.run(sql, [...values]);
    await connection!.run("COMMIT");
  } catch (error) {
    await connection!.run("ROLLBACK");
    throw error;
  }
  return undefined;
}

/** Whole numbers beyond 2^53 become text; times ISO 8601. */
function plainValue(value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return typeof value === "object" ? JSON.stringify(value, (_, part) => plainPart(part)) : String(value);
}

function plainPart(part: unknown): unknown {
  return typeof part === "bigint" ? Number(part) : part;
}

process.on("message", (request: StoreRequest) => {
  const reply = (message: StoreAnswer) => process.send?.(message, () => undefined);
  last = last.then(async () => {
    try {
      const rows = await answer(request);
      reply(rows === undefined ? { id: request.id } : { id: request.id, rows });
    } catch (error) {
      reply({ id: request.id, problem: (error as Error).message });
    }
    if (request.kind === "close") process.disconnect();
  });
});
// Ctrl-C goes to the whole group of processes; the parent decides when this one ends.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
process.on("disconnect", () => void last.then(() => process.exit()));
