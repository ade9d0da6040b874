/**
 * SUBSCRIBE: a client asks for the messages whose topics match.
 *
 *     +------+------------------+-------------------+ +--------------+---------------+
 *     | 0x82 | remaining length | packet identifier | | topic filter | requested QoS |  one or more pairs
 *     +------+------------------+-------------------+ +--------------+---------------+
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import {
  checkPacketIdentifier,
  notEncodable,
  utf8FieldSize,
  writeFixedHeader,
  writeUtf8Field,
} from "../field-writer.ts";
import type { QoS } from "../packet-type.ts";
import { isTopicFilter } from "../topic.ts";

export interface Subscription {
  readonly topicFilter: string;
  /** The highest QoS the client wants messages at. */
  readonly qos: QoS;
}

export interface SubscribePacket {
  /** 1..65535. */
  readonly packetIdentifier: number;
  /** At least one; how many more is limited by the packet's size only. */
  readonly subscriptions: readonly Subscription[];
}

/** Throws MALFORMED_PACKET; TOPIC_FILTER_INVALID; PROTOCOL_ERROR for identifier 0 or no topic filter. */
export function decodeSubscribe(bytes: Buffer, bodyStart: number, packetEnd: number): SubscribePacket {
  const fields = new FieldReader("SUBSCRIBE", bytes, bodyStart, packetEnd);
  const packetIdentifier = fields.packetIdentifier(); // [MQTT-2.3.1-1]
  if (fields.remaining === 0) {
    throw mqttWireErrors.PROTOCOL_ERROR({ packet: "SUBSCRIBE", problem: "it has no topic filter" }); // [MQTT-3.8.3-3]
  }
  const subscriptions: Subscription[] = [];
  while (fields.remaining > 0) {
    const topicFilter = fields.topicFilter(); // [MQTT-3.8.3-1]
    const qos = fields.u8("requested QoS");
    if (qos > 2) throw fields.malformed(`its requested QoS byte is ${qos}`); // [MQTT-3.8.3-4]
    subscriptions.push({ topicFilter, qos: qos as QoS });
  }
  return { packetIdentifier, subscriptions };
}

export function encodeSubscribe(writer: ByteWriter, packet: SubscribePacket): void {
  checkPacketIdentifier("SUBSCRIBE", packet.packetIdentifier);
  if (packet.subscriptions.length === 0) throw notEncodable("SUBSCRIBE", "it has no topic filter"); // [MQTT-3.8.3-3]
  const sizes: number[] = [];
  let bodySize = 2;
  for (const { topicFilter } of packet.subscriptions) {
    if (!isTopicFilter(topicFilter)) throw notEncodable("SUBSCRIBE", "a topic filter is not valid");
    const size = utf8FieldSize("SUBSCRIBE", "topic filter", topicFilter);
    sizes.push(size);
    bodySize += size + 1;
  }
  writeFixedHeader(writer, "SUBSCRIBE", 0b0010, bodySize);
  writer.u16be(packet.packetIdentifier);
  for (const [index, { topicFilter, qos }] of packet.subscriptions.entries()) {
    writeUtf8Field(writer, topicFilter, sizes[index]);
    writer.u8(qos);
  }
}
