/** The shape PINGREQ, PINGRESP and DISCONNECT share in MQTT 3.1.1: a fixed header with remaining length 0. */

import { mqttWireErrors } from "../errors.ts";
import type { PacketName } from "../packet-type.ts";

export type NoFields = Readonly<Record<string, never>>;

const noFields: NoFields = Object.freeze({});

export function decodeNoBody(packet: PacketName, bodyStart: number, packetEnd: number): NoFields {
  if (packetEnd === bodyStart) return noFields;
  const problem = `it has a body of ${packetEnd - bodyStart} bytes`;
  throw mqttWireErrors.MALFORMED_PACKET({ packet, problem });
}

export function writeNoBody(buffer: Uint8Array, at: number, firstByte: number): number {
  buffer[at] = firstByte;
  buffer[at + 1] = 0;
  return at + 2;
}
