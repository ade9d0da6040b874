/**
 * A record as JSON text: `{"offset", "timestamp", "key", "headers", "topic", "value"}`, null for what it has not, and
 * `encoding` when it is not the one that was asked for (see encoding.ts). Headers are a list of [name, value], because
 * names may repeat and their order may matter (MQTT user properties, Kafka headers).
 *
 * Text is put together here and not by `JSON.stringify`: a JSON value goes out byte for byte as it was stored, so numbers
 * keep all their digits, and base64 needs no escaping. `record-text.bench.ts` measures it.
 */

import { isUtf8 } from "node:buffer";
import { decodeHeaders, type RecordCursor } from "@polylog/broker";
import { type Encoding, isJson } from "./encoding.ts";
import type { JsonParts } from "./json-parts.ts";

/** From this size on a value in base64 is not made a string of first. */
const directSizeMin = 4 * 1024;

/** Adds the record the cursor is on. `lead`: members in front of its own, each with a comma behind it. */
export function addRecord(parts: JsonParts, record: RecordCursor, encoding: Encoding, lead = ""): void {
  const { bytes } = record;
  const used = encoding === "base64" ? encoding : fittingEncoding(record, encoding);
  const key = record.keyStart < 0 ? "null" : bytesText(bytes, record.keyStart, record.keyEnd, used);
  const topic =
    record.topicStart < 0 ? "null" : JSON.stringify(bytes.toString("utf8", record.topicStart, record.topicEnd));
  const head = `{${lead}"offset":${record.offset},"timestamp":${record.timestampMs},"key":${key},"headers":${headersText(record, used)},"topic":${topic},"value":`;
  const note = used === encoding ? "" : `,"encoding":"${used}"`;
  const { valueStart, valueEnd } = record;
  if (used === "base64" && valueEnd - valueStart >= directSizeMin) {
    parts.add(`${head}"`);
    parts.addBase64(bytes, valueStart, valueEnd);
    parts.add(`"${note}}`);
    return;
  }
  const value =
    used === "json" ? bytes.toString("utf8", valueStart, valueEnd) : bytesText(bytes, valueStart, valueEnd, used);
  parts.add(`${head}${value}${note}}`);
}

/** Bytes of what `maxBytes` bounds: key, headers and value. */
export function recordSize(record: RecordCursor): number {
  return (
    record.valueEnd - record.valueStart + record.keyEnd - record.keyStart + record.headersEnd - record.headersStart
  );
}

function bytesText(bytes: Buffer, start: number, end: number, encoding: Encoding): string {
  if (encoding === "base64") return `"${bytes.toString("base64", start, end)}"`;
  return JSON.stringify(bytes.toString("utf8", start, end));
}

function headersText(record: RecordCursor, encoding: Encoding): string {
  if (record.headerCount === 0) return "[]";
  const pairs = decodeHeaders(record).map(
    ([name, value]) => `[${JSON.stringify(name)},${bytesText(value, 0, value.length, encoding)}]`,
  );
  return `[${pairs.join(",")}]`;
}

function fittingEncoding(record: RecordCursor, encoding: "utf8" | "json"): Encoding {
  const { bytes } = record;
  if (!isUtf8(bytes.subarray(record.valueStart, record.valueEnd))) return "base64";
  if (record.keyStart >= 0 && !isUtf8(bytes.subarray(record.keyStart, record.keyEnd))) return "base64";
  if (record.headerCount > 0 && !decodeHeaders(record).every(([, value]) => isUtf8(value))) return "base64";
  if (encoding === "json" && !isJson(bytes.toString("utf8", record.valueStart, record.valueEnd))) return "utf8";
  return encoding;
}
