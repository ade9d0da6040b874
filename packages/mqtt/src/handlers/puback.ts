/** PUBACK: the client has taken over a message of QoS 1. */

import { decodePuback } from "@polylog/mqtt-wire";
import type { ClientConnection } from "../client-connection.ts";

export function handlePuback({ reader, session }: ClientConnection): void {
  const { packetIdentifier } = decodePuback(reader.bytes, reader.bodyStart, reader.packetEnd);
  session.onAcknowledged(packetIdentifier); // [MQTT-4.3.2-1]
}
