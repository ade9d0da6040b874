/** A record as `produce` gets it, and as the log takes it. */

import type { RecordFields } from "@polylog/broker";
import * as v from "valibot";
import type { Problem } from "../error-object.ts";
import { headersMax } from "../limits.ts";
import { decodeBase64, type Encoding, encodeUtf8, encodings } from "./encoding.ts";

type Headers = readonly (readonly [name: string, value: string])[];

/** In one piece: a request may have so many headers that a check of each by a schema would take seconds. */
function isHeaders(headers: unknown): boolean {
  if (!Array.isArray(headers) || headers.length > headersMax) return false;
  for (const each of headers as readonly unknown[]) {
    if (!Array.isArray(each) || each.length !== 2) return false;
    if (typeof each[0] !== "string" || typeof each[1] !== "string") return false;
  }
  return true;
}

/** The count is checked before the items, so that a long list of nonsense is refused in one step. */
export function boundedList<Item extends v.GenericSchema>(item: Item, lengthMin: number, lengthMax: number) {
  return v.pipe(
    v.custom<unknown[]>(Array.isArray, "Expected a list"),
    v.minLength(lengthMin),
    v.maxLength(lengthMax),
    v.array(item),
  );
}

/** Milliseconds since 1970. */
const timeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

export const recordSchema = v.strictObject({
  key: v.nullish(v.string()),
  headers: v.nullish(
    v.custom<Headers>(isHeaders, `Expected a list of at most ${headersMax} pairs [name, value] of text`),
  ),
  value: v.unknown(),
  topic: v.nullish(v.string()),
  notBefore: v.nullish(timeSchema),
  expires: v.nullish(timeSchema),
  encoding: v.optional(v.picklist(encodings)),
});

type RecordParams = v.InferOutput<typeof recordSchema>;

/** Decodes one record. What is wrong goes to `problems`, with `path` before it; undefined then. */
export function decodeRecord(
  record: RecordParams,
  encoding: Encoding,
  path: string,
  problems: Problem[],
): RecordFields | undefined {
  const used = record.encoding ?? encoding;
  const problemsBefore = problems.length;
  const decode = (text: string, name: string, as: Encoding): Buffer => {
    const bytes = as === "base64" ? decodeBase64(text) : encodeUtf8(text);
    if (bytes === undefined) problems.push({ path: `${path}.${name}`, message: notText(as) });
    return bytes ?? nothing;
  };
  const fields: RecordFields = {
    value: decodeValue(record.value, used, `${path}.value`, problems),
    ...(typeof record.key === "string" && { key: decode(record.key, "key", used) }),
    ...(typeof record.topic === "string" && { topic: decode(record.topic, "topic", "utf8") }),
    ...(record.headers != null && {
      headers: record.headers.map(([name, value], index): [string, Buffer] => {
        decode(name, `headers[${index}][0]`, "utf8");
        return [name, decode(value, `headers[${index}][1]`, used)];
      }),
    }),
    ...(typeof record.expires === "number" && { expiresMs: record.expires }),
    ...(typeof record.notBefore === "number" && { notBeforeMs: record.notBefore }),
  };
  return problems.length > problemsBefore ? undefined : fields;
}

function decodeValue(value: unknown, encoding: Encoding, path: string, problems: Problem[]): Buffer {
  if (encoding === "json") return Buffer.from(JSON.stringify(value), "utf8");
  const bytes = typeof value !== "string" ? undefined : encoding === "base64" ? decodeBase64(value) : encodeUtf8(value);
  if (bytes === undefined) problems.push({ path, message: notText(encoding) });
  return bytes ?? nothing;
}

function notText(encoding: Encoding): string {
  return encoding === "base64" ? "Expected base64 text" : "Expected text without half surrogate pairs";
}

const nothing = Buffer.alloc(0);
