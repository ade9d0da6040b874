/**
 * DISCONNECT: the client leaves in good order. Its will is dropped [MQTT-3.14.4-3] unless MQTT 5's reason code says
 * otherwise; MQTT 5 may also change how long the session lasts, but not give it a life beyond the connection.
 */

import { decodeDisconnect } from "@polylog/mqtt-wire";
import { decodeDisconnect5 } from "@polylog/mqtt-wire/mqtt5";
import type { ClientConnection } from "../client-connection.ts";
import { secondsOfInterval } from "../connect-request.ts";
import { mqttErrors } from "../errors.ts";

export function handleDisconnect(connection: ClientConnection): void {
  const { reader, isLevel5, isConnected, parts } = connection;
  const { bytes, bodyStart, packetEnd } = reader;
  if (!isLevel5) {
    decodeDisconnect(bytes, bodyStart, packetEnd);
    connection.onDisconnect(false);
    return;
  }
  const { reasonCode, properties } = decodeDisconnect5(bytes, bodyStart, packetEnd, "client");
  const interval = properties.sessionExpiryInterval;
  if (isConnected && interval !== undefined) {
    const { session } = connection;
    if (session.expirySeconds === 0 && interval > 0) throw mqttErrors.SESSION_EXPIRY_RAISED();
    session.expirySeconds = Math.min(secondsOfInterval(interval), parts.limits.sessionExpirySecondsMax);
    if (session.expirySeconds > 0) void parts.sessions.save(session).catch(() => undefined); // Saved again with its deadline.
  }
  connection.onDisconnect(reasonCode !== 0);
}
