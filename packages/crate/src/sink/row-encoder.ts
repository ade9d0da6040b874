/**
 * A record as a row: a JSON array, one value per column of the table.
 *
 *     partition, offset   the record's place; the primary key, so that a record that comes twice is one row
 *     timestamp           when it was appended, ms since 1970
 *     key, topic          text, or null
 *     headers             an object; of a name that repeats the last value
 *     value               the value, when it is a JSON object
 *     text                the value, when it is any other text
 *     any other           the field of that name in the value, or where the rule says
 */

import { decodeHeaders, type RecordCursor } from "@polylog/broker";
import { withoutLoneSurrogates } from "../sql/json-surrogates.ts";

export interface ColumnSource {
  readonly column: string;
  readonly encode: (record: RecordCursor, partition: number, value: RecordValue) => string;
}

/** The columns of a table that the sink makes itself. */
export const ownColumns = ["partition", "offset", "timestamp", "key", "topic", "headers", "value", "text"] as const;

/** A record's value, read once for all columns. */
export class RecordValue {
  text = "";
  /** Undefined when the value is no JSON object. */
  object: Readonly<Record<string, unknown>> | undefined;

  /** False when the value is not even text. */
  read(record: RecordCursor): boolean {
    const bytes = record.bytes.subarray(record.valueStart, record.valueEnd);
    this.text = bytes.toString("utf8");
    this.object = undefined;
    if (this.text.includes("\ufffd") && !Buffer.from(this.text).equals(bytes)) return false;
    if (!/^\s*\{/.test(this.text)) return true;
    try {
      this.object = JSON.parse(this.text) as Record<string, unknown>;
    } catch {
      // It looks like an object and is a text.
    }
    return true;
  }
}

type Encode = ColumnSource["encode"];

const encoders: Readonly<Record<(typeof ownColumns)[number], Encode>> = {
  partition: (_record, partition) => String(partition),
  offset: (record) => String(record.offset),
  timestamp: (record) => String(record.timestampMs),
  key: (record) => textBetween(record, record.keyStart, record.keyEnd),
  topic: (record) => textBetween(record, record.topicStart, record.topicEnd),
  headers: (record) =>
    JSON.stringify(Object.fromEntries(decodeHeaders(record).map(([name, value]) => [name, value.toString("utf8")]))),
  value: (_record, _partition, { object, text }) => (object === undefined ? "null" : text),
  text: (_record, _partition, { object, text }) => (object === undefined ? JSON.stringify(text) : "null"),
};

/** `columns`: of the table. `paths`: of the rule. */
export function columnSources(
  columns: readonly string[],
  paths: ReadonlyMap<string, readonly string[]>,
): readonly ColumnSource[] {
  return columns.map((column) => {
    const path = paths.get(column);
    const own = path === undefined ? encoders[column as keyof typeof encoders] : undefined;
    return { column, encode: own ?? fieldEncoder(path ?? [column]) };
  });
}

export function encodeRow(
  sources: readonly ColumnSource[],
  record: RecordCursor,
  partition: number,
  value: RecordValue,
): string {
  // One row must not make the database refuse all that go with it.
  return withoutLoneSurrogates(`[${sources.map(({ encode }) => encode(record, partition, value)).join(",")}]`);
}

function fieldEncoder(path: readonly string[]): Encode {
  return (_record, _partition, { object }) => {
    let found: unknown = object;
    for (const field of path)
      found =
        typeof found === "object" && found !== null && Object.hasOwn(found, field) ? Reflect.get(found, field) : null;
    return JSON.stringify(found ?? null);
  };
}

function textBetween({ bytes }: RecordCursor, start: number, end: number): string {
  return start < 0 ? "null" : JSON.stringify(bytes.toString("utf8", start, end));
}
