/**
 * Walks the properties of one packet where they lie, checking each against `property-table.ts` and making no object and
 * no string:
 *
 *     +-----------------+------------+-------+------------+-------+
 *     | property length | identifier | value | identifier | value |  ...
 *     | 1 to 4 bytes    | 1 byte     |       |            |       |
 *     +-----------------+------------+-------+------------+-------+
 *                       ^ propertiesStart                         ^ propertiesEnd
 *
 *     cursor.open("PUBLISH", bytes, at, packetEnd);
 *     while (cursor.next()) if (cursor.id === wanted) use(cursor.valueStart, cursor.end);
 *
 * Malformed (0x81): a length or value that goes past its end, an identifier that no property has or that the packet may
 * not have (section 2.2.2.2), a string that is not UTF-8. A protocol error (0x82): a property that stands there twice, a
 * number outside of what the property allows, a response topic with wildcards.
 *
 * Hot: walked once per PUBLISH that has properties; `publish5.bench.ts` shows the rate.
 */

import { mqttWireErrors } from "../errors.ts";
import type { PacketName } from "../packet-type.ts";
import { checkUtf8 } from "../utf8.ts";
import { type PropertyPacket, type PropertyRow, type PropertyType, propertyTable } from "./property-table.ts";
import type { Sender } from "./reason-codes.ts";
import { readVariableByteInteger } from "./variable-byte-integer.ts";

const noBytes = Buffer.alloc(0);
const rows: readonly PropertyRow[] = Object.values(propertyTable);

const typeNumbers: Readonly<Record<PropertyType, number>> = {
  flag: 1,
  bit: 1,
  u16: 2,
  u32: 3,
  varint: 4,
  utf8: 5,
  topic: 6,
  binary: 7,
  pair: 8,
};
/** By identifier: the number of its type, 0 for none; and 1 where it must not be 0. */
const typeById = tableById((row) => typeNumbers[row.type]);
const nonZeroById = tableById((row) => (row.nonZero === true ? 1 : 0));

/** By packet, then by identifier: 1 where it may stand once, 2 where it may repeat, 0 where it is not allowed. */
const allowedByPacket = tablesByPacket((row, packet) => {
  if (row.repeats?.includes(packet) === true) return 2;
  return row.packets.includes(packet) ? 1 : 0;
});
/** The same without what the sender may not send. */
const allowedFromClient = tablesByPacket((row, packet) =>
  row.sentBy?.[packet] === "server" ? 0 : allowedByPacket[packet][row.id],
);
const allowedFromServer = tablesByPacket((row, packet) =>
  row.sentBy?.[packet] === "client" ? 0 : allowedByPacket[packet][row.id],
);

function tableById(cellOf: (row: PropertyRow) => number): Uint8Array {
  const table = new Uint8Array(256);
  for (const row of rows) table[row.id] = cellOf(row);
  return table;
}

/** A literal: looked up per packet, an object made of entries would be a dictionary. */
function tablesByPacket(
  cellOf: (row: PropertyRow, packet: PropertyPacket) => number,
): Readonly<Record<PropertyPacket, Uint8Array>> {
  const table = (packet: PropertyPacket) => tableById((row) => cellOf(row, packet));
  return {
    CONNECT: table("CONNECT"),
    WILL: table("WILL"),
    CONNACK: table("CONNACK"),
    PUBLISH: table("PUBLISH"),
    PUBACK: table("PUBACK"),
    PUBREC: table("PUBREC"),
    PUBREL: table("PUBREL"),
    PUBCOMP: table("PUBCOMP"),
    SUBSCRIBE: table("SUBSCRIBE"),
    SUBACK: table("SUBACK"),
    UNSUBSCRIBE: table("UNSUBSCRIBE"),
    UNSUBACK: table("UNSUBACK"),
    DISCONNECT: table("DISCONNECT"),
    AUTH: table("AUTH"),
  };
}

export class PropertyCursor {
  /** The region, without its length. */
  propertiesStart = 0;
  propertiesEnd = 0;

