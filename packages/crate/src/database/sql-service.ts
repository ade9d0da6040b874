/**
 * Answers requests to `/_sql`: from the body's bytes to the answer's. It runs in the database's own process, so that neither
 * reading JSON nor making it takes time from the server's loop.
 */

import { type DuckDBResult, ResultReturnType } from "@duckdb/node-api";
import type { Clock } from "@polylog/base/clock";
import { crateErrors, errorBody, statusOf } from "../errors.ts";
import { rowErrorsMax, statementLengthMax } from "../limits.ts";
import { type Insert, insertRowsSql, unnestedParameters } from "../sql/insert.ts";
import { withoutLoneSurrogates } from "../sql/json-surrogates.ts";
import { readStatement, type SqlAction, type Statement } from "../sql/statement.ts";
import { typeOfDuck } from "../sql/types.ts";
import { BulkInserts, outcomeOf, type RowOutcome } from "./bulk-inserts.ts";
import type { Database } from "./database.ts";
import { translateError } from "./duck-error.ts";
import { jsonRows, nameOfType } from "./json-rows.ts";
import type { JsonValue, Lane } from "./lane.ts";

export interface SqlRequest {
  readonly body: Uint8Array;
  /** Of the header Default-Schema. */
  readonly schema: string;
  /** `?types` */
  readonly types: boolean;
  readonly rights: Readonly<Record<SqlAction, boolean>>;
  readonly user: string;
}

export interface SqlAnswer {
  readonly status: number;
  readonly body: string;
}

interface Parsed {
  readonly stmt: string;
  readonly args: readonly JsonValue[];
  readonly bulkArgs: readonly (readonly JsonValue[])[] | undefined;
}

interface Rows {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly rowsText: string;
  readonly rowcount: number;
}

const noRows = { columns: [], types: [], rowsText: "[]" } as const;

export class SqlService {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #bulkInserts: BulkInserts;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#bulkInserts = new BulkInserts(database);
    this.#clock = clock;
  }

  /** Never rejects. */
  async answer(request: SqlRequest, aborted: AbortSignal): Promise<SqlAnswer> {
    const startedAtMs = this.#clock.monotonicMs();
    const duration = () => (this.#clock.monotonicMs() - startedAtMs).toFixed(6);
    try {
      const { body } = request;
      const text = withoutLoneSurrogates(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
      const parsed = readBody(text);
      const statement = await this.#read(parsed, request, aborted);
      this.#authorize(statement, request);
      if (parsed.bulkArgs !== undefined) {
        const outcomes = await this.#bulk(statement, parsed, text, request, aborted);
        const types = request.types ? ',"col_types":[]' : "";
        return {
          status: 200,
          body: `{"cols":[]${types},"duration":${duration()},"results":${JSON.stringify(withErrors(outcomes))}}`,
        };
      }
      const rows = await this.#single(statement, parsed, request, aborted);
      const numbers = rows.types.map((duck) => typeOfDuck(duck).number);
      const types = request.types ? `,"col_types":${JSON.stringify(numbers)}` : "";
      const columns = JSON.stringify(rows.columns);
      return {
        status: 200,
        body: `{"cols":${columns}${types},"rows":${rows.rowsText},"rowcount":${rows.rowcount},"duration":${duration()}}`,
      };
    } catch (error) {
      const coded = translateError(error);
      return { status: statusOf(coded), body: errorBody(coded) };
    }
  }

  #read({ stmt, args, bulkArgs }: Parsed, { schema, user }: SqlRequest, aborted: AbortSignal): Promise<Statement> {
    // The columns of a table are asked for in the writer's lane: after the statements that may change them.
    return readStatement(stmt, bulkArgs?.[0] ?? args, schema, (name) =>
      this.#database.writing(user, schema, aborted, () => this.#database.columnsOf(name)),
    );
  }

  #authorize(statement: Statement, { rights, user }: SqlRequest): void {
    const { action } = statement;
    if (!rights[action]) throw crateErrors.NOT_AUTHORIZED({ action, user });
    if (action === "produce" && !rights.consume && mayTellRows(statement))
      throw crateErrors.NOT_AUTHORIZED({ action: "consume", user });
  }

  async #single(statement: Statement, parsed: Parsed, request: SqlRequest, aborted: AbortSignal): Promise<Rows> {
    const { schema, user } = request;
    const write = (work: (lane: Lane) => Promise<Rows>) => this.#database.writing(user, schema, aborted, work);
    switch (statement.kind) {
      case "nothing":
        return { ...noRows, rowcount: statement.rowcount };
      case "query":
        return this.#database.reading(user, schema, aborted, async (lane) => {
          await lane.requireQuery(statement.checked);
          return readRows(lane, statement.sql, parsed.args);
        });
      case "create":
        return write(async () => {
          const rowcount = await this.#database.createTable(statement.create, parsed.stmt);
          return { ...noRows, rowcount };
        });
      case "drop":
        return write(async () => {
          const rowcount = await this.#database.dropTable(statement.name, statement.sql);
          return { ...noRows, rowcount };
        });
      case "alter":
        return write(async () => {
          await this.#database.write(statement.sql);
          this.#database.onDefinition();
          return { ...noRows, rowcount: -1 };
        });
      case "insert": {
        const unnested = unnestedParameters(statement.insert);
        if (unnested !== undefined)
          return write(() => this.#insertColumns(statement.insert, unnested.length, parsed.args));
        return write((lane) => writeRows(lane, statement.sql, parsed.args));
      }
      case "write":
        return write((lane) => writeRows(lane, statement.sql, parsed.args));
    }
  }

  /** Columns of values: all rows or none. */
  async #insertColumns(insert: Insert, count: number, args: readonly JsonValue[]): Promise<Rows> {
    const columns = args.slice(0, count).map((column) => {
      if (!Array.isArray(column)) throw crateErrors.ANALYSIS({ reason: "UNNEST takes arrays" });
      return column as readonly JsonValue[];
    });
    const length = Math.max(0, ...columns.map((column) => column.length));
    const rows = Array.from({ length }, (_, at) => columns.map((column) => column[at] ?? null));
    const tuple = columns.map((_, i) => [{ kind: "parameter", text: `$${i + 1}`, value: `$${i + 1}` }] as const);
    const { sql } = insertRowsSql({ ...insert, tuples: [tuple.map((value) => [...value])] }, "$.rows");
    const rowcount = await this.#database.write(sql, [[withoutLoneSurrogates(JSON.stringify({ rows }))], 1, length]);
    return { ...noRows, rowcount };
  }

  async #bulk(
    statement: Statement,
    parsed: Parsed,
    text: string,
    { schema, user }: SqlRequest,
    aborted: AbortSignal,
  ): Promise<RowOutcome[]> {
    const bulkArgs = parsed.bulkArgs!;
    if (statement.kind === "write")
      return this.#database.writing(user, schema, aborted, async () => {
        const outcomes: RowOutcome[] = [];
        for (const args of bulkArgs) outcomes.push(await outcomeOf(this.#database.write(statement.sql, args)));
        return outcomes;
      });
    if (statement.kind !== "insert")
      throw crateErrors.UNSUPPORTED({ what: "bulk_args go with INSERT, UPDATE and DELETE" });
    const rowsSql = insertRowsSql(statement.insert, "$.bulk_args");
    const { parameterCount } = rowsSql;
    if (bulkArgs.some((args) => args.length < parameterCount))
      throw crateErrors.ANALYSIS({
        reason: `mixed number of arguments: the statement has ${parameterCount} parameters`,
      });
    return this.#bulkInserts.insert(user, schema, rowsSql, { text, count: bulkArgs.length, aborted });
  }
}

