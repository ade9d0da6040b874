/**
 * UNSUBSCRIBE of MQTT 5: a client ends subscriptions, named by the very filters it subscribed with.
 *
 *     u16         packet identifier
 *     properties
 *     string      topic filter        one or more
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import { checkPacketIdentifier, notEncodable } from "../field-writer.ts";
import { beginBody, writePacket, writeText } from "./body.ts";
import { readProperties, writeProperties } from "./properties.ts";
import type { Properties } from "./property-table.ts";
import { parseTopicFilter } from "./shared-subscription.ts";
import { invalidShare } from "./subscribe5.ts";

export interface Unsubscribe5Packet {
  /** 1..65535. */
  readonly packetIdentifier: number;
  readonly properties: Properties<"UNSUBSCRIBE">;
  /** At least one; how many more is limited by the packet's size only. */
  readonly topicFilters: readonly string[];
}

/**
 * Throws MALFORMED_PACKET; TOPIC_FILTER_INVALID; PROTOCOL_ERROR for identifier 0, no topic filter, and as
 * `PropertyCursor` does.
 */
export function decodeUnsubscribe5(bytes: Buffer, bodyStart: number, packetEnd: number): Unsubscribe5Packet {
  const fields = new FieldReader("UNSUBSCRIBE", bytes, bodyStart, packetEnd);
  const packetIdentifier = fields.packetIdentifier(); // [MQTT-2.2.1-3]
  const properties = readProperties("UNSUBSCRIBE", fields);
  if (fields.remaining === 0) {
    throw mqttWireErrors.PROTOCOL_ERROR({ packet: "UNSUBSCRIBE", problem: "it has no topic filter" }); // [MQTT-3.10.3-2]
  }
  const topicFilters: string[] = [];
  while (fields.remaining > 0) {
    const topicFilter = fields.topicFilter(); // [MQTT-3.10.3-1]
    if (parseTopicFilter(topicFilter) === undefined) throw invalidShare("UNSUBSCRIBE"); // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    topicFilters.push(topicFilter);
  }
  return { packetIdentifier, properties, topicFilters };
}

/** Throws NOT_ENCODABLE. */
export function encodeUnsubscribe5(writer: ByteWriter, packet: Unsubscribe5Packet): void {
  checkPacketIdentifier("UNSUBSCRIBE", packet.packetIdentifier);
  if (packet.topicFilters.length === 0) throw notEncodable("UNSUBSCRIBE", "it has no topic filter"); // [MQTT-3.10.3-2]
  const body = beginBody();
  body.u16be(packet.packetIdentifier);
  writeProperties(body, "UNSUBSCRIBE", packet.properties);
  for (const topicFilter of packet.topicFilters) {
    if (parseTopicFilter(topicFilter) === undefined) throw notEncodable("UNSUBSCRIBE", "a topic filter is not valid");
    writeText(body, "UNSUBSCRIBE", "topic filter", topicFilter);
  }
  writePacket(writer, "UNSUBSCRIBE", 0b0010);
}