  /** The property's identifier, its first byte (the identifier), and the byte after it. Set when `next` is true. */
  id = 0;
  start = 0;
  end = 0;
  /** Its value is `bytes[valueStart, end)`; of a string or bytes without the length in front. */
  valueStart = 0;
  /** Of a User Property: its name is `bytes[start + 3, nameEnd)`. */
  nameEnd = 0;

  #bytes: Buffer = noBytes;
  #packet: PacketName = "PUBLISH";
  #allowed: Uint8Array = allowedByPacket.PUBLISH;
  /** Identifiers seen: bit 0 of the first is 0, bit 0 of the second 32. */
  #seenLow = 0;
  #seenHigh = 0;

  /**
   * Stands before the first property of `packet`; its property length is at `at`. With `sender`, also refuses what that
   * side may not send. Throws MALFORMED_PACKET when the length is missing [MQTT-2.2.2-1] or goes past `packetEnd`.
   */
  open(packet: PropertyPacket, bytes: Buffer, at: number, packetEnd: number, sender?: Sender): void {
    const name = packet === "WILL" ? "CONNECT" : packet;
    const read = readVariableByteInteger(name, "property length", bytes, at, packetEnd);
    const start = at + (read & 7);
    const end = start + (read >>> 3);
    this.#packet = name;
    if (end > packetEnd) throw this.#malformed("it ends inside its properties");
    this.#bytes = bytes;
    if (sender === undefined) this.#allowed = allowedByPacket[packet];
    else this.#allowed = (sender === "client" ? allowedFromClient : allowedFromServer)[packet];
    this.#seenLow = 0;
    this.#seenHigh = 0;
    this.propertiesStart = start;
    this.propertiesEnd = end;
    this.end = start;
  }

  /** Moves to the next property. False: there is none, and the cursor holds on to no bytes. */
  next(): boolean {
    const start = this.end;
    const end = this.propertiesEnd;
    if (start >= end) {
      this.#bytes = noBytes;
      return false;
    }
    const id = this.#bytes[start];
    const allowed = this.#allowed[id];
    if (allowed !== 2) this.#admitOnce(id, allowed);
    this.id = id;
    this.start = start;
    this.valueStart = start + 1;
    switch (typeById[id]) {
      case 1:
        this.#byte(start + 2);
        break;
      case 2:
        this.#integer(start + 3);
        break;
      case 3:
        this.#integer(start + 5);
        break;
      case 4:
        this.#varint();
        break;
      case 5:
        this.#field(start + 1);
        this.#checkUtf8(this.valueStart, this.end);
        break;
      case 6:
        this.#field(start + 1);
        this.#checkTopic();
        break;
      case 7:
        this.#field(start + 1);
        break;
      default:
        this.#pair();
    }
    return true;
  }

  /** The number of a u16, u32 or varint, or of a flag or bit. */
  get number(): number {
    const bytes = this.#bytes;
    const at = this.valueStart;
    switch (typeById[this.id]) {
      case 1:
        return bytes[at];
      case 2:
        return (bytes[at] << 8) | bytes[at + 1];
      case 3:
        return bytes.readUInt32BE(at);
      default:
        return readVariableByteInteger(this.#packet, "property", bytes, at, this.end) >>> 3;
    }
  }

  get text(): string {
    return this.#bytes.toString("utf8", this.valueStart, this.end);
  }

  /** The name of a User Property, whose value is `text`. */
  get nameText(): string {
    return this.#bytes.toString("utf8", this.start + 3, this.nameEnd);
  }

  /** A slice of the input. */
  get binary(): Buffer {
    return this.#bytes.subarray(this.valueStart, this.end);
  }

  #admitOnce(id: number, allowed: number): void {
    if (allowed === 0) this.#refuseIdentifier(id);
    const bit = 1 << (id & 31);
    const seen = id < 32 ? this.#seenLow : this.#seenHigh;
    if ((seen & bit) !== 0) throw this.#protocolError(`its ${nameOf(id)} is there twice`);
    if (id < 32) this.#seenLow = seen | bit;
    else this.#seenHigh = seen | bit;
  }

