/** CREATE TABLE with CrateDB's clauses: what DuckDB understands of it, and what is only remembered and shown again. */

import { crateErrors } from "../errors.ts";
import { Rewriter } from "./rewrite.ts";
import { isName, quoteName, splitAtCommas, type Token, TokenCursor, textOf } from "./tokens.ts";
import { readType } from "./types.ts";

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** What is remembered of a table beside what DuckDB knows. */
export interface TableSettings {
  readonly shards: number;
  readonly replicas: string;
  readonly clusteredBy: string | null;
  readonly partitionedBy: readonly string[];
  /** The WITH clause as written, value by name. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface CreateTable {
  readonly name: TableName;
  readonly ifNotExists: boolean;
  readonly sql: string;
  readonly settings: TableSettings;
}

const shardsDefault = 4;
const replicasDefault = "0-1";

/** `cursor` stands after CREATE TABLE. */
export function readCreateTable(cursor: TokenCursor, defaultSchema: string): CreateTable {
  const ifNotExists = cursor.take("if", "not", "exists");
  const name = readTableName(cursor, defaultSchema);
  const columns = splitAtCommas(cursor.parenthesized()).map((part) => readElement(new TokenCursor(part)));
  const settings = readSettings(cursor);
  const elements = columns.filter((column) => column !== "").join(", ");
  const exists = ifNotExists ? "IF NOT EXISTS " : "";
  return { name, ifNotExists, sql: `CREATE TABLE ${exists}${sqlOf(name)} (${elements})`, settings };
}

export function readTableName(cursor: TokenCursor, defaultSchema: string): TableName {
  const first = cursor.name();
  const name = cursor.take(".") ? { schema: first, table: cursor.name() } : { schema: defaultSchema, table: first };
  if (/[/*?"<>|\s,#.]|^_/.test(name.table))
    throw crateErrors.INVALID_RELATION_NAME({ name: `${name.schema}.${name.table}` });
  // DuckDB does not tell names apart by their case.
  if (readOnlySchemas.has(name.schema.toLowerCase()))
    throw crateErrors.UNSUPPORTED({ what: `schema '${name.schema}' is read-only` });
  return name;
}

/** Schemas whose tables the server makes. */
export const readOnlySchemas: ReadonlySet<string> = new Set([
  "sys",
  "information_schema",
  "pg_catalog",
  "crate_info",
  "crate_meta",
]);

export function sqlOf({ schema, table }: TableName): string {
  return `${quoteName(schema)}.${quoteName(table)}`;
}

/** A column or a constraint as DuckDB spells it; empty for what is only about CrateDB's indexes. */
function readElement(cursor: TokenCursor): string {
  if (cursor.take("constraint")) cursor.name();
  if (cursor.take("primary", "key")) return `PRIMARY KEY (${namesIn(cursor.parenthesized())})`;
  if (cursor.take("check")) return `CHECK (${rewritten(cursor.parenthesized())})`;
  if (
    cursor.peek?.text === "index" &&
    isName(cursor.tokens[cursor.at + 1]) &&
    cursor.tokens[cursor.at + 2]?.text === "using"
  )
    return "";
  return readColumn(cursor);
}

export function readColumn(cursor: TokenCursor): string {
  const name = cursor.name();
  const isGenerated = cursor.peek?.text === "generated" || cursor.peek?.text === "as";
  const type = isGenerated ? "" : ` ${readType(cursor).duck}`;
  let clauses = "";
  while (!cursor.done) clauses += readColumnClause(cursor);
  return `${quoteName(name)}${type}${clauses}`;
}

function readColumnClause(cursor: TokenCursor): string {
  if (cursor.take("primary", "key")) return " PRIMARY KEY";
  if (cursor.take("not", "null")) return " NOT NULL";
  if (cursor.take("null")) return "";
  if (cursor.take("check")) return ` CHECK (${rewritten(cursor.parenthesized())})`;
  if (cursor.take("index", "off")) return "";
  if (cursor.take("index", "using")) {
    cursor.name();
    if (cursor.take("with")) cursor.parenthesized();
    return "";
  }
  if (cursor.take("storage", "with")) {
    cursor.parenthesized();
    return "";
  }
  if (cursor.take("generated", "always", "as") || cursor.take("as"))
    return ` GENERATED ALWAYS AS (${readClauseValue(cursor)})`;
  if (cursor.take("default")) return ` DEFAULT ${readClauseValue(cursor)}`;
  throw crateErrors.SYNTAX({ reason: `a column has no clause ${JSON.stringify(cursor.next().text)}` });
}

const clauseWords = new Set(["primary", "not", "null", "check", "index", "storage", "generated", "default"]);

/** An expression up to the next clause of the column. */
function readClauseValue(cursor: TokenCursor): string {
  const tokens: Token[] = [];
  let depth = 0;
  while (!cursor.done && !(depth === 0 && tokens.length > 0 && clauseWords.has(cursor.peek!.text))) {
    const token = cursor.next();
    if (token.text === "(" && token.kind === "symbol") depth++;
    if (token.text === ")" && token.kind === "symbol") depth--;
    tokens.push(token);
  }
  return rewritten(tokens);
}

function readSettings(cursor: TokenCursor): TableSettings {
  let shards = shardsDefault;
  let clusteredBy: string | null = null;
  let partitionedBy: string[] = [];
  const parameters: Record<string, string> = {};
  while (!cursor.done) {
    if (cursor.take("clustered")) {
      if (cursor.take("by")) clusteredBy = textOf(cursor.parenthesized());
      if (cursor.take("into")) {
        shards = Number(cursor.next().text);
        cursor.expect("shards");
      }
    } else if (cursor.take("partitioned", "by")) {
      partitionedBy = splitAtCommas(cursor.parenthesized()).map(textOf);
    } else if (cursor.take("with")) {
      for (const part of splitAtCommas(cursor.parenthesized())) {
        const at = part.findIndex(({ text }) => text === "=");
        const key = part
          .slice(0, at)
          .map(({ value }) => value)
          .join("");
        parameters[key] = part
          .slice(at + 1)
          .map(({ value }) => value)
          .join("");
      }
    } else {
      throw crateErrors.SYNTAX({ reason: `CREATE TABLE has no clause ${JSON.stringify(cursor.next().text)}` });
    }
  }
  const replicas = parameters["number_of_replicas"] ?? replicasDefault;
  return { shards, replicas, clusteredBy, partitionedBy, parameters };
}

function namesIn(tokens: readonly Token[]): string {
  return splitAtCommas(tokens)
    .map(([name]) => quoteName(name?.value ?? ""))
    .join(", ");
}

function rewritten(tokens: readonly Token[]): string {
  return new Rewriter({
    parameter: () => {
      throw crateErrors.SYNTAX({ reason: "a table's definition has no parameters" });
    },
  }).rewrite(tokens);
}
