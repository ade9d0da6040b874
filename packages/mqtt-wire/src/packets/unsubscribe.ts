/**
 * UNSUBSCRIBE: a client ends subscriptions, named by the very filters it subscribed with.
 *
 *     +------+------------------+-------------------+ +--------------+
 *     | 0xa2 | remaining length | packet identifier | | topic filter |  one or more
 *     +------+------------------+-------------------+ +--------------+
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
import { isTopicFilter } from "../topic.ts";

export interface UnsubscribePacket {
  /** 1..65535. */
  readonly packetIdentifier: number;
  /** At least one; how many more is limited by the packet's size only. */
  readonly topicFilters: readonly string[];
}

/** Throws MALFORMED_PACKET; TOPIC_FILTER_INVALID; PROTOCOL_ERROR for identifier 0 or no topic filter. */
export function decodeUnsubscribe(bytes: Buffer, bodyStart: number, packetEnd: number): UnsubscribePacket {
  const fields = new FieldReader("UNSUBSCRIBE", bytes, bodyStart, packetEnd);
  const packetIdentifier = fields.packetIdentifier(); // [MQTT-2.3.1-1]
  if (fields.remaining === 0) {
    throw mqttWireErrors.PROTOCOL_ERROR({ packet: "UNSUBSCRIBE", problem: "it has no topic filter" }); // [MQTT-3.10.3-2]
  }
  const topicFilters: string[] = [];
  while (fields.remaining > 0) topicFilters.push(fields.topicFilter()); // [MQTT-3.10.3-1]
  return { packetIdentifier, topicFilters };
}

export function encodeUnsubscribe(writer: ByteWriter, packet: UnsubscribePacket): void {
  checkPacketIdentifier("UNSUBSCRIBE", packet.packetIdentifier);
  if (packet.topicFilters.length === 0) throw notEncodable("UNSUBSCRIBE", "it has no topic filter"); // [MQTT-3.10.3-2]
  const sizes: number[] = [];
  let bodySize = 2;
  for (const topicFilter of packet.topicFilters) {
    if (!isTopicFilter(topicFilter)) throw notEncodable("UNSUBSCRIBE", "a topic filter is not valid");
    const size = utf8FieldSize("UNSUBSCRIBE", "topic filter", topicFilter);
    sizes.push(size);
    bodySize += size;
  }
  writeFixedHeader(writer, "UNSUBSCRIBE", 0b0010, bodySize);
  writer.u16be(packet.packetIdentifier);
  for (const [index, topicFilter] of packet.topicFilters.entries()) writeUtf8Field(writer, topicFilter, sizes[index]);
}
