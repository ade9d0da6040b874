/** PUBREL: the client will not repeat a message of QoS 2, so its identifier is free; answered once that is safe. */

import { ackKinds } from "../ack-ring.ts";
import type { ClientConnection } from "../client-connection.ts";
import { readAck } from "./ack.ts";

const identifierNotFound = 0x92;

export function handlePubrel(connection: ClientConnection): void {
  const { acks, session } = connection;
  const packetIdentifier = readAck(connection, "PUBREL");
  const { stored } = session;
  if (stored === undefined) {
    const isKnown = session.forgetReceived(packetIdentifier);
    acks.answer(ackKinds.pubcomp, packetIdentifier, isKnown ? 0 : identifierNotFound); // [MQTT-4.3.3-11]
  } else if (stored.isReceived(packetIdentifier)) {
    const token = acks.add(ackKinds.pubcomp, packetIdentifier);
    if (stored.release(packetIdentifier, acks, token)) acks.complete(token);
  } else {
    acks.answer(ackKinds.pubcomp, packetIdentifier, identifierNotFound);
  }
}
