/**
 * CONNECT: who the client is, which session it goes on with, and what happens when it goes away.
 *
 *     read ─▶ authenticate (at once, or after the authenticator or AUTH packets) ─▶ open the session ─▶ CONNACK
 *
 * A refusal is thrown; the connection answers it with a CONNACK where the client's version has a code for it, and closes.
 */

import { type AuthenticationResult, isRefusal } from "@polylog/broker/access";
import { decodeAnyConnect } from "@polylog/mqtt-wire/mqtt5";
import type { ClientConnection } from "../client-connection.ts";
import { connectRequestOf } from "../connect-request.ts";
import { mqttErrors } from "../errors.ts";
import { accept } from "./accept.ts";
import { beginAuthentication } from "./auth.ts";

export function handleConnect(connection: ClientConnection): void {
  const { parts, reader } = connection;
  const packet = decodeAnyConnect(reader.bytes, reader.bodyStart, reader.packetEnd);
  const request = connectRequestOf(packet, parts.limits);
  connection.onRequest(request);
  if (connection.insider !== undefined) {
    accept(connection, connection.insider, undefined);
    return;
  }
  if (isInsidersIdentifier(request.clientId))
    throw mqttErrors.CLIENT_IDENTIFIER_REFUSED({ problem: "it begins as those of the server's own clients do" });
  const { authenticationMethod } = request;
  if (authenticationMethod !== undefined) {
    beginAuthentication(connection, authenticationMethod);
    return;
  }
  const answer = parts.broker.authenticator.authenticate(connection.credentials);
  if (answer instanceof Promise) connection.wait(answer, (each) => onAnswer(connection, each));
  else onAnswer(connection, answer);
}

/** No stranger takes over the session of a client that the program itself has. */
function isInsidersIdentifier(clientId: string): boolean {
  return clientId.startsWith("$bridge/");
}

function onAnswer(connection: ClientConnection, answer: AuthenticationResult): void {
  if (!isRefusal(answer)) {
    accept(connection, answer, undefined);
    return;
  }
  throw answer.refused === "busy" ? mqttErrors.AUTHENTICATOR_BUSY() : mqttErrors.BAD_USER_NAME_OR_PASSWORD();
}
