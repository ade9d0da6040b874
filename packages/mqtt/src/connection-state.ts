/**
 * What each packet does in each state of a connection: the only place that says so.
 *
 *     awaitingConnect ──CONNECT──▶ authenticating ──AUTH──▶ connected ──DISCONNECT, an error, a take-over, silence──▶ closing ──▶ closed
 *           │  └────────── without an authentication method ────▶─┘                                                      ▲
 *           └─────────── an error, silence ─────────────────────────────────────────────────────────────────────────────┘
 *
 * `closing`: nothing more is read; what is queued is being sent. `closed`: the peer is gone.
 */

import { type PacketName, packetName, packetTypes } from "@polylog/mqtt-wire";
import type { ClientConnection, PacketHandler } from "./client-connection.ts";
import { mqttErrors } from "./errors.ts";
import { handleAuth } from "./handlers/auth.ts";
import { handleConnect } from "./handlers/connect.ts";
import { handleDisconnect } from "./handlers/disconnect.ts";
import { handlePingreq } from "./handlers/pingreq.ts";
import { handlePuback } from "./handlers/puback.ts";
import { handlePubcomp } from "./handlers/pubcomp.ts";
import { handlePublish } from "./handlers/publish.ts";
import { handlePubrec } from "./handlers/pubrec.ts";
import { handlePubrel } from "./handlers/pubrel.ts";
import { handleSubscribe } from "./handlers/subscribe.ts";
import { handleUnsubscribe } from "./handlers/unsubscribe.ts";

export type ConnectionState = "awaitingConnect" | "authenticating" | "connected" | "closing" | "closed";

type Row = readonly [awaitingConnect: PacketHandler, authenticating: PacketHandler, connected: PacketHandler];

const transitions: Readonly<Record<PacketName, Row>> = {
  CONNECT: [handleConnect, refuseSecondConnect, refuseSecondConnect],
  CONNACK: [refuseFirstPacket, refuseServerPacket, refuseServerPacket],
  PUBLISH: [refuseFirstPacket, refuseUnauthenticated, handlePublish],
  PUBACK: [refuseFirstPacket, refuseUnauthenticated, handlePuback],
  PUBREC: [refuseFirstPacket, refuseUnauthenticated, handlePubrec],
  PUBREL: [refuseFirstPacket, refuseUnauthenticated, handlePubrel],
  PUBCOMP: [refuseFirstPacket, refuseUnauthenticated, handlePubcomp],
  SUBSCRIBE: [refuseFirstPacket, refuseUnauthenticated, handleSubscribe],
  SUBACK: [refuseFirstPacket, refuseServerPacket, refuseServerPacket],
  UNSUBSCRIBE: [refuseFirstPacket, refuseUnauthenticated, handleUnsubscribe],
  UNSUBACK: [refuseFirstPacket, refuseServerPacket, refuseServerPacket],
  PINGREQ: [refuseFirstPacket, refuseUnauthenticated, handlePingreq],
  PINGRESP: [refuseFirstPacket, refuseServerPacket, refuseServerPacket],
  DISCONNECT: [refuseFirstPacket, handleDisconnect, handleDisconnect],
  AUTH: [refuseFirstPacket, handleAuth, handleAuth], // Below MQTT 5 the frame reader refuses it.
};

const none: readonly PacketHandler[] = [];

/** Handlers by packet type, 0..15; none where nothing is read. */
export const handlersByState: Readonly<Record<ConnectionState, readonly PacketHandler[]>> = {
  awaitingConnect: byType(0),
  authenticating: byType(1),
  connected: byType(2),
  closing: none,
  closed: none,
};

function byType(column: 0 | 1 | 2): PacketHandler[] {
  const handlers = new Array<PacketHandler>(16).fill(refuseFirstPacket); // The frame reader lets no other types pass.
  for (const [name, row] of Object.entries(transitions)) handlers[packetTypes[name as PacketName]] = row[column];
  return handlers;
}

function refuseFirstPacket(connection: ClientConnection): never {
  throw mqttErrors.FIRST_PACKET_NOT_CONNECT({ packet: nameOf(connection) }); // [MQTT-3.1.0-1]
}

function refuseSecondConnect(): never {
  throw mqttErrors.SECOND_CONNECT(); // [MQTT-3.1.0-2]
}

function refuseServerPacket(connection: ClientConnection): never {
  throw mqttErrors.PACKET_NOT_FOR_SERVER({ packet: nameOf(connection) });
}

function refuseUnauthenticated(connection: ClientConnection): never {
  throw mqttErrors.NOT_AUTHENTICATED({ packet: nameOf(connection) }); // [MQTT-3.1.2-30]
}

function nameOf({ reader }: ClientConnection): string {
  return packetName(reader.type) ?? `type ${reader.type}`;
}
