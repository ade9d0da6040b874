/**
 * AUTH: the steps of an enhanced authentication, before the CONNACK or, begun by the client, at any time after it
 * [MQTT-4.12.1-1]. While a client authenticates again, everything else goes on under its old identity.
 */

import { decodeAuth } from "@polylog/mqtt-wire/mqtt5";
import type { AuthenticationStep } from "../authentication/authentication.ts";
import type { ClientConnection } from "../client-connection.ts";
import { mqttErrors } from "../errors.ts";
import { sendPacket5 } from "../send-packet.ts";
import { accept } from "./accept.ts";

const continueAuthentication = 0x18;
const reAuthenticate = 0x19;

export function beginAuthentication(connection: ClientConnection, method: string): void {
  const authentication = connection.parts.methods?.begin(method, connection.credentials);
  if (authentication === undefined) throw mqttErrors.BAD_AUTHENTICATION_METHOD({ method }); // [MQTT-4.12.0-1]
  connection.authentication = authentication;
  connection.onAuthenticating();
  step(connection, connection.request.authenticationData);
}

export function handleAuth(connection: ClientConnection): void {
  const { reader, request, isConnected, credentials } = connection;
  const { reasonCode, properties } = decodeAuth(reader.bytes, reader.bodyStart, reader.packetEnd, "client");
  const { authenticationMethod: method, authenticationData: data } = properties;
  if (request.authenticationMethod === undefined)
    throw mqttErrors.AUTH_NOT_EXPECTED({ problem: "CONNECT named no authentication method" }); // [MQTT-4.12.0-7]
  if (method !== request.authenticationMethod) throw mqttErrors.BAD_AUTHENTICATION_METHOD({ method: method ?? "" }); // [MQTT-4.12.0-5]
  if (reasonCode === reAuthenticate) {
    if (!isConnected) throw mqttErrors.AUTH_NOT_EXPECTED({ problem: "the first authentication is not complete" });
    connection.authentication = connection.parts.methods?.begin(method, credentials);
  } else if (reasonCode !== continueAuthentication) {
    throw mqttErrors.AUTH_NOT_EXPECTED({ problem: `a client does not send reason code ${reasonCode}` });
  }
  if (connection.authentication === undefined) throw mqttErrors.AUTH_NOT_EXPECTED({ problem: "none was begun" });
  step(connection, data && Buffer.from(data));
}

function step(connection: ClientConnection, data: Buffer | undefined): void {
  const answer = connection.authentication!.step(data);
  if (answer instanceof Promise) connection.wait(answer, (each) => onStep(connection, each));
  else onStep(connection, answer);
}

function onStep(connection: ClientConnection, answer: AuthenticationStep): void {
  const { method } = connection.authentication!;
  if (answer.type === "refused") throw mqttErrors.AUTHENTICATION_FAILED({ reason: answer.reason }); // [MQTT-4.12.0-4] [MQTT-4.12.1-2]
  if (answer.type === "continue") {
    const properties = { authenticationMethod: method, authenticationData: answer.data };
    sendPacket5(connection, "AUTH", { reasonCode: continueAuthentication, properties }); // [MQTT-4.12.0-2]
    return;
  }
  connection.authentication = undefined;
  if (!connection.isConnected) {
    accept(connection, answer.principal, answer.data);
    return;
  }
  connection.principal = answer.principal;
  sendPacket5(connection, "AUTH", {
    reasonCode: 0,
    properties: { authenticationMethod: method, authenticationData: answer.data },
  });
}
