/** What kind of statement a text is, what it needs permission for, and how it is carried out. One row per first word. */

import { crateErrors } from "../errors.ts";
import { setOperationsMax } from "../limits.ts";
import { type CreateTable, readColumn, readCreateTable, readTableName, sqlOf, type TableName } from "./create-table.ts";
import { type ColumnsOf, type Insert, insertSql, readInsert, updateSql } from "./insert.ts";
import { Rewriter } from "./rewrite.ts";
import { isName, quoteText, type Token, TokenCursor, tokensOf } from "./tokens.ts";

/** What the broker's access is asked for. */
export type SqlAction = "consume" | "produce" | "manage";

export type Statement =
  /** `checked`: what must be a query; of EXPLAIN, which would carry anything out, the statement behind it. */
  | { readonly action: SqlAction; readonly kind: "query"; readonly sql: string; readonly checked: string }
  | { readonly action: SqlAction; readonly kind: "write"; readonly sql: string }
  | { readonly action: SqlAction; readonly kind: "insert"; readonly sql: string; readonly insert: Insert }
  | { readonly action: SqlAction; readonly kind: "create"; readonly create: CreateTable }
  | { readonly action: SqlAction; readonly kind: "drop"; readonly sql: string; readonly name: TableName }
  | { readonly action: SqlAction; readonly kind: "alter"; readonly sql: string }
  /** Nothing to do here: rows are there as soon as they are written, settings of shards mean nothing. */
  | { readonly action: SqlAction; readonly kind: "nothing"; readonly rowcount: number };

interface Reading {
  readonly cursor: TokenCursor;
  readonly schema: string;
  readonly columnsOf: ColumnsOf;
  /** Parameters become `$1` and so on. */
  readonly rewriter: Rewriter;
}

type Read = (reading: Reading) => Statement | Promise<Statement>;

const nothing =
  (rowcount: number): Read =>
  () => ({ action: "consume", kind: "nothing", rowcount });

const statements: Readonly<Record<string, Read>> = {
  select: query,
  with: query,
  values: query,
  "(": query,
  explain,
  show,
  insert,
  update: async ({ cursor, schema, columnsOf, rewriter }) => {
    cursor.next();
    return { action: "produce", kind: "write", sql: await updateSql(cursor, schema, columnsOf, rewriter) };
  },
  delete: remove,
  create: ({ cursor, schema }) => {
    cursor.next();
    if (cursor.take("table")) return { action: "manage", kind: "create", create: readCreateTable(cursor, schema) };
    throw crateErrors.UNSUPPORTED({ what: "only tables can be created here" });
  },
  drop,
  alter,
  refresh: nothing(1),
  optimize: nothing(1),
  analyze: nothing(1),
  set: nothing(0),
  reset: nothing(0),
  begin: nothing(0),
  start: nothing(0),
  commit: nothing(0),
  end: nothing(0),
  discard: nothing(0),
  deallocate: nothing(0),
};

/** `args`: of the statement, or the first of many. Throws SYNTAX, UNSUPPORTED, RELATION_UNKNOWN, COLUMN_UNKNOWN. */
export async function readStatement(
  text: string,
  args: readonly unknown[],
  schema: string,
  columnsOf: ColumnsOf,
): Promise<Statement> {
  const tokens = tokensOf(text);
  const first = tokens[0];
  if (first === undefined) throw crateErrors.SYNTAX({ reason: "the statement is empty" });
  if (tokens.some((token) => token.kind === "symbol" && token.text === ";"))
    throw crateErrors.SYNTAX({ reason: "one statement at a time" });
  refuseHarmful(tokens);
  const read = Object.hasOwn(statements, first.text) ? statements[first.text] : undefined;
  if (read === undefined)
    throw crateErrors.SYNTAX({ reason: `no statement begins with ${JSON.stringify(first.text)} here` });
  const rewriter = new Rewriter({
    parameter: (number) => `$${number}`,
    isNumber: (number) => typeof args[number - 1] === "number",
  });
  return read({ cursor: new TokenCursor(tokens), schema, columnsOf, rewriter });
}

/** Functions of DuckDB's that change its settings, show its insides or other clients' statements, or run a text as SQL. */
const insides: ReadonlySet<string> = new Set([
  "add_parquet_key",
  "checkpoint",
  "current_query",
  "current_setting",
  "disable_logging",
  "disable_peg_parser",
  "disable_profiling",
  "enable_logging",
  "enable_peg_parser",
  "enable_profiling",
  "force_checkpoint",
  "json_execute_serialized_sql",
  "query",
  "query_table",
  "truncate_duckdb_logs",
  "which_secret",
  "write_log",
]);

const setOperators: ReadonlySet<string> = new Set(["union", "intersect", "except"]);

