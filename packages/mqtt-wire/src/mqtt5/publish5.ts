/**
 * PUBLISH of MQTT 5: a message, in either direction.
 *
 *     +----------+------------------+---------------+-------------------+-----------------+------------+---------+
 *     | 3, flags | remaining length | topic, with   | packet identifier | property length | properties | payload |
 *     | 1 byte   | 1 to 4 bytes     | 2 byte length | at QoS 1 and 2    | 1 to 4 bytes    |            | rest    |
 *     +----------+------------------+---------------+-------------------+-----------------+------------+---------+
 *
 * A server hands most properties on as they are [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17]
 * [MQTT-3.3.2-18] [MQTT-3.3.2-20]; here they are called kept. Three belong to one hop and are written anew for each
 * receiver or shape: Topic Alias, Message Expiry Interval and Subscription Identifier. So a forwarded message is
 *
 *     writePublish5Header(...), then in any order writeMessageExpiry, writeTopicAlias, writeSubscriptionIdentifier,
 *     and the bytes of `copyKeptProperties`; then the payload
 *
 * With the expiry written first, it and the packet identifier are at fixed places, so one encoding serves all receivers
 * of a shape. Where nothing is written anew (`keptPropertiesSize` is the whole region), the packet's bytes can be sent on
 * as they came.
 *
 * Hot: everything here but `Publish5Packet` makes no object and no string per message; `publish5.bench.ts` shows the rate.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { checkPacketIdentifier, notEncodable } from "../field-writer.ts";
import type { FrameReader } from "../frame-reader.ts";
import type { QoS } from "../packet-type.ts";
import { decodePublish, type PublishPacket, PublishView, publishFlags } from "../packets/publish.ts";
import { encodedLengthOfRemainingLength, writeRemainingLength } from "../remaining-length.ts";
import { checkTopicName, isTopicName } from "../topic.ts";
import { beginBody, writePacket, writeText } from "./body.ts";
import { propertiesFrom, writeProperties } from "./properties.ts";
import { PropertyCursor } from "./property-cursor.ts";
import { type Properties, propertyTable } from "./property-table.ts";

const messageExpiryId = propertyTable.messageExpiryInterval.id;
const subscriptionIdentifierId = propertyTable.subscriptionIdentifiers.id;
const topicAliasId = propertyTable.topicAlias.id;

/** Bytes of the properties that are written anew; that of a Subscription Identifier is `subscriptionIdentifierSize`. */
export const messageExpirySize = 5;
export const topicAliasSize = 3;

/** Where the parts of a PUBLISH of any version lie in the reader's `bytes`. One view serves all connections. */
export class Publish5View extends PublishView {
  /** The properties without their length; both 0 below MQTT 5. */
  propertiesStart = 0;
  propertiesEnd = 0;
  /** 1..65535; 0: there is none. With it the topic may be empty. */
  topicAlias = 0;
  /** Where its two bytes stand; 0: there is none. */
  topicAliasAt = 0;
  /** Where the four bytes of the Message Expiry Interval stand; 0: there is none. See `messageExpirySeconds`. */
  messageExpiryAt = 0;
  /** Those of a server; a client may send none [MQTT-3.3.4-6]: `checkClientPublish`. */
  subscriptionIdentifierCount = 0;
  /** Bytes of the properties that are handed on as they are. */
  keptPropertiesSize = 0;
}

export interface Publish5Packet extends PublishPacket {
  /** `topic` may be empty only with a `topicAlias`. */
  readonly properties: Properties<"PUBLISH">;
}

const cursor = new PropertyCursor();

/**
 * Fills `view` from the PUBLISH `reader` stands on, of the level the reader is set to. The topic is not checked, but for
 * an empty one in MQTT 5. All properties are.
 *
 * Throws as `decodePublish` does; at level 5 also PROTOCOL_ERROR for an empty topic without alias, TOPIC_ALIAS_INVALID for
 * alias 0, and as `PropertyCursor` does. `view` is then undefined.
 */
export function decodeAnyPublish(view: Publish5View, reader: FrameReader): void {
  decodePublish(view, reader);
  if (reader.protocolLevel === 5) decodeProperties(view, reader);
  else if (view.propertiesStart !== 0) forgetProperties(view, 0);
}

function decodeProperties(view: Publish5View, reader: FrameReader): void {
  const bytes = reader.bytes;
  const at = view.payloadStart;
  if (bytes[at] === 0 && at < view.payloadEnd) {
    forgetProperties(view, at + 1);
  } else {
    cursor.open("PUBLISH", bytes, at, view.payloadEnd); // [MQTT-2.2.2-1]
    forgetProperties(view, cursor.propertiesStart);
    noteProperties(view, bytes);
  }
  view.payloadStart = view.propertiesEnd;
  if (view.topicStart === view.topicEnd && view.topicAlias === 0) {
    const problem = "it has neither a topic nor a topic alias";
    throw mqttWireErrors.PROTOCOL_ERROR({ packet: "PUBLISH", problem }); // section 3.3.2.1
  }
}

