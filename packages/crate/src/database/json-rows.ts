/**
 * Rows of a result as JSON, as CrateDB writes them: timestamps and dates are milliseconds since 1970, whole numbers have all
 * their digits, objects are objects.
 */

import {
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBMapValue,
  type DuckDBResult,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";
import { crateErrors } from "../errors.ts";
import { answerSizeMax } from "../limits.ts";

export interface JsonRows {
  /** `[[…],[…]]` */
  readonly text: string;
  readonly count: number;
}

type Encode = (value: DuckDBValue) => string;

/** Throws DATA_TOO_LARGE beyond `answerSizeMax` characters. */
export async function jsonRows(result: DuckDBResult): Promise<JsonRows> {
  const encoders = result.columnTypes().map(encoderOf);
  const parts: string[] = [];
  let size = 0;
  for await (const rows of result.yieldRows()) {
    for (const row of rows) {
      const text = `[${row.map((value, i) => encoders[i]!(value)).join(",")}]`;
      parts.push(text);
      size += text.length + 1;
      if (size > answerSizeMax)
        throw crateErrors.DATA_TOO_LARGE({ reason: `more than ${answerSizeMax} bytes of rows` });
    }
  }
  return { text: `[${parts.join(",")}]`, count: parts.length };
}

/** As in `duckdb_columns()`. */
export function nameOfType(type: DuckDBType): string {
  return type instanceof DuckDBListType ? `${nameOfType(type.valueType)}[]` : (type.alias ?? String(type));
}

function encoderOf(type: DuckDBType): Encode {
  if (type.alias === "JSON") return (value) => (typeof value === "string" ? value : "null");
  if (!(type instanceof DuckDBListType)) return jsonOf;
  const item = encoderOf(type.valueType);
  return (value) => (value instanceof DuckDBListValue ? `[${value.items.map(item).join(",")}]` : "null");
}

function jsonOf(value: DuckDBValue): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return Number.isFinite(value) ? String(value) : "null";
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return value === null || value === undefined ? "null" : jsonOfObject(value);
  }
}

function jsonOfObject(value: object): string {
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue)
    return String(floorDivide(value.micros, 1000n));
  if (value instanceof DuckDBDateValue) return String(value.days * 86_400_000);
  if (value instanceof DuckDBDecimalValue) return value.toString();
  if (value instanceof DuckDBListValue) return `[${value.items.map(jsonOf).join(",")}]`;
  if (value instanceof DuckDBStructValue)
    return `{${Object.entries(value.entries)
      .map(([key, item]) => `${JSON.stringify(key)}:${jsonOf(item)}`)
      .join(",")}}`;
  if (value instanceof DuckDBMapValue)
    return `{${value.entries.map((entry) => `${JSON.stringify(String(entry.key))}:${jsonOf(entry.value)}`).join(",")}}`;
  if (value instanceof DuckDBBlobValue) return JSON.stringify(Buffer.from(value.bytes).toString("base64"));
  return JSON.stringify(String(value));
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}
