/**
 * Properties of MQTT 5 in logs: a message that has some is captured with the header `mqtt-properties`, which holds them as MQTT
 * encodes them. A client that replays the log gets them back, and with them, as User Properties in front of its own:
 *
 *     polylog-log, polylog-partition, polylog-offset, polylog-timestamp      where the record is, and when it came (ms since 1970)
 *     the record's other headers, as far as they are text                    of records that came by other protocols
 */

import { isUtf8 } from "node:buffer";
import { decodeHeaders, type Publication, type RecordCursor } from "@polylog/broker";

const propertiesHeader = "mqtt-properties";
const userProperty = 0x26;
const textSizeMax = 65_535;

/** Call it when the properties are filled in. */
export function notePropertiesForLogs(publication: Publication): void {
  const { properties, propertiesStart, propertiesEnd, route } = publication;
  if (propertiesEnd > propertiesStart && route.captures.length > 0)
    publication.headers = [[propertiesHeader, properties.subarray(propertiesStart, propertiesEnd)]];
}

/** `polylog-log` and `polylog-partition`, encoded: what all records of a partition are sent with. */
export function propertiesOfPartition(log: string, partition: number): Buffer {
  const parts: Buffer[] = [];
  add(parts, "polylog-log", Buffer.from(log));
  add(parts, "polylog-partition", Buffer.from(String(partition)));
  return Buffer.concat(parts);
}

/** The properties that a record is sent with, encoded; `common`: those of its partition. */
export function propertiesOfRecord(record: RecordCursor, common: Buffer): Buffer {
  const [offset, timestamp] = [String(record.offset), String(record.timestampMs)];
  const size = offsetHead.length + offset.length + timestampHead.length + timestamp.length;
  const own = Buffer.allocUnsafe(common.length + size);
  const at = addDigits(own, common.copy(own), offsetHead, offset);
  addDigits(own, at, timestampHead, timestamp);
  if (record.headerCount === 0) return own;
  const parts: Buffer[] = [own];
  for (const [name, value] of decodeHeaders(record))
    if (name === propertiesHeader) parts.push(value);
    else add(parts, name, value);
  return Buffer.concat(parts);
}

const offsetHead = headOf("polylog-offset");
const timestampHead = headOf("polylog-timestamp");

/** A User Property up to its value, of which there are fewer than 256 characters. */
function headOf(name: string): Buffer {
  return Buffer.concat([Buffer.from([userProperty, 0, name.length]), Buffer.from(name), Buffer.from([0, 0])]);
}

function addDigits(bytes: Buffer, at: number, head: Buffer, digits: string): number {
  const valueAt = at + head.copy(bytes, at);
  bytes[valueAt - 1] = digits.length;
  return valueAt + bytes.write(digits, valueAt, "latin1");
}

/** Leaves out what is no text as MQTT has it [MQTT-1.5.7-1]. */
function add(parts: Buffer[], name: string, value: Buffer): void {
  const key = Buffer.from(name);
  if (key.length > textSizeMax || value.length > textSizeMax) return;
  if (key.includes(0) || value.includes(0) || !isUtf8(value)) return;
  const bytes = Buffer.allocUnsafe(5 + key.length + value.length);
  bytes[0] = userProperty;
  bytes.writeUInt16BE(key.length, 1);
  key.copy(bytes, 3);
  bytes.writeUInt16BE(value.length, 3 + key.length);
  value.copy(bytes, 5 + key.length);
  parts.push(bytes);
}
