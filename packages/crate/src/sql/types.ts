/**
 * CrateDB's types, the types of DuckDB that stand for them, and their numbers in `col_types`. A list's number is
 * `[100, number of its elements]`.
 */

import { crateErrors } from "../errors.ts";
import type { TokenCursor } from "./tokens.ts";

export type TypeNumber = number | readonly [100, TypeNumber];

export interface SqlType {
  /** As CrateDB prints it. */
  readonly name: string;
  readonly duck: string;
  readonly number: TypeNumber;
  /** Of an array. */
  readonly element?: SqlType;
}

function type(name: string, duck: string, number: number): SqlType {
  return { name, duck, number };
}

const text = type("text", "VARCHAR", 4);
const boolean = type("boolean", "BOOLEAN", 3);
const byte = type("char", "TINYINT", 2);
const short = type("smallint", "SMALLINT", 8);
const integer = type("integer", "INTEGER", 9);
const long = type("bigint", "BIGINT", 10);
const real = type("real", "FLOAT", 7);
const double = type("double precision", "DOUBLE", 6);
const timestamp = type("timestamp with time zone", "TIMESTAMPTZ", 11);
const timestampWithout = type("timestamp without time zone", "TIMESTAMP", 15);
const object = type("object", "JSON", 12);

/** Names as CREATE TABLE and casts spell them; those of several words are put together by `readType`. */
const types: Readonly<Record<string, SqlType>> = {
  text,
  string: text,
  varchar: text,
  character: text,
  char: byte,
  byte,
  boolean,
  bool: boolean,
  smallint: short,
  short,
  int2: short,
  integer,
  int: integer,
  int4: integer,
  bigint: long,
  long,
  int8: long,
  real,
  float: real,
  float4: real,
  double,
  float8: double,
  "double precision": double,
  numeric: type("numeric", "DECIMAL(38,9)", 22),
  decimal: type("numeric", "DECIMAL(38,9)", 22),
  timestamp: timestampWithout,
  timestamptz: timestamp,
  "timestamp with time zone": timestamp,
  "timestamp without time zone": timestampWithout,
  date: type("date", "DATE", 24),
  interval: type("interval", "INTERVAL", 17),
  ip: type("ip", "VARCHAR", 5),
  uuid: type("text", "VARCHAR", 4),
  object,
  json: type("json", "JSON", 26),
  geo_shape: type("geo_shape", "JSON", 14),
  geo_point: type("geo_point", "DOUBLE[]", 13),
};

/** Reads a type, with what may follow it: lengths, `[]`, and the columns of an object, which are not kept. */
export function readType(cursor: TokenCursor): SqlType {
  let found: SqlType;
  if (cursor.take("array", "(")) {
    found = arrayOf(readType(cursor));
    cursor.expect(")");
  } else {
    found = readSimple(cursor);
  }
  while (cursor.take("[", "]")) found = arrayOf(found);
  return found;
}

export function arrayOf(element: SqlType): SqlType {
  const { name, duck, number } = element;
  return { name: `${name}_array`, duck: `${duck}[]`, number: [100, number], element };
}

/** What CrateDB would call a type of DuckDB, of a result or of a column. */
export function typeOfDuck(duck: string): SqlType {
  if (duck.endsWith("[]")) return arrayOf(typeOfDuck(duck.slice(0, -2)));
  if (duck.startsWith("DECIMAL")) return types["numeric"]!;
  if (duck.startsWith("STRUCT") || duck.startsWith("MAP")) return object;
  return ducks.get(duck) ?? text;
}

const ducks = new Map<string, SqlType>([
  ...Object.values(types)
    .filter((row) => row.name !== "ip" && row.name !== "geo_shape" && row.name !== "json")
    .map((row) => [row.duck, row] as const),
  ["TIMESTAMP WITH TIME ZONE", timestamp],
  ["HUGEINT", type("numeric", "HUGEINT", 22)],
  ["UBIGINT", type("numeric", "UBIGINT", 22)],
  ["UINTEGER", long],
  ["USMALLINT", integer],
  ["UTINYINT", short],
  ["JSON", object],
  ["SQLNULL", type("undefined", "SQLNULL", 0)],
]);

function readSimple(cursor: TokenCursor): SqlType {
  const token = cursor.next();
  // "char" in quotes is the byte of PostgreSQL's catalogue; char(n) is a text.
  let name = token.value;
  if (name === "character") cursor.take("varying");
  if (name === "char" && cursor.peek?.text === "(") name = "text";
  if (name === "double") cursor.take("precision");
  if (name === "timestamp" || name === "time") {
    if (cursor.take("with", "time", "zone")) name += " with time zone";
    else if (cursor.take("without", "time", "zone")) name += " without time zone";
  }
  const found = types[name];
  if (found === undefined) throw crateErrors.SYNTAX({ reason: `Cannot find data type: ${token.text}` });
  if (name === "object") {
    for (const policy of ["dynamic", "strict", "ignored"]) {
      if (!cursor.take("(", policy, ")")) continue;
      break;
    }
    if (cursor.take("as")) cursor.parenthesized();
  } else if (cursor.peek?.text === "(") {
    cursor.parenthesized();
  }
  return found;
}
