/** PINGREQ, a client's sign of life, and PINGRESP, the answer. [MQTT-3.12.4-1] Neither has a body. */

import type { ByteWriter } from "@polylog/base/bytes";
import { decodeNoBody, type NoFields, writeNoBody } from "./no-body.ts";

export type PingreqPacket = NoFields;
export type PingrespPacket = NoFields;

/** Throws MALFORMED_PACKET. */
export function decodePingreq(_bytes: Buffer, bodyStart: number, packetEnd: number): PingreqPacket {
  return decodeNoBody("PINGREQ", bodyStart, packetEnd);
}

export function encodePingreq(writer: ByteWriter, _packet?: PingreqPacket): void {
  const at = writer.reserve(2);
  writer.length = writePingreq(writer.buffer, at);
}

/** Writes two bytes at `at` and returns the position after them. The caller has made room. */
export function writePingreq(buffer: Uint8Array, at: number): number {
  return writeNoBody(buffer, at, 0xc0);
}

/** Throws MALFORMED_PACKET. */
export function decodePingresp(_bytes: Buffer, bodyStart: number, packetEnd: number): PingrespPacket {
  return decodeNoBody("PINGRESP", bodyStart, packetEnd);
}

export function encodePingresp(writer: ByteWriter, _packet?: PingrespPacket): void {
  const at = writer.reserve(2);
  writer.length = writePingresp(writer.buffer, at);
}

/** Writes two bytes at `at` and returns the position after them. The caller has made room. */
export function writePingresp(buffer: Uint8Array, at: number): number {
  return writeNoBody(buffer, at, 0xd0);
}
