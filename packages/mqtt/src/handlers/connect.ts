/**
 * CONNECT: who the client is, which session it goes on with, and what happens when it goes away.
 *
 * A refusal is thrown; the connection answers it with a CONNACK where MQTT 3.1.1 has a return code for it, and closes.
 * User name and password are read and not checked: there are no users yet, and every client is anonymous.
 */

import { randomUUID } from "node:crypto";
import { type ConnectPacket, connectReturnCodes, decodeConnect, encodeConnack, packetTypes } from "@polylog/mqtt-wire";
import type { ClientConnection } from "../client-connection.ts";
import { mqttErrors } from "../errors.ts";
import { sendPacket } from "../send-packet.ts";

export function handleConnect(connection: ClientConnection): void {
  const { parts, reader, output } = connection;
  const packet = decodeConnect(reader.bytes, reader.bodyStart, reader.packetEnd);
  checkMayConnect(connection, packet);
  const clientId = packet.clientIdentifier === "" ? `auto-${randomUUID()}` : packet.clientIdentifier; // [MQTT-3.1.3-6]
  const owner = parts.sessions.get(clientId)?.owner;
  if (owner !== undefined) {
    parts.metrics.takeOvers.value++;
    owner.onTakenOver(connection.remote); // [MQTT-3.1.4-2]
  }
  const { session, present } = parts.sessions.open(clientId, packet.cleanSession);
  connection.onConnect(packet, clientId, session);
  // MQTT 3.1 has no such flag. [MQTT-3.2.2-1] [MQTT-3.2.2-2] [MQTT-3.2.2-3]
  const sessionPresent = present && packet.protocolLevel >= 4;
  sendPacket(output, encodeConnack, { sessionPresent, returnCode: connectReturnCodes.ACCEPTED }); // [MQTT-3.1.4-4]
  parts.metrics.sent[packetTypes.CONNACK].value++;
  session.attach(connection, output);
}

function checkMayConnect({ parts, principal }: ClientConnection, packet: ConnectPacket): void {
  const { clientIdentifierSizeMax: sizeMax } = parts.limits;
  const size = Buffer.byteLength(packet.clientIdentifier);
  if (size > sizeMax) throw mqttErrors.CLIENT_IDENTIFIER_TOO_LONG({ size, sizeMax }); // [MQTT-3.1.3-9]
  if (!parts.broker.access.allows(principal, "connect", "")) throw mqttErrors.NOT_AUTHORIZED();
}
