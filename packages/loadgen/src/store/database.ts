/** A result file: SQL in, rows out. DuckDB runs in a process of its own, see `duckdb-process.ts`. */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { loadgenErrors } from "../errors.ts";
import type { Rows, SqlValue, Statement, StoreAnswer, StoreRequest } from "./store-messages.ts";
import { createTable, tables } from "./tables.ts";

type Asked = StoreRequest extends infer R ? (R extends { id: number } ? Omit<R, "id"> : never) : never;

export class Database {
  readonly path: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (rows: Rows | undefined) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #failure: string | undefined;

  private constructor(path: string) {
    this.path = path;
    const file = fileURLToPath(new URL("./duckdb-process.js", import.meta.url));
    this.#child = fork(file, { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child.on("message", (answer: StoreAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.problem === undefined) waiting?.resolve(answer.rows);
      else waiting?.reject(new Error(answer.problem));
    });
    this.#child.on("exit", (code, signal) => {
      this.#failure = `its process ended with ${code ?? signal}`;
      for (const { reject } of this.#waiting.values()) reject(new Error(this.#failure));
      this.#waiting.clear();
    });
  }

  /** Makes file and tables when they are missing, unless `isReadOnly`. Rejects with STORE_FAILED. */
  static async open(path: string, { isReadOnly = false } = {}): Promise<Database> {
    const database = new Database(path);
    try {
      await database.#ask({ kind: "open", path, isReadOnly });
      if (!isReadOnly) await database.write(tables.map((table) => ({ sql: createTable(table), values: [] })));
      return database;
    } catch (error) {
      await database.close();
      throw loadgenErrors.STORE_FAILED({ path, reason: (error as Error).message }, error);
    }
  }

  /** All or none. */
  async write(statements: readonly Statement[]): Promise<void> {
    await this.#ask({ kind: "write", statements });
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<Rows> {
    return (await this.#ask({ kind: "query", sql, values }))!;
  }

  /** Resolves when everything is on disk and the process is gone. */
  async close(): Promise<void> {
    if (this.#failure !== undefined) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    await this.#ask({ kind: "close" }).catch(() => this.#child.kill("SIGKILL"));
    await ended;
  }

  #ask(request: Asked): Promise<Rows | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(new Error(this.#failure));
        return;
      }
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, ...request } as StoreRequest);
    });
  }
}

/** `INSERT` of one row. */
export function insert(table: string, row: Readonly<Record<string, SqlValue>>): Statement {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${index + 1}`);
  return {
    sql: `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places.join(", ")})`,
    values: Object.values(row),
  };
}
