/**
 * PUBLISH: a message, in either direction.
 *
 *     +----------+------------------+--------------+-------+------------------------------+---------+
 *     | 3, flags | remaining length | topic length | topic | packet identifier            | payload |
 *     | 1 byte   | 1 to 4 bytes     | 2 bytes      |       | 2 bytes, only at QoS 1 and 2 | rest    |
 *     +----------+------------------+--------------+-------+------------------------------+---------+
 *     flags: DUP, QoS (two bits), RETAIN; the frame reader has refused QoS 3 and DUP at QoS 0
 *
 * Hot: `PublishView`, `decodePublish`, `publishSize` and `writePublishHeader` make no object and no string per message,
 * and do not look at the topic's bytes; `frame-reader.bench.ts` shows the rate. `PublishPacket` is for clients and
 * tests.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { zeroPacketIdentifier } from "../field-reader.ts";
import {
  checkPacketIdentifier,
  notEncodable,
  utf8FieldSize,
  writeFixedHeader,
  writeUtf8Field,
} from "../field-writer.ts";
import type { FrameReader } from "../frame-reader.ts";
import type { QoS } from "../packet-type.ts";
import { encodedLengthOfRemainingLength, writeRemainingLength } from "../remaining-length.ts";
import { checkTopicName, isTopicName } from "../topic.ts";

/** Where the parts of a PUBLISH lie in the reader's `bytes`. One view serves a whole connection, or server. */
export class PublishView {
  topicStart = 0;
  topicEnd = 0;
  /** 1..65535 at QoS 1 and 2, and 0 at QoS 0, where the packet has none. */
  packetIdentifier = 0;
  qos: QoS = 0;
  retain: 0 | 1 = 0;
  dup: 0 | 1 = 0;
  payloadStart = 0;
  payloadEnd = 0;
}

export interface PublishPacket {
  readonly topic: string;
  /** When decoded, a slice of the input: who keeps it copies it. */
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** 1..65535 at QoS 1 and 2, and 0 at QoS 0. */
  readonly packetIdentifier: number;
}

/** The four flag bits. */
export function publishFlags(qos: QoS, retain: boolean, dup: boolean): number {
  return (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
}

/**
 * Fills `view` from the PUBLISH `reader` stands on. The topic is not checked: use `checkTopicName`, or know its bytes.
 * Throws MALFORMED_PACKET, or PROTOCOL_ERROR for packet identifier 0; `view` is then undefined.
 */
export function decodePublish(view: PublishView, reader: FrameReader): void {
  const bytes = reader.bytes;
  const flags = reader.flags;
  const end = reader.packetEnd;
  const topicStart = reader.bodyStart + 2;
  if (topicStart > end) throw endsInside("topic length");
  const topicEnd = topicStart + ((bytes[topicStart - 2] << 8) | bytes[topicStart - 1]);
  const qos = ((flags >> 1) & 3) as QoS;
  let payloadStart = topicEnd;
  let packetIdentifier = 0;
  if (qos !== 0) {
    payloadStart = topicEnd + 2;
    if (payloadStart <= end) {
      packetIdentifier = (bytes[topicEnd] << 8) | bytes[topicEnd + 1];
      if (packetIdentifier === 0) throw zeroPacketIdentifier("PUBLISH"); // [MQTT-2.3.1-1]
    }
  }
  if (payloadStart > end) throw endsInside(topicEnd > end ? "topic name" : "packet identifier");
  view.topicStart = topicStart;
  view.topicEnd = topicEnd;
  view.packetIdentifier = packetIdentifier;
  view.qos = qos;
  view.retain = (flags & 1) as 0 | 1;
  view.dup = (flags >> 3) as 0 | 1;
  view.payloadStart = payloadStart;
  view.payloadEnd = end;
}

function endsInside(field: string): Error {
  return mqttWireErrors.MALFORMED_PACKET({ packet: "PUBLISH", problem: `it ends inside its ${field}` });
}

/** The message `view` describes in `bytes`, its topic checked: throws as `checkTopicName` does. */
export function publishPacketOf(view: PublishView, bytes: Buffer): PublishPacket {
  checkTopicName(bytes, view.topicStart, view.topicEnd);
  return {
    topic: bytes.toString("utf8", view.topicStart, view.topicEnd),
    payload: bytes.subarray(view.payloadStart, view.payloadEnd),
    qos: view.qos,
    retain: view.retain === 1,
    dup: view.dup === 1,
    packetIdentifier: view.packetIdentifier,
  };
}

/** Bytes of the whole packet. Lengths in bytes. */
export function publishSize(topicLength: number, payloadLength: number, qos: QoS): number {
  const remainingLength = remainingLengthOf(topicLength, payloadLength, qos);
  return 1 + encodedLengthOfRemainingLength(remainingLength) + remainingLength;
}

/**
 * Writes all of a PUBLISH but its payload at `at` and returns the position at which the payload belongs. The packet
 * identifier, written only when `flags` say QoS 1 or 2, is then the two bytes before that position. Room, a valid topic
 * and `payloadLength` within the format's limits are the caller's care; nothing is checked.
 */
export function writePublishHeader(
  buffer: Uint8Array,
  at: number,
  flags: number,
  topic: Uint8Array,
  packetIdentifier: number,
  payloadLength: number,
): number {
  const topicLength = topic.length;
  const qos = ((flags >> 1) & 3) as QoS;
  buffer[at] = 0x30 | flags;
  let position = writeRemainingLength(buffer, at + 1, remainingLengthOf(topicLength, payloadLength, qos));
  buffer[position] = topicLength >>> 8;
  buffer[position + 1] = topicLength;
  position += 2;
  buffer.set(topic, position);
  position += topicLength;
  if (qos === 0) return position; // [MQTT-2.3.1-5]
  buffer[position] = packetIdentifier >>> 8;
  buffer[position + 1] = packetIdentifier;
  return position + 2;
}

function remainingLengthOf(topicLength: number, payloadLength: number, qos: QoS): number {
  return 2 + topicLength + (qos === 0 ? 0 : 2) + payloadLength;
}

/** Throws NOT_ENCODABLE, also for DUP at QoS 0 [MQTT-3.3.1-2] and for a packet identifier at QoS 0 [MQTT-2.3.1-5]. */
export function encodePublish(writer: ByteWriter, packet: PublishPacket): void {
  const { topic, payload, qos, retain, dup, packetIdentifier } = packet;
  if (!isTopicName(topic)) throw notEncodable("PUBLISH", "its topic name is not valid"); // [MQTT-3.3.2-2]
  if (qos === 0) {
    if (packetIdentifier !== 0) throw notEncodable("PUBLISH", "it has a packet identifier at QoS 0"); // [MQTT-2.3.1-5]
    if (dup) throw notEncodable("PUBLISH", "it has DUP set at QoS 0"); // [MQTT-3.3.1-2]
  } else {
    checkPacketIdentifier("PUBLISH", packetIdentifier);
  }
  const topicSize = utf8FieldSize("PUBLISH", "topic name", topic);
  const remainingLength = remainingLengthOf(topicSize - 2, payload.length, qos);
  writeFixedHeader(writer, "PUBLISH", publishFlags(qos, retain, dup), remainingLength);
  writeUtf8Field(writer, topic, topicSize);
  if (qos !== 0) writer.u16be(packetIdentifier);
  writer.bytes(payload);
}
