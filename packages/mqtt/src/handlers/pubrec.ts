/** PUBREC: the client has taken over a message of QoS 2, or refuses it; the next step is PUBREL. */

import type { ClientConnection } from "../client-connection.ts";
import { readAck, view } from "./ack.ts";

export function handlePubrec(connection: ClientConnection): void {
  const packetIdentifier = readAck(connection, "PUBREC");
  connection.session.onPubrec(packetIdentifier, view.reasonCode); // [MQTT-4.3.3-4]
}