function forgetProperties(view: Publish5View, at: number): void {
  view.propertiesStart = at;
  view.propertiesEnd = at;
  view.topicAlias = 0;
  view.topicAliasAt = 0;
  view.messageExpiryAt = 0;
  view.subscriptionIdentifierCount = 0;
  view.keptPropertiesSize = 0;
}

function noteProperties(view: Publish5View, bytes: Buffer): void {
  view.propertiesEnd = cursor.propertiesEnd;
  while (cursor.next()) {
    const at = cursor.valueStart;
    switch (cursor.id) {
      case topicAliasId:
        view.topicAlias = (bytes[at] << 8) | bytes[at + 1];
        view.topicAliasAt = at;
        break;
      case messageExpiryId:
        view.messageExpiryAt = at;
        break;
      case subscriptionIdentifierId:
        view.subscriptionIdentifierCount++;
        break;
      default:
        view.keptPropertiesSize += cursor.end - cursor.start;
    }
  }
}

/** Throws PROTOCOL_ERROR for what only a server may send. [MQTT-3.3.4-6] */
export function checkClientPublish(view: Publish5View): void {
  if (view.subscriptionIdentifierCount === 0) return;
  const problem = "a client may not send it with Subscription Identifier";
  throw mqttWireErrors.PROTOCOL_ERROR({ packet: "PUBLISH", problem });
}

/** The Message Expiry Interval in seconds, 0..4294967295, that stands at `view.messageExpiryAt`. */
export function messageExpirySeconds(bytes: Buffer, messageExpiryAt: number): number {
  return bytes.readUInt32BE(messageExpiryAt);
}

/**
 * Copies the kept properties, `view.keptPropertiesSize` bytes, to `target` at `at` and returns the position after them.
 * Without Subscription Identifiers, which only servers send, nothing is walked: there are two gaps at known places.
 */
export function copyKeptProperties(view: Publish5View, bytes: Buffer, target: Uint8Array, at: number): number {
  const { propertiesStart, propertiesEnd, topicAliasAt, messageExpiryAt } = view;
  if (view.subscriptionIdentifierCount > 0) return copyWalking(view, bytes, target, at);
  if (topicAliasAt === 0 && messageExpiryAt === 0) return copyBytes(bytes, propertiesStart, propertiesEnd, target, at);
  // Both positions are those of values: the identifier is one byte before.
  const aliasGap = topicAliasAt === 0 ? propertiesEnd : topicAliasAt - 1;
  const aliasGapEnd = topicAliasAt === 0 ? propertiesEnd : topicAliasAt + 2;
  const expiryGap = messageExpiryAt === 0 ? propertiesEnd : messageExpiryAt - 1;
  const expiryGapEnd = messageExpiryAt === 0 ? propertiesEnd : messageExpiryAt + 4;
  const isAliasFirst = aliasGap < expiryGap;
  let position = copyBytes(bytes, propertiesStart, isAliasFirst ? aliasGap : expiryGap, target, at);
  position = isAliasFirst
    ? copyBytes(bytes, aliasGapEnd, expiryGap, target, position)
    : copyBytes(bytes, expiryGapEnd, aliasGap, target, position);
  return copyBytes(bytes, isAliasFirst ? expiryGapEnd : aliasGapEnd, propertiesEnd, target, position);
}

function copyWalking(view: Publish5View, bytes: Buffer, target: Uint8Array, at: number): number {
  let position = at;
  openProperties(cursor, view, bytes);
  while (cursor.next()) {
    if (cursor.id === topicAliasId || cursor.id === messageExpiryId || cursor.id === subscriptionIdentifierId) continue;
    position = copyBytes(bytes, cursor.start, cursor.end, target, position);
  }
  return position;
}

/** Up to about 50 bytes a loop is faster than a call of `copy`, from about 100 on it is slower. */
const loopSizeMax = 48;

function copyBytes(bytes: Buffer, start: number, end: number, target: Uint8Array, at: number): number {
  const size = end - start;
  if (size > loopSizeMax) bytes.copy(target, at, start, end);
  else for (let i = 0; i < size; i++) target[at + i] = bytes[start + i];
  return at + size;
}

/** Stands `walker` before the first property of the PUBLISH in `view`; of MQTT 5. */
export function openProperties(walker: PropertyCursor, view: Publish5View, bytes: Buffer): void {
  walker.open("PUBLISH", bytes, propertyLengthAt(view), view.propertiesEnd);
}

function propertyLengthAt({ propertiesStart, propertiesEnd }: Publish5View): number {
  return propertiesStart - encodedLengthOfRemainingLength(propertiesEnd - propertiesStart);
}

