/** DISCONNECT: a client's last packet, without a body; the server then forgets the will. [MQTT-3.14.4-3] */

import type { ByteWriter } from "@polylog/base/bytes";
import { decodeNoBody, type NoFields, writeNoBody } from "./no-body.ts";

export type DisconnectPacket = NoFields;

/** Throws MALFORMED_PACKET. */
export function decodeDisconnect(_bytes: Buffer, bodyStart: number, packetEnd: number): DisconnectPacket {
  return decodeNoBody("DISCONNECT", bodyStart, packetEnd);
}

export function encodeDisconnect(writer: ByteWriter, _packet?: DisconnectPacket): void {
  const at = writer.reserve(2);
  writer.length = writeNoBody(writer.buffer, at, 0xe0);
}
