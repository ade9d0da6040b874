/** PUBCOMP: the end of an exchange at QoS 2 that the server began. */

import type { ClientConnection } from "../client-connection.ts";
import { readAck } from "./ack.ts";

export function handlePubcomp(connection: ClientConnection): void {
  connection.session.onPubcomp(readAck(connection, "PUBCOMP"));
}
