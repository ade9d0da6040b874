/** Reads an acknowledgement of any version: the packet identifier, and its reason code in `view`. */

import { decodePuback, decodePubcomp, decodePubrec, decodePubrel } from "@polylog/mqtt-wire";
import { Ack5View, decodeAck5 } from "@polylog/mqtt-wire/mqtt5";
import type { ClientConnection } from "../client-connection.ts";

const decoders3 = { PUBACK: decodePuback, PUBREC: decodePubrec, PUBREL: decodePubrel, PUBCOMP: decodePubcomp };

/** Of the acknowledgement read last. */
export const view = new Ack5View();

export function readAck({ reader, isLevel5 }: ClientConnection, packet: keyof typeof decoders3): number {
  const { bytes, bodyStart, packetEnd } = reader;
  if (isLevel5) {
    decodeAck5(view, packet, bytes, bodyStart, packetEnd);
  } else {
    view.reasonCode = 0;
    view.packetIdentifier = decoders3[packet](bytes, bodyStart, packetEnd).packetIdentifier;
  }
  return view.packetIdentifier;
}
