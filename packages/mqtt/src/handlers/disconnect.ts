/** DISCONNECT: the client leaves in good order; its will is not published [MQTT-3.14.4-3]. */

import { decodeDisconnect } from "@polylog/mqtt-wire";
import type { ClientConnection } from "../client-connection.ts";

export function handleDisconnect(connection: ClientConnection): void {
  const { reader } = connection;
  decodeDisconnect(reader.bytes, reader.bodyStart, reader.packetEnd);
  connection.onDisconnect();
}