/** The message `view` describes in `bytes`, of MQTT 5. A topic that is there is checked: throws as `checkTopicName` does. */
export function publish5PacketOf(view: Publish5View, bytes: Buffer): Publish5Packet {
  if (view.topicEnd > view.topicStart) checkTopicName(bytes, view.topicStart, view.topicEnd); // [MQTT-3.3.2-1] [MQTT-3.3.2-2]
  openProperties(cursor, view, bytes);
  return {
    topic: bytes.toString("utf8", view.topicStart, view.topicEnd),
    payload: bytes.subarray(view.payloadStart, view.payloadEnd),
    qos: view.qos,
    retain: view.retain === 1,
    dup: view.dup === 1,
    packetIdentifier: view.packetIdentifier,
    properties: propertiesFrom(cursor) as Properties<"PUBLISH">,
  };
}

/** Bytes of the whole packet. Lengths and sizes in bytes; that of the properties without their length. */
export function publish5Size(topicLength: number, propertiesSize: number, payloadLength: number, qos: QoS): number {
  const remainingLength = remainingLengthOf(topicLength, propertiesSize, payloadLength, qos);
  return 1 + encodedLengthOfRemainingLength(remainingLength) + remainingLength;
}

/**
 * Writes all of a PUBLISH up to its properties at `at` and returns the position at which `propertiesSize` bytes of
 * properties belong, and after them the payload. The packet identifier, written only when `flags` say QoS 1 or 2, is the
 * two bytes after the topic. Room, a valid topic and sizes within the format's limits are the caller's care.
 */
export function writePublish5Header(
  buffer: Uint8Array,
  at: number,
  flags: number,
  topic: Uint8Array,
  packetIdentifier: number,
  propertiesSize: number,
  payloadLength: number,
): number {
  const topicLength = topic.length;
  const qos = ((flags >> 1) & 3) as QoS;
  buffer[at] = 0x30 | flags;
  const remainingLength = remainingLengthOf(topicLength, propertiesSize, payloadLength, qos);
  let position = writeRemainingLength(buffer, at + 1, remainingLength);
  buffer[position] = topicLength >>> 8;
  buffer[position + 1] = topicLength;
  position += 2;
  buffer.set(topic, position);
  position += topicLength;
  if (qos !== 0) {
    buffer[position] = packetIdentifier >>> 8;
    buffer[position + 1] = packetIdentifier;
    position += 2; // [MQTT-2.2.1-2]
  }
  return writeRemainingLength(buffer, position, propertiesSize);
}

/** Writes `messageExpirySize` bytes; `seconds` is 0..4294967295. [MQTT-3.3.2-6] */
export function writeMessageExpiry(buffer: Uint8Array, at: number, seconds: number): number {
  buffer[at] = messageExpiryId;
  buffer[at + 1] = seconds >>> 24;
  buffer[at + 2] = seconds >>> 16;
  buffer[at + 3] = seconds >>> 8;
  buffer[at + 4] = seconds;
  return at + messageExpirySize;
}

/** Writes `topicAliasSize` bytes; `topicAlias` is 1..65535. */
export function writeTopicAlias(buffer: Uint8Array, at: number, topicAlias: number): number {
  buffer[at] = topicAliasId;
  buffer[at + 1] = topicAlias >>> 8;
  buffer[at + 2] = topicAlias;
  return at + topicAliasSize;
}

export function subscriptionIdentifierSize(identifier: number): number {
  return 1 + encodedLengthOfRemainingLength(identifier);
}

/** Writes `subscriptionIdentifierSize` bytes; `identifier` is 1..268435455. [MQTT-3.3.4-3] */
export function writeSubscriptionIdentifier(buffer: Uint8Array, at: number, identifier: number): number {
  buffer[at] = subscriptionIdentifierId;
  return writeRemainingLength(buffer, at + 1, identifier);
}

function remainingLengthOf(topicLength: number, propertiesSize: number, payloadLength: number, qos: QoS): number {
  const properties = encodedLengthOfRemainingLength(propertiesSize) + propertiesSize;
  return 2 + topicLength + (qos === 0 ? 0 : 2) + properties + payloadLength;
}

/** Throws NOT_ENCODABLE, also for DUP [MQTT-3.3.1-2] or a packet identifier [MQTT-2.2.1-2] at QoS 0. */
export function encodePublish5(writer: ByteWriter, packet: Publish5Packet): void {
  const { topic, payload, qos, retain, dup, packetIdentifier, properties } = packet;
  const mayBeEmpty = properties.topicAlias !== undefined;
  if (!isTopicName(topic) && !(topic === "" && mayBeEmpty)) {
    throw notEncodable("PUBLISH", "its topic name is not valid"); // [MQTT-3.3.2-2]
  }
  if (qos === 0) {
    if (packetIdentifier !== 0) throw notEncodable("PUBLISH", "it has a packet identifier at QoS 0"); // [MQTT-2.2.1-2]
    if (dup) throw notEncodable("PUBLISH", "it has DUP set at QoS 0"); // [MQTT-3.3.1-2]
  } else {
    checkPacketIdentifier("PUBLISH", packetIdentifier);
  }
  const body = beginBody();
  writeText(body, "PUBLISH", "topic name", topic);
  if (qos !== 0) body.u16be(packetIdentifier);
  writeProperties(body, "PUBLISH", properties);
  writePacket(writer, "PUBLISH", publishFlags(qos, retain, dup), payload);
}
