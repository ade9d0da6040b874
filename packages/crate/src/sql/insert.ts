/**
 * INSERT and UPDATE: every value is converted to its column's type here, because CrateDB takes a timestamp as milliseconds or
 * text, an object as JSON, a number as text, where DuckDB takes a cast.
 *
 * Rows of `bulk_args` stay JSON all the way into the database: one statement takes a slice of them, `$1` is a list of requests'
 * bodies, `$2` and `$3` the first and last row of the slice, from 1.
 */

import { crateErrors } from "../errors.ts";
import { readTableName, sqlOf, type TableName } from "./create-table.ts";
import { Rewriter } from "./rewrite.ts";
import { quoteName, quoteText, splitAtCommas, type Token, TokenCursor } from "./tokens.ts";
import type { SqlType } from "./types.ts";

export interface ColumnOfTable {
  readonly name: string;
  readonly type: SqlType;
}

/** The columns of a table in their order; throws RELATION_UNKNOWN. */
export type ColumnsOf = (name: TableName) => Promise<readonly ColumnOfTable[]>;

export interface Insert {
  readonly table: TableName;
  readonly columns: readonly ColumnOfTable[];
  /** Tuples of VALUES; undefined: `query` gives the rows. */
  readonly tuples: readonly Token[][][] | undefined;
  readonly query: readonly Token[];
  /** ON CONFLICT and RETURNING. */
  readonly tail: readonly Token[];
}

/** `cursor` stands after INSERT INTO. */
export async function readInsert(cursor: TokenCursor, schema: string, columnsOf: ColumnsOf): Promise<Insert> {
  const table = readTableName(cursor, schema);
  const all = await columnsOf(table);
  const isNamed = cursor.peek?.text === "(" && cursor.tokens[cursor.at + 1]?.text !== "select";
  const columns = isNamed
    ? splitAtCommas(cursor.parenthesized()).map((part) => findColumn(all, table, new TokenCursor(part).name()))
    : all;
  if (!cursor.take("values")) {
    const end = tailStart(cursor);
    const query = cursor.tokens.slice(cursor.at, end);
    return { table, columns, tuples: undefined, query, tail: cursor.tokens.slice(end) };
  }
  const tuples: Token[][][] = [];
  do {
    const tuple = splitAtCommas(cursor.parenthesized());
    if (tuple.length !== columns.length)
      throw crateErrors.ANALYSIS({ reason: `${columns.length} columns, but ${tuple.length} values` });
    tuples.push(tuple);
  } while (cursor.take(","));
  return { table, columns, tuples, query: [], tail: cursor.tokens.slice(cursor.at) };
}

/** With values that are bound, `$1` and so on. */
export function insertSql(insert: Insert, rewriter: Rewriter): string {
  const { table, columns, tuples } = insert;
  const head = `INSERT INTO ${sqlOf(table)} (${columns.map(({ name }) => quoteName(name)).join(", ")})`;
  if (tuples === undefined) {
    const names = columns.map((_column, i) => `c${i}`).join(", ");
    const values = columns.map(({ type }, i) => converted(type, `v.c${i}`)).join(", ");
    const query = rewriter.rewrite(insert.query);
    return `${head} SELECT ${values} FROM (${query}) v(${names}) ${rewriter.rewrite(insert.tail)}`;
  }
  const value = (tokens: readonly Token[], i: number) =>
    tokens.length === 1 && tokens[0]!.text === "default"
      ? "DEFAULT"
      : converted(columns[i]!.type, rewriter.rewrite(tokens));
  const rows = tuples.map((tuple) => `(${tuple.map(value).join(", ")})`).join(", ");
  return `${head} VALUES ${rows} ${rewriter.rewrite(insert.tail)}`;
}

export interface InsertRows {
  readonly sql: string;
  /** The same without its ON CONFLICT, which is all that it has after the rows. Undefined: it has none, or something else. */
  readonly plainSql: string | undefined;
  readonly parameterCount: number;
}

/** With rows of JSON at `path` of each body. Throws UNSUPPORTED for parameters outside of the tuple. */
export function insertRowsSql(insert: Insert, path: "$.bulk_args" | "$.rows"): InsertRows {
  const { table, columns, tuples } = insert;
  const [tuple] = tuples ?? [];
  if (tuple === undefined || tuples!.length > 1)
    throw crateErrors.UNSUPPORTED({ what: "bulk_args go with one tuple of VALUES" });
  const rewriter = new Rewriter({ parameter: (number) => `(r[${number}]->>'$')` });
  const values = columns.map(({ type }, i) => {
    const value = tuple[i]!;
    if (value.length !== 1 || value[0]!.kind !== "parameter") return converted(type, rewriter.rewrite(value));
    rewriter.rewrite(value);
    const { text } = value[0]!;
    return convertedJson(type, `r[${text === "?" ? rewriter.parameterCount : text.slice(1)}]`);
  });
  const { parameterCount } = rewriter;
  const tail = rewriter.rewrite(insert.tail);
  if (rewriter.parameterCount > parameterCount)
    throw crateErrors.UNSUPPORTED({ what: "with bulk_args, ON CONFLICT takes excluded.column and no parameters" });
  const ofBody = `from_json(json_extract(b, ${quoteText(path)}), '["JSON"]')`;
  const rows = `unnest(list_slice(flatten(list_transform($1::VARCHAR[], lambda b: ${ofBody})), $2, $3))`;
  const source = `SELECT from_json(j, '["JSON"]') AS r FROM (SELECT ${rows} AS j)`;
  const names = columns.map(({ name }) => quoteName(name)).join(", ");
  const plainSql = `INSERT INTO ${sqlOf(table)} (${names}) SELECT ${values.join(", ")} FROM (${source})`;
  const isConflict = insert.tail[0]?.text === "on" && insert.tail.every(({ text }) => text !== "returning");
  return { sql: `${plainSql} ${tail}`, plainSql: isConflict ? plainSql : undefined, parameterCount };
}

