/**
 * Records of the session log. They are values of the log's own records, which have sizes and checksums; integers are
 * little-endian. A crash leaves whole records, in the order in which they were appended.
 *
 *     message    0  u8   kind 1                             received   0  u8   kind 2: PUBREC came, the session
 *                1  u8   QoS | 4 expires | 8 publisher                 1  u32  session    needs the message no more
 *                        | 16 moved                                    5  u48  sequence
 *                2  u8   flags, the protocol's
 *                3  u16  size of the topic                  release    0  u8   kind 3: PUBREL came, the publisher
 *                5  u32  recipients                                    1  u32  session    may use the identifier again
 *                9  u32  size of the properties                        5  u16  packet identifier
 *                13 u32  size of the recipients' bytes
 *                17 f64  expires: wall-clock milliseconds
 *                   u32 session, u16 packet identifier, u48 number: publisher
 *                   u48  moved: the offset that this record replaces
 *                   recipients, by ascending session: u32 session, u32 end of its bytes × 4 + QoS
 *                               and, if moved, u48 sequence of the entry
 *                   the recipients' bytes │ topic │ properties │ payload
 *
 * A moved record names only the entries that still need it; each gets the new offset if it still has the old one. So both
 * records may be there, in whatever lives a crash divides their writing from the removal of the old one.
 */

import type { QoS } from "../publication.ts";

export const recordKinds = { message: 1, received: 2, release: 3 } as const;

const expires = 4;
const publisher = 8;
const moved = 16;
const fixedSize = 17;

export const receivedRecordSize = 11;
export const releaseRecordSize = 7;

/** What a message record is made of, beside its recipients and bytes. */
export interface MessageHead {
  qos: QoS;
  flags: number;
  /** 0: never. */
  expiresAtMs: number;
  topicSize: number;
  propertiesSize: number;
  recipientCount: number;
  recipientBytesSize: number;
  /** -1: none. */
  publisher: number;
  packetIdentifier: number;
  inboundNumber: number;
  /** -1: not moved. */
  movedFrom: number;
}

/** Bytes before the recipients' bytes. */
export function messageHeadSize(head: MessageHead): number {
  const optional = (head.expiresAtMs === 0 ? 0 : 8) + (head.publisher < 0 ? 0 : 12) + (head.movedFrom < 0 ? 0 : 6);
  return fixedSize + optional + head.recipientCount * rowSize(head.movedFrom >= 0);
}

function rowSize(isMoved: boolean): number {
  return isMoved ? 14 : 8;
}

/** Writes what comes before the recipients' rows; returns where those begin. */
export function writeMessageHead(bytes: Buffer, start: number, head: MessageHead): number {
  bytes[start] = recordKinds.message;
  let bits: number = head.qos;
  let at = start + fixedSize;
  if (head.expiresAtMs !== 0) {
    bits |= expires;
    at = bytes.writeDoubleLE(head.expiresAtMs, at);
  }
  if (head.publisher >= 0) {
    bits |= publisher;
    writeU32(bytes, at, head.publisher);
    bytes[at + 4] = head.packetIdentifier;
    bytes[at + 5] = head.packetIdentifier >>> 8;
    at = bytes.writeUIntLE(head.inboundNumber, at + 6, 6);
  }
  if (head.movedFrom >= 0) {
    bits |= moved;
    at = bytes.writeUIntLE(head.movedFrom, at, 6);
  }
  bytes[start + 1] = bits;
  bytes[start + 2] = head.flags;
  bytes[start + 3] = head.topicSize;
  bytes[start + 4] = head.topicSize >>> 8;
  writeU32(bytes, start + 5, head.recipientCount);
  writeU32(bytes, start + 9, head.propertiesSize);
  writeU32(bytes, start + 13, head.recipientBytesSize);
  return at;
}

/** `bytesEnd`: of the recipient's bytes, counted from where the first one's begin. Returns where the next row begins. */
export function writeRecipient(bytes: Buffer, at: number, session: number, bytesEnd: number, qos: QoS): number {
  writeU32(bytes, at, session);
  writeU32(bytes, at + 4, bytesEnd * 4 + qos);
  return at + 8;
}

export function writeReceived(bytes: Buffer, start: number, session: number, sequence: number): void {
  bytes[start] = recordKinds.received;
  writeU32(bytes, start + 1, session);
  bytes.writeUIntLE(sequence, start + 5, 6);
}

export function writeRelease(bytes: Buffer, start: number, session: number, packetIdentifier: number): void {
  bytes[start] = recordKinds.release;
  writeU32(bytes, start + 1, session);
  bytes.writeUInt16LE(packetIdentifier, start + 5);
}