async function readRows(lane: Lane, sql: string, args: readonly JsonValue[]): Promise<Rows> {
  return rowsOf(await lane.execute(sql, args));
}

async function rowsOf(result: DuckDBResult): Promise<Rows> {
  const { text, count } = await jsonRows(result);
  const columns = result.columnNames().map((name) => name.replaceAll("count_star()", "count(*)"));
  return { columns, types: result.columnTypes().map(nameOfType), rowsText: text, rowcount: count };
}

/** Whether a statement that writes may tell or copy what is in tables. In doubt, it may. */
function mayTellRows(statement: Statement): boolean {
  if (statement.kind === "insert" && unnestedParameters(statement.insert) !== undefined)
    return statement.insert.tail.some(({ text }) => text === "returning");
  // Words of the client's are in lower case.
  return "sql" in statement && /\b(returning|select|using|from|table)\b/.test(statement.sql);
}

/** Of INSERT, UPDATE and DELETE; with RETURNING there are rows. */
async function writeRows(lane: Lane, sql: string, args: readonly JsonValue[]): Promise<Rows> {
  const result = await lane.execute(sql, args);
  if (result.returnType === ResultReturnType.QUERY_RESULT) return rowsOf(result);
  await result.fetchAllChunks();
  return { ...noRows, rowcount: result.rowsChanged };
}

/** As CrateDB's answer: the first failed rows say why. */
function withErrors(outcomes: readonly RowOutcome[]): object[] {
  let told = 0;
  return outcomes.map(({ rowcount, error }) => {
    if (error === undefined || told >= rowErrorsMax) return { rowcount };
    told++;
    return { rowcount, error: { code: error.wireCode ?? 5000, message: error.message } };
  });
}

function readBody(text: string): Parsed {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw crateErrors.BAD_REQUEST({ reason: `the body is not JSON: ${(error as Error).message}` });
  }
  if (typeof body !== "object" || body === null) throw crateErrors.BAD_REQUEST({ reason: "the body is not an object" });
  const { stmt, args, bulk_args: bulkArgs } = body as Readonly<Record<string, unknown>>;
  if (typeof stmt !== "string") throw crateErrors.BAD_REQUEST({ reason: "missing the statement: stmt" });
  if (stmt.length > statementLengthMax) throw crateErrors.BAD_REQUEST({ reason: "the statement is too long" });
  if (!isMissing(args) && !Array.isArray(args)) throw crateErrors.BAD_REQUEST({ reason: "args is not an array" });
  if (!isMissing(bulkArgs) && !(Array.isArray(bulkArgs) && bulkArgs.every(Array.isArray)))
    throw crateErrors.BAD_REQUEST({ reason: "bulk_args is not an array of arrays" });
  if (isGiven(args) && isGiven(bulkArgs))
    throw crateErrors.BAD_REQUEST({
      reason: "request body contains args and bulk_args. It's forbidden to provide both",
    });
  return {
    stmt,
    args: (args ?? []) as readonly JsonValue[],
    bulkArgs: isGiven(bulkArgs) ? (bulkArgs as readonly (readonly JsonValue[])[]) : undefined,
  };
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
