/** PUBACK: the client has taken over a message of QoS 1, or refuses it, which ends it too [MQTT-4.4.0-2]. */

import type { ClientConnection } from "../client-connection.ts";
import { readAck } from "./ack.ts";

export function handlePuback(connection: ClientConnection): void {
  connection.session.onPuback(readAck(connection, "PUBACK")); // [MQTT-4.3.2-3]
}