function writeU32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function readU32(bytes: Buffer, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** A record, read in place. Fields that its kind does not have mean nothing. Hot: filled for each delivery. */
export class SessionRecord implements MessageHead {
  bytes!: Buffer;
  kind = 0;
  qos: QoS = 0;
  flags = 0;
  expiresAtMs = 0;
  topicSize = 0;
  propertiesSize = 0;
  recipientCount = 0;
  recipientBytesSize = 0;
  publisher = -1;
  packetIdentifier = 0;
  inboundNumber = 0;
  movedFrom = -1;
  /** Of a received or release record. */
  session = 0;
  sequence = 0;

  recipientBytesStart = 0;
  topicStart = 0;
  propertiesStart = 0;
  payloadStart = 0;
  payloadEnd = 0;
  #rowsStart = 0;
  #rowSize = 8;

  /** False when `bytes[start, end)` is not such a record; nothing is read beyond it then. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.bytes = bytes;
    this.kind = start < end ? bytes[start]! : 0;
    if (this.kind === recordKinds.message) return end - start >= fixedSize && this.#readMessage(start, end);
    if (this.kind === recordKinds.received) {
      if (end - start !== receivedRecordSize) return false;
      this.sequence = bytes.readUIntLE(start + 5, 6);
    } else if (this.kind === recordKinds.release) {
      if (end - start !== releaseRecordSize) return false;
      this.packetIdentifier = bytes.readUInt16LE(start + 5);
    } else return false;
    this.session = readU32(bytes, start + 1);
    return true;
  }

  #readMessage(start: number, end: number): boolean {
    const bytes = this.bytes;
    const bits = bytes[start + 1]!;
    this.qos = (bits & 3) as QoS;
    this.flags = bytes[start + 2]!;
    this.topicSize = bytes[start + 3]! | (bytes[start + 4]! << 8);
    this.recipientCount = readU32(bytes, start + 5);
    this.propertiesSize = readU32(bytes, start + 9);
    this.recipientBytesSize = readU32(bytes, start + 13);
    this.publisher = -1;
    this.movedFrom = -1;
    this.expiresAtMs = 0;
    this.#rowSize = rowSize((bits & moved) !== 0);
    const optional =
      ((bits & expires) === 0 ? 0 : 8) + ((bits & publisher) === 0 ? 0 : 12) + ((bits & moved) === 0 ? 0 : 6);
    this.#rowsStart = start + fixedSize + optional;
    this.recipientBytesStart = this.#rowsStart + this.recipientCount * this.#rowSize;
    this.topicStart = this.recipientBytesStart + this.recipientBytesSize;
    this.propertiesStart = this.topicStart + this.topicSize;
    this.payloadStart = this.propertiesStart + this.propertiesSize;
    this.payloadEnd = end;
    if (this.payloadStart > end) return false;
    if (optional !== 0) this.#readOptional(bits, start + fixedSize);
    return true;
  }

  #readOptional(bits: number, position: number): void {
    const bytes = this.bytes;
    let at = position;
    if ((bits & expires) !== 0) {
      this.expiresAtMs = bytes.readDoubleLE(at);
      at += 8;
    }
    if ((bits & publisher) !== 0) {
      this.publisher = readU32(bytes, at);
      this.packetIdentifier = bytes.readUInt16LE(at + 4);
      this.inboundNumber = bytes.readUIntLE(at + 6, 6);
      at += 12;
    }
    if ((bits & moved) !== 0) this.movedFrom = bytes.readUIntLE(at, 6);
  }

  /** Bytes of topic, properties and payload. */
  get messageSize(): number {
    return this.payloadEnd - this.topicStart;
  }

  recipient(index: number): number {
    return readU32(this.bytes, this.#rowsStart + index * this.#rowSize);
  }

  recipientQos(index: number): QoS {
    return (this.bytes[this.#rowsStart + index * this.#rowSize + 4]! & 3) as QoS;
  }

  /** Only of a moved record. */
  recipientSequence(index: number): number {
    return this.bytes.readUIntLE(this.#rowsStart + index * this.#rowSize + 8, 6);
  }

  /** Where the recipient's bytes begin and end in `bytes`. */
  recipientBytesFrom(index: number): number {
    return index === 0 ? this.recipientBytesStart : this.recipientBytesTo(index - 1);
  }

  recipientBytesTo(index: number): number {
    return this.recipientBytesStart + (readU32(this.bytes, this.#rowsStart + index * this.#rowSize + 4) >>> 2);
  }

  /** The index of a session among the recipients; -1 when it is none. */
  indexOf(session: number): number {
    let low = 0;
    let high = this.recipientCount - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.recipient(middle);
      if (found === session) return middle;
      if (found < session) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
