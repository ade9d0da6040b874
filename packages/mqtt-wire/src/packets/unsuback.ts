/** UNSUBACK: the answer to UNSUBSCRIBE, whether or not a filter matched. */

import type { ByteWriter } from "@polylog/base/bytes";
import { decodeAck, encodeAck } from "./ack.ts";

const firstByte = 0xb0;

export interface UnsubackPacket {
  /** 1..65535: that of the UNSUBSCRIBE. */
  readonly packetIdentifier: number; // [MQTT-2.3.1-7]
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for identifier 0. */
export function decodeUnsuback(bytes: Buffer, bodyStart: number, packetEnd: number): UnsubackPacket {
  return { packetIdentifier: decodeAck("UNSUBACK", bytes, bodyStart, packetEnd) };
}

export function encodeUnsuback(writer: ByteWriter, packet: UnsubackPacket): void {
  encodeAck(writer, "UNSUBACK", firstByte, packet.packetIdentifier);
}