/** Throws UNSUPPORTED for DuckDB's own catalogue and functions, however their names are quoted, and for too many set operations. */
function refuseHarmful(tokens: readonly Token[]): void {
  const setOperations = tokens.filter(({ kind, text }) => kind === "word" && setOperators.has(text));
  if (setOperations.length > setOperationsMax)
    throw crateErrors.UNSUPPORTED({ what: `more than ${setOperationsMax} of UNION, INTERSECT and EXCEPT` });
  for (const [i, token] of tokens.entries()) {
    if (!isName(token)) continue;
    const name = token.value.toLowerCase();
    const isCalled = tokens[i + 1]?.kind === "symbol" && tokens[i + 1]!.text === "(";
    if (/^(duckdb|pragma)_/.test(name) || (isCalled && insides.has(name)))
      throw crateErrors.UNSUPPORTED({ what: `${name} is not for clients` });
  }
}

function query({ cursor, rewriter }: Reading): Statement {
  return queryOf(rewriter.rewrite(cursor.tokens));
}

function queryOf(sql: string): Statement {
  return { action: "consume", kind: "query", sql, checked: sql };
}

/** EXPLAIN [ANALYZE] of a query. */
function explain({ cursor, rewriter }: Reading): Statement {
  cursor.next();
  const head = cursor.take("analyze") ? "EXPLAIN ANALYZE" : "EXPLAIN";
  if (!["select", "with", "values"].includes(cursor.peek?.text ?? ""))
    throw crateErrors.UNSUPPORTED({ what: "EXPLAIN [ANALYZE] goes with SELECT, WITH and VALUES here" });
  const checked = rewriter.rewrite(cursor.tokens.slice(cursor.at));
  return { action: "consume", kind: "query", sql: `${head} ${checked}`, checked };
}

/** SHOW TABLES | SCHEMAS | COLUMNS | CREATE TABLE | any setting. */
function show({ cursor, schema }: Reading): Statement {
  cursor.next();
  return queryOf(showSql(cursor, schema));
}

function showSql(cursor: TokenCursor, schema: string): string {
  const from = () => (cursor.take("from") || cursor.take("in") ? cursor.name() : schema);
  if (cursor.take("tables"))
    return `SELECT table_name FROM crate_info.tables WHERE table_type = 'BASE TABLE' AND table_schema = ${quoteText(from())} ORDER BY 1`;
  if (cursor.take("schemas")) return "SELECT schema_name FROM crate_info.schemata ORDER BY 1";
  if (cursor.take("columns")) {
    const table = from();
    const inSchema = from();
    return `SELECT column_name, data_type FROM crate_info.columns WHERE table_name = ${quoteText(table)} AND table_schema = ${quoteText(inSchema)} ORDER BY 1`;
  }
  if (cursor.take("create", "table")) {
    const { schema: inSchema, table } = readTableName(cursor, schema);
    return `SELECT statement AS "SHOW CREATE TABLE ${inSchema}.${table}" FROM crate_meta.tables WHERE table_schema = ${quoteText(inSchema)} AND table_name = ${quoteText(table)}`;
  }
  const setting = cursor.name();
  return `SELECT value AS setting FROM crate_info.settings WHERE name = ${quoteText(setting)}`;
}

async function insert({ cursor, schema, columnsOf, rewriter }: Reading): Promise<Statement> {
  cursor.next();
  cursor.expect("into");
  const parsed = await readInsert(cursor, schema, columnsOf);
  return { action: "produce", kind: "insert", sql: insertSql(parsed, rewriter), insert: parsed };
}

function remove({ cursor, schema, rewriter }: Reading): Statement {
  cursor.next();
  cursor.expect("from");
  const name = sqlOf(readTableName(cursor, schema));
  const rest = cursor.tokens.slice(cursor.at);
  return { action: "produce", kind: "write", sql: `DELETE FROM ${name} ${rewriter.rewrite(rest)}` };
}

function drop({ cursor, schema }: Reading): Statement {
  cursor.next();
  if (!cursor.take("table")) throw crateErrors.UNSUPPORTED({ what: "only tables can be dropped here" });
  const ifExists = cursor.take("if", "exists");
  const name = readTableName(cursor, schema);
  return { action: "manage", kind: "drop", name, sql: `DROP TABLE ${ifExists ? "IF EXISTS " : ""}${sqlOf(name)}` };
}

/** ADD COLUMN is carried out; settings of shards, replicas and refreshing are accepted. */
function alter({ cursor, schema }: Reading): Statement {
  cursor.next();
  if (!cursor.take("table")) throw crateErrors.UNSUPPORTED({ what: "only tables can be altered here" });
  const name = sqlOf(readTableName(cursor, schema));
  if (cursor.take("set") || cursor.take("reset")) return { action: "manage", kind: "nothing", rowcount: -1 };
  const adds = cursor.take("add");
  cursor.take("column");
  if (!adds || !isName(cursor.peek))
    throw crateErrors.UNSUPPORTED({ what: "ALTER TABLE knows ADD COLUMN, SET and RESET here" });
  return { action: "manage", kind: "alter", sql: `ALTER TABLE ${name} ADD COLUMN ${readColumn(cursor)}` };
}
