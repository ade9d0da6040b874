/**
 * What a record is made of, and the body of a record in a rich batch:
 *
 *     u8      attributes; bit 0 key, 1 topic, 2 headers, 3 not-before, 4 expires; the others are 0
 *     varint  timestamp, as ms after the batch's first one
 *     varint size, bytes                     key, when bit 0 is set
 *     varint size, bytes                     topic, when bit 1 is set
 *     varint size of what follows, then      headers, when bit 2 is set:
 *       varint count, and count times: varint size, name in UTF-8, varint size, value
 *     u64     not-before, ms since 1970, as two u32 little endian, low half first, when bit 3 is set
 *     u64     expires, likewise, when bit 4 is set
 *     bytes   value: the rest
 *
 * A varint is an unsigned integer below 2^31 in groups of seven bits, lowest first (LEB128).
 */

import { copyBytes, varintSize, writeU64, writeVarint } from "./bytes.ts";
import { logErrors } from "./errors.ts";
import { headersMax, recordSizeMax } from "./limits.ts";

/** What a record is made of when it is appended; every byte is copied before `append` returns. */
export interface RecordFields {
  readonly value: Uint8Array;
  /** The value is `value[valueStart, valueEnd)`. Default: all of it. */
  readonly valueStart?: number;
  readonly valueEnd?: number;
  readonly key?: Uint8Array;
  /** The MQTT topic it was published under. */
  readonly topic?: Uint8Array;
  readonly headers?: readonly (readonly [name: string, value: Uint8Array])[];
  /** Channels deliver it no sooner than this; ms since 1970, 1 .. 2^53-1. */
  readonly notBeforeMs?: number;
  /** Channels do not deliver it from then on; ms since 1970, 1 .. 2^53-1. It stays in the log. */
  readonly expiresMs?: number;
  /** Default now. A time after now counts as now, one before the previous record's as the previous record's. */
  readonly timestampMs?: number;
}

export const richKey = 1;
export const richTopic = 2;
export const richHeaders = 4;
export const richNotBefore = 8;
export const richExpires = 16;

/** Attributes of the body that `fields` would have. Throws RECORD_INVALID. */
export function richAttributes(fields: RecordFields): number {
  const { notBeforeMs, expiresMs } = fields;
  checkTime("notBeforeMs", notBeforeMs);
  checkTime("expiresMs", expiresMs);
  if (fields.headers !== undefined && fields.headers.length > headersMax)
    throw logErrors.RECORD_INVALID({ reason: `it has more than ${headersMax} headers` });
  return (
    (fields.key === undefined ? 0 : richKey) |
    (fields.topic === undefined ? 0 : richTopic) |
    (fields.headers === undefined || fields.headers.length === 0 ? 0 : richHeaders) |
    (notBeforeMs === undefined ? 0 : richNotBefore) |
    (expiresMs === undefined ? 0 : richExpires)
  );
}

function checkTime(name: string, timeMs: number | undefined): void {
  if (timeMs !== undefined && !(Number.isSafeInteger(timeMs) && timeMs > 0))
    throw logErrors.RECORD_INVALID({ reason: `${name} must be an integer of 1 to 2^53-1` });
}

/** Size of the body without attributes and timestamp. Throws RECORD_TOO_LARGE before a size could exceed 31 bits. */
export function richFieldsSize(fields: RecordFields, attributes: number, valueSize: number): number {
  let size = valueSize;
  if (fields.key !== undefined) size += sizedSize(fields.key.length);
  if (fields.topic !== undefined) size += sizedSize(fields.topic.length);
  if ((attributes & richHeaders) !== 0) size += sizedSize(headersSize(fields.headers!));
  if ((attributes & richNotBefore) !== 0) size += 8;
  if ((attributes & richExpires) !== 0) size += 8;
  if (size > recordSizeMax) throw logErrors.RECORD_TOO_LARGE({ size, sizeMax: recordSizeMax });
  return size;
}

/** Writes everything between the timestamp and the value; returns the position after it. */
export function writeRichFields(bytes: Buffer, at: number, fields: RecordFields, attributes: number): number {
  let position = at;
  if (fields.key !== undefined) position = writeSized(bytes, position, fields.key);
  if (fields.topic !== undefined) position = writeSized(bytes, position, fields.topic);
  if ((attributes & richHeaders) !== 0) position = writeHeaders(bytes, position, fields.headers!);
  if ((attributes & richNotBefore) !== 0) {
    writeU64(bytes, position, fields.notBeforeMs!);
    position += 8;
  }
  if ((attributes & richExpires) !== 0) {
    writeU64(bytes, position, fields.expiresMs!);
    position += 8;
  }
  return position;
}

export function sizedSize(size: number): number {
  return varintSize(size) + size;
}

export function writeSized(bytes: Uint8Array, at: number, content: Uint8Array): number {
  const position = writeVarint(bytes, at, content.length);
  copyBytes(content, 0, content.length, bytes, position);
  return position + content.length;
}

function headersSize(headers: NonNullable<RecordFields["headers"]>): number {
  let size = varintSize(headers.length);
  for (const [name, value] of headers) size += sizedSize(Buffer.byteLength(name)) + sizedSize(value.length);
  return size;
}

function writeHeaders(bytes: Buffer, at: number, headers: NonNullable<RecordFields["headers"]>): number {
  let position = writeVarint(bytes, at, headersSize(headers));
  position = writeVarint(bytes, position, headers.length);
  for (const [name, value] of headers) {
    position = writeVarint(bytes, position, Buffer.byteLength(name));
    position += bytes.write(name, position, "utf8");
    position = writeSized(bytes, position, value);
  }
  return position;
}