/** The parameters of `SELECT * FROM UNNEST(?, ?)`: columns of values instead of rows. Undefined when the query is another. */
export function unnestedParameters({ query, columns }: Insert): readonly Token[] | undefined {
  const tokens = query[0]?.text === "(" ? query.slice(1, -1) : query;
  const cursor = new TokenCursor(tokens);
  if (!cursor.take("select", "*", "from", "unnest") && !cursor.take("select", "*", "from", "pg_catalog", ".", "unnest"))
    return undefined;
  const parts = splitAtCommas(cursor.parenthesized());
  const parameters = parts.flatMap((part) => (part.length === 1 && part[0]!.kind === "parameter" ? part : []));
  return cursor.done && parameters.length === columns.length ? parameters : undefined;
}

/** `cursor` stands after UPDATE. */
export async function updateSql(
  cursor: TokenCursor,
  schema: string,
  columnsOf: ColumnsOf,
  rewriter: Rewriter,
): Promise<string> {
  const table = readTableName(cursor, schema);
  const columns = await columnsOf(table);
  cursor.expect("set");
  const rest = cursor.tokens.slice(cursor.at);
  const whereAt = indexAtDepth0(rest, (text) => text === "where" || text === "returning");
  const assignments = splitAtCommas(rest.slice(0, whereAt)).map((part) => {
    const assignment = new TokenCursor(part);
    const column = findColumn(columns, table, assignment.name());
    if (assignment.peek?.text === "[")
      throw crateErrors.UNSUPPORTED({ what: "a part of an object cannot be set; set the whole" });
    assignment.expect("=");
    return `${quoteName(column.name)} = ${converted(column.type, rewriter.rewrite(part.slice(assignment.at)))}`;
  });
  return `UPDATE ${sqlOf(table)} SET ${assignments.join(", ")} ${rewriter.rewrite(rest.slice(whereAt))}`;
}

function findColumn(columns: readonly ColumnOfTable[], table: TableName, name: string): ColumnOfTable {
  const found = columns.find((column) => column.name === name);
  if (found === undefined)
    throw crateErrors.COLUMN_UNKNOWN({ reason: `Column ${name} unknown in ${table.schema}.${table.table}` });
  return found;
}

function tailStart(cursor: TokenCursor): number {
  const rest = cursor.tokens.slice(cursor.at);
  const at = indexAtDepth0(rest, (text, next) => (text === "on" && next === "conflict") || text === "returning");
  return cursor.at + at;
}

function indexAtDepth0(tokens: readonly Token[], found: (text: string, next: string | undefined) => boolean): number {
  let depth = 0;
  for (const [i, { kind, text }] of tokens.entries()) {
    if (kind === "symbol" && text === "(") depth++;
    else if (kind === "symbol" && text === ")") depth--;
    else if (depth === 0 && kind === "word" && found(text, tokens[i + 1]?.text)) return i;
  }
  return tokens.length;
}

const pointsInTime: ReadonlySet<string> = new Set(["TIMESTAMPTZ", "TIMESTAMP", "DATE"]);

/** SQL that turns a value of any type into one of the column's. */
function converted({ duck, element }: SqlType, sql: string): string {
  if (pointsInTime.has(duck)) return `CAST(crate_timestamp(${sql}) AS ${duck})`;
  if (element === undefined || !pointsInTime.has(element.duck)) return `CAST(${sql} AS ${duck})`;
  return `CAST(list_transform(CAST(${sql} AS VARCHAR[]), lambda e: crate_timestamp(e)) AS ${duck})`;
}

/** The same of a JSON value. */
function convertedJson(type: SqlType, json: string): string {
  if (type.element?.duck === "JSON") return `from_json(${json}, '["JSON"]')`;
  if (type.element !== undefined) return converted(type, `from_json(${json}, '["VARCHAR"]')`);
  if (type.duck !== "JSON") return converted(type, `(${json}->>'$')`);
  // An object may come as the text of one.
  return `CASE json_type(${json}) WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN CAST(${json}->>'$' AS JSON) ELSE ${json} END`;
}
