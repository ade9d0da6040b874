/** Where a sink's rows go: makes the table, tells its columns, takes batches. One per rule. */

import type { Clock } from "@polylog/base/clock";
import {
  CrateClient,
  CrateTransport,
  faultOfAnswer,
  InsertFault,
  PostgresTransport,
  type RowsTransport,
} from "@polylog/crate-writer";
import type { SqlProcess } from "../process/sql-process.ts";
import { quoteName } from "../sql/tokens.ts";
import type { SinkRule } from "./sink-rule.ts";

export interface SinkTarget {
  /** Makes the table unless it is there; its columns in their order. Rejects with `InsertFault`. */
  prepare(): Promise<readonly string[]>;
  /** For rows of these columns, one row per partition and offset. */
  transport(columns: readonly string[]): RowsTransport;
  close(): Promise<void>;
}

type Query = (sql: string, args: readonly unknown[]) => Promise<readonly (readonly unknown[])[]>;

/** `process`: of `/_sql`, for `embedded`. */
export function openSinkTarget(rule: SinkRule, clock: Clock, process: SqlProcess): SinkTarget {
  if (rule.target === "postgres") return new PostgresTarget(rule);
  if (rule.target === "embedded") return new EmbeddedTarget(rule, process);
  return new CrateTarget(rule, clock);
}

const objects = { crate: "OBJECT(IGNORED)", embedded: "OBJECT(IGNORED)", postgres: "JSONB" } as const;

function tableSql({ target }: SinkRule, name: string): string {
  const columns = `"partition" INTEGER, "offset" BIGINT, "timestamp" TIMESTAMP WITH TIME ZONE, "key" TEXT, "topic" TEXT,
    "headers" ${objects[target]}, "value" ${objects[target]}, "text" TEXT`;
  return `CREATE TABLE IF NOT EXISTS ${name} (${columns}, PRIMARY KEY ("partition", "offset"))`;
}

const columnsSql =
  "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = $2 ORDER BY ordinal_position";

/** Columns, checked; a column of CrateDB's that is a part of an object is none. */
async function prepare(rule: SinkRule, name: string, schema: string, query: Query): Promise<string[]> {
  const find = async () => (await query(columnsSql, [rule.table, schema])).map(([column]) => String(column));
  let columns = await find();
  if (columns.length === 0) {
    await query(tableSql(rule, name), []);
    columns = await find();
  }
  columns = columns.filter((column) => !column.includes("["));
  for (const column of ["partition", "offset"])
    if (!columns.includes(column))
      throw new InsertFault(
        "refused",
        "COLUMNS",
        `table ${name} has no column "${column}"; with "partition" and "offset" as its primary key every record is one row`,
      );
  return columns;
}

function insertSql(name: string, columns: readonly string[]): string {
  const names = columns.map(quoteName).join(", ");
  return `INSERT INTO ${name} (${names}) VALUES (${columns.map(() => "?").join(", ")}) ON CONFLICT ("partition", "offset") DO NOTHING`;
}

class CrateTarget implements SinkTarget {
  readonly #rule: SinkRule;
  readonly #client: CrateClient;
  readonly #schema: string;
  readonly #name: string;

  constructor(rule: SinkRule, clock: Clock) {
    this.#rule = rule;
    this.#client = new CrateClient({ addresses: [rule.url!], clock });
    this.#schema = rule.schema ?? "doc";
    this.#name = `${quoteName(this.#schema)}.${quoteName(rule.table)}`;
  }

  prepare(): Promise<readonly string[]> {
    return prepare(this.#rule, this.#name, this.#schema, async (sql, args) => {
      const { rows } = await this.#client.sql(sql, args, ({ status, text }) => faultOfAnswer(status, text));
      return rows;
    });
  }

  transport(columns: readonly string[]): RowsTransport {
    return new CrateTransport(this.#client, insertSql(this.#name, columns));
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}

/** The same without HTTP: bodies go straight to the database's process. */
class EmbeddedTarget implements SinkTarget {
  readonly #rule: SinkRule;
  readonly #process: SqlProcess;
  readonly #schema: string;
  readonly #name: string;

  constructor(rule: SinkRule, process: SqlProcess) {
    this.#rule = rule;
    this.#process = process;
    this.#schema = rule.schema ?? "doc";
    this.#name = `${quoteName(this.#schema)}.${quoteName(rule.table)}`;
  }

  prepare(): Promise<readonly string[]> {
    return prepare(this.#rule, this.#name, this.#schema, async (stmt, args) => {
      const { status, text } = await this.post(JSON.stringify({ stmt, args }));
      if (status !== 200) throw faultOfAnswer(status, text);
      return (JSON.parse(text) as { rows: readonly (readonly unknown[])[] }).rows;
    });
  }

  transport(columns: readonly string[]): RowsTransport {
    return new CrateTransport(this, insertSql(this.#name, columns));
  }

  /** As `CrateClient.post`. */
  async post(body: string): Promise<{ status: number; text: string }> {
    const rights = { consume: true, produce: true, manage: true };
    const request = { body: Buffer.from(body), schema: "doc", types: false, rights, user: "sink" };
    try {
      const { status, body: text } = await this.#process.answer(request, () => undefined);
      return { status, text };
    } catch (error) {
      throw new InsertFault("unknown", "EPROCESS", error instanceof Error ? error.message : String(error), error);
    }
  }

  close(): Promise<void> {
    return Promise.resolve(); // The process belongs to the endpoint.
  }
}

class PostgresTarget implements SinkTarget {
  readonly #rule: SinkRule;
  readonly #schema: string;
  readonly #name: string;
  readonly #transports: PostgresTransport[] = [];

  constructor(rule: SinkRule) {
    this.#rule = rule;
    this.#schema = rule.schema ?? "public";
    this.#name = `${quoteName(this.#schema)}.${quoteName(rule.table)}`;
  }

  prepare(): Promise<readonly string[]> {
    const transport = this.#open([]);
    return prepare(this.#rule, this.#name, this.#schema, async (sql, args) => {
      const rows = await transport.query(sql, args);
      return rows.map((row) => Object.values(row));
    });
  }

  transport(columns: readonly string[]): RowsTransport {
    return this.#open(columns);
  }

  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
  }

  #open(columns: readonly string[]): PostgresTransport {
    const suffix = 'ON CONFLICT ("partition", "offset") DO NOTHING';
    const transport = new PostgresTransport({ url: this.#rule.url!, table: this.#name, columns, suffix });
    this.#transports.push(transport);
    return transport;
  }
}
