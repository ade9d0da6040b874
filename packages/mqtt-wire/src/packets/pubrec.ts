/** PUBREC: the receiver of a QoS 2 PUBLISH has taken the message over, first of three answers. */

import type { ByteWriter } from "@polylog/base/bytes";
import { decodeAck, encodeAck, writeAck } from "./ack.ts";

const firstByte = 0x50;

export interface PubrecPacket {
  /** 1..65535: that of the PUBLISH. */
  readonly packetIdentifier: number; // [MQTT-2.3.1-6]
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for identifier 0. */
export function decodePubrec(bytes: Buffer, bodyStart: number, packetEnd: number): PubrecPacket {
  return { packetIdentifier: decodeAck("PUBREC", bytes, bodyStart, packetEnd) };
}

export function encodePubrec(writer: ByteWriter, packet: PubrecPacket): void {
  encodeAck(writer, "PUBREC", firstByte, packet.packetIdentifier);
}

/** Writes `ackSize` bytes at `at` and returns the position after them. Room and identifier are the caller's care. */
export function writePubrec(buffer: Uint8Array, at: number, packetIdentifier: number): number {
  return writeAck(buffer, at, firstByte, packetIdentifier);
}
