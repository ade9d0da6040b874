/**
 * The shape PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK share in MQTT 3.1.1: a packet identifier and nothing else.
 *
 *     +-----------+------+-------------------+
 *     | type flags| 0x02 | packet identifier |
 *     +-----------+------+-------------------+
 *
 * Hot: a server reads and writes one per message of QoS 1, and two of each at QoS 2; `frame-reader.bench.ts`.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { zeroPacketIdentifier } from "../field-reader.ts";
import { checkPacketIdentifier } from "../field-writer.ts";
import type { PacketName } from "../packet-type.ts";

/** Bytes of such a packet. */
export const ackSize = 4;

/** The identifier in a body that must be exactly two bytes. Throws MALFORMED_PACKET, or PROTOCOL_ERROR for 0. */
export function decodeAck(packet: PacketName, bytes: Buffer, bodyStart: number, packetEnd: number): number {
  if (packetEnd - bodyStart !== 2) {
    const problem = `its body has ${packetEnd - bodyStart} bytes instead of 2`;
    throw mqttWireErrors.MALFORMED_PACKET({ packet, problem });
  }
  const packetIdentifier = (bytes[bodyStart] << 8) | bytes[bodyStart + 1];
  if (packetIdentifier === 0) throw zeroPacketIdentifier(packet); // [MQTT-2.3.1-1]
  return packetIdentifier;
}

/** Throws NOT_ENCODABLE for an identifier outside 1..65535. */
export function encodeAck(writer: ByteWriter, packet: PacketName, firstByte: number, packetIdentifier: number): void {
  checkPacketIdentifier(packet, packetIdentifier);
  const at = writer.reserve(ackSize);
  writer.length = writeAck(writer.buffer, at, firstByte, packetIdentifier);
}

/** Writes four bytes at `at` and returns the position after them. The caller has made room; nothing is checked. */
export function writeAck(buffer: Uint8Array, at: number, firstByte: number, packetIdentifier: number): number {
  buffer[at] = firstByte;
  buffer[at + 1] = 2;
  buffer[at + 2] = packetIdentifier >>> 8;
  buffer[at + 3] = packetIdentifier;
  return at + ackSize;
}
