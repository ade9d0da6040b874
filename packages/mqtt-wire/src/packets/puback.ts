/** PUBACK: the receiver of a QoS 1 PUBLISH has taken the message over. */

import type { ByteWriter } from "@polylog/base/bytes";
import { decodeAck, encodeAck, writeAck } from "./ack.ts";

const firstByte = 0x40;

export interface PubackPacket {
  /** 1..65535: that of the PUBLISH. */
  readonly packetIdentifier: number; // [MQTT-2.3.1-6]
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for identifier 0. */
export function decodePuback(bytes: Buffer, bodyStart: number, packetEnd: number): PubackPacket {
  return { packetIdentifier: decodeAck("PUBACK", bytes, bodyStart, packetEnd) };
}

export function encodePuback(writer: ByteWriter, packet: PubackPacket): void {
  encodeAck(writer, "PUBACK", firstByte, packet.packetIdentifier);
}

/** Writes `ackSize` bytes at `at` and returns the position after them. Room and identifier are the caller's care. */
export function writePuback(buffer: Uint8Array, at: number, packetIdentifier: number): number {
  return writeAck(buffer, at, firstByte, packetIdentifier);
}
