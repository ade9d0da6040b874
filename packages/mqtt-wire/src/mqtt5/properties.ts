/**
 * The properties of one packet as an object, for the packets that are rare enough for one. Decoding keeps the order in
 * which they stand on the wire as the order of the object's keys, and encoding writes them in that order, so what was
 * decoded is encoded as it was, but for User Properties that stood between others.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import type { FieldReader } from "../field-reader.ts";
import { notEncodable } from "../field-writer.ts";
import { remainingLengthMax } from "../limits.ts";
import type { PacketName } from "../packet-type.ts";
import { encodedLengthOfRemainingLength, writeRemainingLength } from "../remaining-length.ts";
import { isTopicName } from "../topic.ts";
import { writeBinary, writeText } from "./body.ts";
import { PropertyCursor } from "./property-cursor.ts";
import {
  type Properties,
  type PropertyName,
  type PropertyPacket,
  type PropertyRow,
  type PropertyType,
  propertyTable,
} from "./property-table.ts";
import type { Sender } from "./reason-codes.ts";

/** A value that the table's types have; which one is checked by the row. */
type Value = boolean | number | string | Buffer | readonly [string, string];
type Writable = Partial<Record<string, Value | Value[]>>;

const names = Object.keys(propertyTable) as PropertyName[];
const table: Readonly<Record<PropertyName, PropertyRow>> = propertyTable;
const namesById = new Map<number, PropertyName>(names.map((name) => [table[name].id, name]));

const readValue: Readonly<Record<PropertyType, (cursor: PropertyCursor) => Value>> = {
  flag: (cursor) => cursor.number === 1,
  bit: (cursor) => cursor.number,
  u16: (cursor) => cursor.number,
  u32: (cursor) => cursor.number,
  varint: (cursor) => cursor.number,
  utf8: (cursor) => cursor.text,
  topic: (cursor) => cursor.text,
  binary: (cursor) => cursor.binary,
  pair: (cursor) => [cursor.nameText, cursor.text],
};

/** Reads property length and properties where `fields` stands. Throws as `PropertyCursor` does. */
export function readProperties<Packet extends PropertyPacket>(
  packet: Packet,
  fields: FieldReader,
  sender?: Sender,
): Properties<Packet> {
  const cursor = new PropertyCursor();
  cursor.open(packet, fields.bytes, fields.position, fields.end, sender);
  const properties = propertiesFrom(cursor);
  fields.position = cursor.propertiesEnd;
  return properties as Properties<Packet>;
}

/** All that is still before `cursor`, as an object. */
export function propertiesFrom(cursor: PropertyCursor): Writable {
  const properties: Writable = {};
  while (cursor.next()) {
    const name = namesById.get(cursor.id)!;
    const row = table[name];
    const value = readValue[row.type](cursor);
    const before = properties[name];
    if (row.isList !== true) properties[name] = value;
    else if (before === undefined) properties[name] = [value];
    else (before as Value[]).push(value);
  }
  return properties;
}

/**
 * Writes property length and properties to `body`. Throws NOT_ENCODABLE for a property the packet may not have
 * and for what decoding would refuse; `body` is then unfinished.
 */
export function writeProperties<Packet extends PropertyPacket>(
  body: ByteWriter,
  packet: Packet,
  properties: Properties<Packet>,
): void {
  const start = body.length;
  for (const [name, value] of Object.entries(properties as Writable)) {
    if (value !== undefined) writeProperty(body, packet, name, value);
  }
  insertLength(body, packet, start);
}

/** True when `properties` has none that would be written. */
export function hasNoProperties(properties: object): boolean {
  for (const value of Object.values(properties)) {
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) return false;
  }
  return true;
}

function writeProperty(body: ByteWriter, packet: PropertyPacket, name: string, value: Value | Value[]): void {
  const row = Object.hasOwn(table, name) ? table[name as PropertyName] : undefined;
  if (row?.packets.includes(packet) !== true) throw refusal(packet, `it cannot have the property ${name}`);
  if (row.isList !== true) {
    writeOne(body, packet, row, value as Value);
    return;
  }
  const values = value as Value[];
  if (values.length > 1 && row.repeats?.includes(packet) !== true) throw refusal(packet, `it has ${name} twice`);
  for (const each of values) writeOne(body, packet, row, each);
}

function writeOne(body: ByteWriter, packet: PropertyPacket, row: PropertyRow, value: Value): void {
  body.u8(row.id);
  switch (row.type) {
    case "flag":
      body.u8(value === true ? 1 : 0);
      return;
    case "bit":
      body.u8(checkNumber(packet, row, value, 1));
      return;
    case "u16":
      body.u16be(checkNumber(packet, row, value, 0xffff));
      return;
    case "u32":
      body.u32be(checkNumber(packet, row, value, 0xffff_ffff));
      return;
    case "varint": {
      const at = body.reserve(4);
      body.length = writeRemainingLength(body.buffer, at, checkNumber(packet, row, value, remainingLengthMax));
      return;
    }
    case "binary":
      writeBinary(body, packetNameOf(packet), row.name, value as Buffer);
      return;
    case "pair":
      writeText(body, packetNameOf(packet), row.name, (value as readonly [string, string])[0]);
      writeText(body, packetNameOf(packet), row.name, (value as readonly [string, string])[1]);
      return;
    default:
      if (row.type === "topic" && !isTopicName(value as string)) throw refusal(packet, `its ${row.name} is not valid`); // [MQTT-3.3.2-14]
      writeText(body, packetNameOf(packet), row.name, value as string);
  }
}

function checkNumber(packet: PropertyPacket, row: PropertyRow, value: Value, max: number): number {
  const min = row.nonZero === true ? 1 : 0;
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw refusal(packet, `its ${row.name} ${String(value)} is outside ${min}..${max}`);
}

/** Moves what was written since `start` to make room for its length. */
function insertLength(body: ByteWriter, packet: PropertyPacket, start: number): void {
  const length = body.length - start;
  if (length > remainingLengthMax) throw refusal(packet, "its properties are too long");
  const size = encodedLengthOfRemainingLength(length);
  body.reserve(size);
  body.buffer.copyWithin(start + size, start, start + length);
  writeRemainingLength(body.buffer, start, length);
  body.length = start + size + length;
}

function refusal(packet: PropertyPacket, problem: string): Error {
  return notEncodable(packetNameOf(packet), problem);
}

function packetNameOf(packet: PropertyPacket): PacketName {
  return packet === "WILL" ? "CONNECT" : packet;
}
