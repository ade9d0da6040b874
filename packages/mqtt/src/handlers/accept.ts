/** The end of a CONNECT that is not refused: the session, and the CONNACK that says what the client gets. */

import type { Principal } from "@polylog/broker";
import { connectReturnCodes, encodeConnack, packetTypes } from "@polylog/mqtt-wire";
import type { Properties } from "@polylog/mqtt-wire/mqtt5";
import type { ClientConnection } from "../client-connection.ts";
import { intervalOfSeconds } from "../connect-request.ts";
import { mqttErrors } from "../errors.ts";
import { sendPacket, sendPacket5 } from "../send-packet.ts";
import type { OpenedSession } from "../session-registry.ts";

/** The client is `principal`. `data` goes out with the CONNACK. */
export function accept(connection: ClientConnection, principal: Principal, data: Buffer | undefined): void {
  const { parts, request } = connection;
  const { clientId, cleanStart, expirySeconds } = request;
  const will = request.will && { ...request.will, topic: rewrittenName(connection, request.will.topic) };
  connection.principal = principal;
  const { access } = parts.broker;
  if (connection.insider === undefined && !access.allows(principal, "connect", "")) throw mqttErrors.NOT_AUTHORIZED();
  if (will !== undefined && !access.allows(principal, "publish", will.topic))
    throw mqttErrors.WILL_REFUSED({ topic: will.topic });
  const sessionWill = will && { ...will, principalName: principal.name };
  const opened = parts.sessions.open(connection, { clientId, cleanStart, expirySeconds, will: sessionWill });
  if (opened instanceof Promise) {
    connection.wait(
      opened,
      (each) => connected(connection, each, data),
      ({ session }) => parts.sessions.leave(session, connection, false),
    );
  } else connected(connection, opened, data);
}

function rewrittenName({ rewrites }: ClientConnection, name: string): string {
  return rewrites?.nameOf(name) ?? name;
}

function connected(connection: ClientConnection, { session, present }: OpenedSession, data: Buffer | undefined): void {
  const { output, parts, request } = connection;
  connection.onConnected(session);
  if (connection.isLevel5) {
    const properties = connackProperties(connection, data);
    // [MQTT-3.1.4-5]
    if (!sendPacket5(connection, "CONNACK", { sessionPresent: present, reasonCode: 0, properties })) {
      connection.onDisconnect(false); // The client takes no packet of this size [MQTT-3.1.2-24].
      return;
    }
  } else {
    // MQTT 3.1 has no such flag. [MQTT-3.2.2-2] [MQTT-3.2.2-3]
    const sessionPresent = present && request.protocolLevel >= 4;
    sendPacket(output, encodeConnack, { sessionPresent, returnCode: connectReturnCodes.ACCEPTED });
    parts.metrics.sent[packetTypes.CONNACK].value++;
  }
  session.attach(connection, connection.outlet!);
}

/** What differs from the defaults. */
function connackProperties({ parts, request }: ClientConnection, data: Buffer | undefined): Properties<"CONNACK"> {
  const { limits } = parts;
  const { clientId, expirySeconds, keepAliveSeconds } = request;
  const isExpiryLower = expirySeconds !== request.expirySecondsAsked;
  return {
    sessionExpiryInterval: isExpiryLower ? intervalOfSeconds(expirySeconds) : undefined,
    receiveMaximum: limits.unacknowledgedMax < 65_535 ? limits.unacknowledgedMax : undefined,
    maximumPacketSize: limits.packetSizeMax,
    assignedClientIdentifier: request.isAssigned ? clientId : undefined, // [MQTT-3.2.2-16]
    topicAliasMaximum: limits.topicAliasMax > 0 ? limits.topicAliasMax : undefined,
    serverKeepAlive: keepAliveSeconds === request.keepAliveSecondsAsked ? undefined : keepAliveSeconds,
    responseInformation: responseInformation(request.wantsResponseInformation, clientId), // [MQTT-3.1.2-28]
    authenticationMethod: request.authenticationMethod, // [MQTT-4.12.0-5]
    authenticationData: data,
  };
}

/** A prefix for Response Topics that is the client's alone. */
function responseInformation(isWanted: boolean, clientId: string): string | undefined {
  return isWanted && !/[+#/]/.test(clientId) ? `responses/${clientId}` : undefined;
}
