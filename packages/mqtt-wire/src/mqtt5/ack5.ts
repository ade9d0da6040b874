/**
 * PUBACK, PUBREC, PUBREL and PUBCOMP of MQTT 5, which share one shape:
 *
 *     u16         packet identifier, that of the PUBLISH                                              [MQTT-2.2.1-5]
 *     u8          reason code     left out when it is 0 and there are no properties
 *     properties                  left out when there are none
 *
 * Written in the shortest form. With reason code 0 and no properties the bytes are those of MQTT 3.1.1: `writePuback`
 * and its like write them.
 *
 * Hot: `Ack5View`, `decodeAck5` and `writeAckWithReason` make no object per packet; `publish5.bench.ts` shows the rate.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { zeroPacketIdentifier } from "../field-reader.ts";
import { checkPacketIdentifier, notEncodable } from "../field-writer.ts";
import { packetTypeRules, packetTypes } from "../packet-type.ts";
import { beginBody, writePacket } from "./body.ts";
import { hasNoProperties, propertiesFrom, writeProperties } from "./properties.ts";
import { PropertyCursor } from "./property-cursor.ts";
import type { Properties } from "./property-table.ts";
import { checkReasonCode, isReasonCodeOf, type ReasonCode } from "./reason-codes.ts";

export type AckName = "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP";

export interface Ack5Packet<Name extends AckName> {
  /** 1..65535. */
  readonly packetIdentifier: number;
  readonly reasonCode: ReasonCode<Name>;
  readonly properties: Properties<Name>;
}

/** What a server needs of an acknowledgement. One view serves all connections. */
export class Ack5View {
  packetIdentifier = 0;
  reasonCode = 0;
  /** Where the property length stands; 0 when there is none. */
  propertyLengthAt = 0;
}

/** Bytes of an acknowledgement with a reason code and no properties. */
export const ackWithReasonSize = 5;

const sharedView = new Ack5View();
const sharedCursor = new PropertyCursor();

/**
 * Fills `view`, checking all of the packet. Throws MALFORMED_PACKET; PROTOCOL_ERROR for packet identifier 0, for a reason
 * code the packet may not have, and as `PropertyCursor` does.
 */
export function decodeAck5(view: Ack5View, packet: AckName, bytes: Buffer, bodyStart: number, packetEnd: number): void {
  const bodySize = packetEnd - bodyStart;
  if (bodySize < 2) {
    const problem = "it ends inside its packet identifier";
    throw mqttWireErrors.MALFORMED_PACKET({ packet, problem });
  }
  const packetIdentifier = (bytes[bodyStart] << 8) | bytes[bodyStart + 1];
  if (packetIdentifier === 0) throw zeroPacketIdentifier(packet); // [MQTT-2.2.1-3]
  view.packetIdentifier = packetIdentifier;
  view.reasonCode = 0;
  view.propertyLengthAt = 0;
  if (bodySize === 2) return;
  view.reasonCode = bytes[bodyStart + 2];
  checkReasonCode(packet, view.reasonCode); // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
  if (bodySize === 3) return;
  view.propertyLengthAt = bodyStart + 3;
  sharedCursor.open(packet, bytes, bodyStart + 3, packetEnd);
  while (sharedCursor.next());
  if (sharedCursor.propertiesEnd === packetEnd) return;
  const problem = `${packetEnd - sharedCursor.propertiesEnd} bytes follow its last field`;
  throw mqttWireErrors.MALFORMED_PACKET({ packet, problem });
}

/** As `decodeAck5`, into an object. */
export function decodeAckPacket<Name extends AckName>(
  packet: Name,
  bytes: Buffer,
  bodyStart: number,
  packetEnd: number,
): Ack5Packet<Name> {
  decodeAck5(sharedView, packet, bytes, bodyStart, packetEnd);
  const { packetIdentifier, reasonCode, propertyLengthAt } = sharedView;
  let properties = {};
  if (propertyLengthAt !== 0) {
    sharedCursor.open(packet, bytes, propertyLengthAt, packetEnd);
    properties = propertiesFrom(sharedCursor);
  }
  return {
    packetIdentifier,
    reasonCode: reasonCode as ReasonCode<Name>,
    properties: properties as Properties<Name>,
  };
}

/** Throws NOT_ENCODABLE. */
export function encodeAckPacket<Name extends AckName>(writer: ByteWriter, name: Name, packet: Ack5Packet<Name>): void {
  const { packetIdentifier, reasonCode, properties } = packet;
  checkPacketIdentifier(name, packetIdentifier);
  if (!isReasonCodeOf(name, reasonCode)) throw notEncodable(name, `it cannot have reason code ${reasonCode}`);
  const body = beginBody();
  body.u16be(packetIdentifier);
  const isBare = hasNoProperties(properties);
  if (reasonCode !== 0 || !isBare) body.u8(reasonCode);
  if (!isBare) writeProperties(body, name, properties);
  writePacket(writer, name, packetTypeRules[name].flags[0]);
}

/**
 * Writes `ackWithReasonSize` bytes at `at` and returns the position after them. Room, identifier and reason code are the
 * caller's care.
 */
export function writeAckWithReason(
  buffer: Uint8Array,
  at: number,
  name: AckName,
  packetIdentifier: number,
  reasonCode: number,
): number {
  buffer[at] = (packetTypes[name] << 4) | packetTypeRules[name].flags[0];
  buffer[at + 1] = 3;
  buffer[at + 2] = packetIdentifier >>> 8;
  buffer[at + 3] = packetIdentifier;
  buffer[at + 4] = reasonCode;
  return at + ackWithReasonSize;
}
