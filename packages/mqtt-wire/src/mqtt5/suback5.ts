/**
 * SUBACK and UNSUBACK of MQTT 5: the answers to SUBSCRIBE and UNSUBSCRIBE, one reason code per topic filter in the same
 * order. [MQTT-3.8.4-6] [MQTT-3.9.3-1] [MQTT-3.11.3-1]
 *
 *     u16         packet identifier, that of the request                                              [MQTT-2.2.1-6]
 *     properties
 *     u8          reason code         one or more
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { FieldReader } from "../field-reader.ts";
import { checkPacketIdentifier, notEncodable } from "../field-writer.ts";
import { beginBody, writePacket } from "./body.ts";
import { readProperties, writeProperties } from "./properties.ts";
import type { Properties } from "./property-table.ts";
import { checkReasonCode, isReasonCodeOf, type ReasonCode } from "./reason-codes.ts";

export type FilterAckName = "SUBACK" | "UNSUBACK";

export interface FilterAck5Packet<Name extends FilterAckName> {
  /** 1..65535. */
  readonly packetIdentifier: number;
  readonly properties: Properties<Name>;
  /** At least one. */
  readonly reasonCodes: readonly ReasonCode<Name>[];
}

/**
 * Throws MALFORMED_PACKET; PROTOCOL_ERROR for identifier 0, for a reason code the packet may not have, and as
 * `PropertyCursor` does.
 */
export function decodeFilterAck<Name extends FilterAckName>(
  name: Name,
  bytes: Buffer,
  bodyStart: number,
  packetEnd: number,
): FilterAck5Packet<Name> {
  const fields = new FieldReader(name, bytes, bodyStart, packetEnd);
  const packetIdentifier = fields.packetIdentifier();
  const properties = readProperties(name, fields);
  if (fields.remaining === 0) throw fields.malformed("it has no reason code");
  const reasonCodes: ReasonCode<Name>[] = [];
  while (fields.remaining > 0) {
    const reasonCode = fields.u8("reason code");
    checkReasonCode(name, reasonCode); // [MQTT-3.9.3-2] [MQTT-3.11.3-2]
    reasonCodes.push(reasonCode as ReasonCode<Name>);
  }
  return { packetIdentifier, properties, reasonCodes };
}

/** Throws NOT_ENCODABLE. */
export function encodeFilterAck<Name extends FilterAckName>(
  writer: ByteWriter,
  name: Name,
  packet: FilterAck5Packet<Name>,
): void {
  checkPacketIdentifier(name, packet.packetIdentifier);
  if (packet.reasonCodes.length === 0) throw notEncodable(name, "it has no reason code");
  const body = beginBody();
  body.u16be(packet.packetIdentifier);
  writeProperties(body, name, packet.properties);
  for (const reasonCode of packet.reasonCodes) {
    if (!isReasonCodeOf(name, reasonCode)) throw notEncodable(name, `it cannot have reason code ${reasonCode}`);
    body.u8(reasonCode);
  }
  writePacket(writer, name, 0);
}