  #refuseIdentifier(id: number): never {
    const row = rows.find((each) => each.id === id);
    if (row === undefined) throw this.#malformed(`it has a property with identifier ${id}, which no property has`);
    const isAllowed = row.packets.some((packet) => this.#allowed === allowedFromClient[packet]);
    const isAllowedToServer = row.packets.some((packet) => this.#allowed === allowedFromServer[packet]);
    if (isAllowed) throw this.#protocolError(`a client may not send it with ${row.name}`); // [MQTT-3.3.4-6]
    if (isAllowedToServer) throw this.#protocolError(`a server may not send it with ${row.name}`); // [MQTT-3.14.2-2]
    throw this.#malformed(`${row.name} is not a property it may have`);
  }

  #byte(end: number): void {
    this.#endAt(end);
    const value = this.#bytes[this.valueStart];
    if (value > 1) throw this.#protocolError(`its ${nameOf(this.id)} is ${value}`);
  }

  #integer(end: number): void {
    this.#endAt(end);
    if (nonZeroById[this.id] === 0) return;
    for (let at = this.valueStart; at < end; at++) if (this.#bytes[at] !== 0) return;
    this.#refuseZero();
  }

  #varint(): void {
    const at = this.valueStart;
    const read = readVariableByteInteger(this.#packet, "property", this.#bytes, at, this.propertiesEnd);
    this.end = at + (read & 7);
    if (read >>> 3 === 0) this.#refuseZero();
  }

  #refuseZero(): never {
    if (this.id === propertyTable.topicAlias.id) {
      this.#bytes = noBytes;
      throw mqttWireErrors.TOPIC_ALIAS_INVALID({ topicAlias: 0 }); // [MQTT-3.3.2-8]
    }
    throw this.#protocolError(`its ${nameOf(this.id)} is 0`);
  }

  /** Steps over a length of two bytes at `at` and what it covers. */
  #field(at: number): void {
    this.#endAt(at + 2);
    this.valueStart = at + 2;
    this.#endAt(at + 2 + ((this.#bytes[at] << 8) | this.#bytes[at + 1]));
  }

  #pair(): void {
    this.#field(this.start + 1);
    this.#checkUtf8(this.valueStart, this.end); // [MQTT-1.5.7-1]
    this.nameEnd = this.end;
    this.#field(this.nameEnd);
    this.#checkUtf8(this.valueStart, this.end);
  }

  #checkTopic(): void {
    this.#checkUtf8(this.valueStart, this.end); // [MQTT-3.3.2-13]
    if (this.valueStart === this.end) throw this.#protocolError(`its ${nameOf(this.id)} is empty`);
    for (let at = this.valueStart; at < this.end; at++) {
      const byte = this.#bytes[at];
      if (byte === 0x2b || byte === 0x23) throw this.#protocolError(`its ${nameOf(this.id)} holds a wildcard`); // [MQTT-3.3.2-14]
    }
  }

  #checkUtf8(start: number, end: number): void {
    const bytes = this.#bytes;
    this.#bytes = noBytes; // should it throw
    checkUtf8(this.#packet, "a property", bytes, start, end); // [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    this.#bytes = bytes;
  }

  #endAt(end: number): void {
    if (end > this.propertiesEnd) throw this.#malformed(`its properties end inside ${nameOf(this.id)}`);
    this.end = end;
  }

  #malformed(problem: string): Error {
    this.#bytes = noBytes;
    return mqttWireErrors.MALFORMED_PACKET({ packet: this.#packet, problem });
  }

  #protocolError(problem: string): Error {
    this.#bytes = noBytes;
    return mqttWireErrors.PROTOCOL_ERROR({ packet: this.#packet, problem });
  }
}

function nameOf(id: number): string {
  return rows.find((row) => row.id === id)?.name ?? `property ${id}`;
}
