/**
 * What each packet does in each state of a connection: the only place that says so.
 *
 *     awaitingConnect ──CONNECT──▶ connected ──DISCONNECT, an error, a take-over, silence──▶ closing ──▶ closed
 *           └───────── an error, silence ──────────────────────────────────────────────────▶─┘
 *
 * `closing`: nothing more is read; what is queued is being sent. `closed`: the peer is gone.
 */

import { type PacketName, packetName, packetTypes } from "@polylog/mqtt-wire";
import type { ClientConnection, PacketHandler } from "./client-connection.ts";
import { mqttErrors } from "./errors.ts";
import { handleConnect } from "./handlers/connect.ts";
import { handleDisconnect } from "./handlers/disconnect.ts";
import { handlePingreq } from "./handlers/pingreq.ts";
import { handlePuback } from "./handlers/puback.ts";
import { handlePublish } from "./handlers/publish.ts";
import { handleSubscribe } from "./handlers/subscribe.ts";
import { handleUnsubscribe } from "./handlers/unsubscribe.ts";

export type ConnectionState = "awaitingConnect" | "connected" | "closing" | "closed";

type Row = readonly [awaitingConnect: PacketHandler, connected: PacketHandler];

const transitions: Readonly<Record<PacketName, Row>> = {
  CONNECT: [handleConnect, refuseSecondConnect],
  CONNACK: [refuseFirstPacket, refuseServerPacket],
  PUBLISH: [refuseFirstPacket, handlePublish],
  PUBACK: [refuseFirstPacket, handlePuback],
  PUBREC: [refuseFirstPacket, refuseQos2],
  PUBREL: [refuseFirstPacket, refuseQos2],
  PUBCOMP: [refuseFirstPacket, refuseQos2],
  SUBSCRIBE: [refuseFirstPacket, handleSubscribe],
  SUBACK: [refuseFirstPacket, refuseServerPacket],
  UNSUBSCRIBE: [refuseFirstPacket, handleUnsubscribe],
  UNSUBACK: [refuseFirstPacket, refuseServerPacket],
  PINGREQ: [refuseFirstPacket, handlePingreq],
  PINGRESP: [refuseFirstPacket, refuseServerPacket],
  DISCONNECT: [refuseFirstPacket, handleDisconnect],
  AUTH: [refuseFirstPacket, refuseServerPacket], // of MQTT 5: the frame reader refuses it
};

const none: readonly PacketHandler[] = [];

/** Handlers by packet type, 0..15; none where nothing is read. */
export const handlersByState: Readonly<Record<ConnectionState, readonly PacketHandler[]>> = {
  awaitingConnect: byType(0),
  connected: byType(1),
  closing: none,
  closed: none,
};

function byType(column: 0 | 1): PacketHandler[] {
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

function refuseQos2(connection: ClientConnection): never {
  throw mqttErrors.QOS_2_NOT_SUPPORTED({ packet: nameOf(connection) });
}

function nameOf({ reader }: ClientConnection): string {
  return packetName(reader.type) ?? `type ${reader.type}`;
}
