/** PUBCOMP: the receiver of a PUBREL has forgotten the packet identifier, which is free again. */

import type { ByteWriter } from "@polylog/base/bytes";
import { decodeAck, encodeAck, writeAck } from "./ack.ts";

const firstByte = 0x70;

export interface PubcompPacket {
  /** 1..65535: that of the PUBLISH. */
  readonly packetIdentifier: number; // [MQTT-4.3.3-2]
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for identifier 0. */
export function decodePubcomp(bytes: Buffer, bodyStart: number, packetEnd: number): PubcompPacket {
  return { packetIdentifier: decodeAck("PUBCOMP", bytes, bodyStart, packetEnd) };
}

export function encodePubcomp(writer: ByteWriter, packet: PubcompPacket): void {
  encodeAck(writer, "PUBCOMP", firstByte, packet.packetIdentifier);
}

/** Writes `ackSize` bytes at `at` and returns the position after them. Room and identifier are the caller's care. */
export function writePubcomp(buffer: Uint8Array, at: number, packetIdentifier: number): number {
  return writeAck(buffer, at, firstByte, packetIdentifier);
}
