/**
 * Variable byte integers inside a packet: property lengths and subscription identifiers. The form is that of the
 * remaining length (`remaining-length.ts`, which also writes them); MQTT 5 accepts the shortest form only.
 * [MQTT-1.5.5-1]
 */

import { mqttWireErrors } from "../errors.ts";
import type { PacketName } from "../packet-type.ts";

/**
 * Reads the integer at `at`, which must end before `end`. Returns `value << 3 | size`, so that nothing is allocated:
 * both fit in 31 bits. Throws MALFORMED_PACKET.
 */
export function readVariableByteInteger(
  packet: PacketName,
  field: string,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  if (at >= end) throw malformed(packet, `it ends inside its ${field}`);
  let byte = bytes[at];
  let value = byte & 127;
  let size = 1;
  while (byte > 127) {
    if (size === 4) throw malformed(packet, `its ${field} has more than four bytes`);
    if (at + size >= end) throw malformed(packet, `it ends inside its ${field}`);
    byte = bytes[at + size];
    value |= (byte & 127) << (7 * size);
    size++;
  }
  if (byte === 0 && size > 1) throw malformed(packet, `its ${field} is written longer than needed`); // [MQTT-1.5.5-1]
  return (value << 3) | size;
}

function malformed(packet: PacketName, problem: string): Error {
  return mqttWireErrors.MALFORMED_PACKET({ packet, problem });
}
