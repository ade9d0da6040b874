/** PUBREL: the sender of a QoS 2 PUBLISH will not send it again. Its flags are 0010 [MQTT-3.6.1-1]. */

import type { ByteWriter } from "@polylog/base/bytes";
import { decodeAck, encodeAck, writeAck } from "./ack.ts";

const firstByte = 0x62;

export interface PubrelPacket {
  /** 1..65535: that of the PUBLISH. */
  readonly packetIdentifier: number; // [MQTT-2.3.1-6]
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for identifier 0. */
export function decodePubrel(bytes: Buffer, bodyStart: number, packetEnd: number): PubrelPacket {
  return { packetIdentifier: decodeAck("PUBREL", bytes, bodyStart, packetEnd) };
}

export function encodePubrel(writer: ByteWriter, packet: PubrelPacket): void {
  encodeAck(writer, "PUBREL", firstByte, packet.packetIdentifier);
}

/** Writes `ackSize` bytes at `at` and returns the position after them. Room and identifier are the caller's care. */
export function writePubrel(buffer: Uint8Array, at: number, packetIdentifier: number): number {
  return writeAck(buffer, at, firstByte, packetIdentifier);
}
