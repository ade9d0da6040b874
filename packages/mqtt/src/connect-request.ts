/** A CONNECT of any version in one form, with the defaults of its version, and checked as far as the packet alone tells. */

import { randomUUID } from "node:crypto";
import type { ConnectPacket, ProtocolLevel } from "@polylog/mqtt-wire";
import type { Connect5Packet } from "@polylog/mqtt-wire/mqtt5";
import { mqttErrors } from "./errors.ts";
import type { MqttLimits } from "./limits.ts";
import { isServersOwn } from "./publish-path.ts";
import { isSharedFilter } from "./shared-groups.ts";
import { type Will, willOf } from "./will.ts";

export interface ConnectRequest {
  readonly protocolLevel: ProtocolLevel;
  readonly clientId: string;
  /** The client left the choice to the server [MQTT-3.1.3-6]. */
  readonly isAssigned: boolean;
  readonly cleanStart: boolean;
  /** As the client asked for it, in seconds; Infinity: for good. */
  readonly expirySecondsAsked: number;
  /** As it is granted. */
  readonly expirySeconds: number;
  readonly keepAliveSecondsAsked: number;
  readonly keepAliveSeconds: number;
  /** Messages of QoS 1 and 2 it takes without answering. */
  readonly receiveMax: number;
  /** Bytes; Infinity: any. */
  readonly packetSizeMax: number;
  readonly topicAliasMax: number;
  readonly wantsProblemInformation: boolean;
  readonly wantsResponseInformation: boolean;
  readonly will: Omit<Will, "principalName"> | undefined;
  readonly userName: string | undefined;
  /** Copied. */
  readonly password: Buffer | undefined;
  readonly authenticationMethod: string | undefined;
  readonly authenticationData: Buffer | undefined;
}

const neverExpires = 0xffff_ffff;
const receiveMaxDefault = 65_535;

/** Throws CLIENT_IDENTIFIER_TOO_LONG, CLIENT_IDENTIFIER_REFUSED, WILL_TOPIC_INVALID. */
export function connectRequestOf(packet: ConnectPacket | Connect5Packet, limits: MqttLimits): ConnectRequest {
  const { clientIdentifier, will, userName, password } = packet;
  checkClientIdentifier(packet, limits);
  // Before MQTT 5 such a will is ignored, as a message is.
  if (packet.protocolLevel === 5 && will !== undefined && isServersOwn(will.topic))
    throw mqttErrors.WILL_TOPIC_INVALID({ topic: will.topic });
  const isLevel5 = packet.protocolLevel === 5;
  const properties = isLevel5 ? packet.properties : noProperties;
  const { authenticationData } = properties;
  const expirySecondsAsked = expirySecondsOf(packet);
  const isAssigned = clientIdentifier === "";
  // One literal: spreading another object into it was a tenth of what a connection costs (`npm run bench -- mqtt --rows=connects`).
  return {
    protocolLevel: packet.protocolLevel,
    clientId: isAssigned ? `auto-${randomUUID()}` : clientIdentifier, // [MQTT-3.1.3-6]
    isAssigned,
    cleanStart: isLevel5 ? packet.cleanStart : packet.cleanSession,
    expirySecondsAsked,
    expirySeconds: Math.min(expirySecondsAsked, limits.sessionExpirySecondsMax),
    keepAliveSecondsAsked: packet.keepAliveSeconds,
    keepAliveSeconds: isLevel5 ? keptAlive(packet.keepAliveSeconds, limits) : packet.keepAliveSeconds,
    receiveMax: properties.receiveMaximum ?? receiveMaxDefault,
    packetSizeMax: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    topicAliasMax: properties.topicAliasMaximum ?? 0,
    wantsProblemInformation: isLevel5 && (properties.requestProblemInformation ?? true),
    wantsResponseInformation: properties.requestResponseInformation ?? false,
    will: will && willOf(will),
    userName,
    password: password && Buffer.from(password),
    authenticationMethod: properties.authenticationMethod,
    authenticationData: authenticationData && Buffer.from(authenticationData),
  };
}

const noProperties: Connect5Packet["properties"] = {};

function expirySecondsOf(packet: ConnectPacket | Connect5Packet): number {
  if (packet.protocolLevel !== 5) return packet.cleanSession ? 0 : Number.POSITIVE_INFINITY;
  return secondsOfInterval(packet.properties.sessionExpiryInterval ?? 0);
}

/** Of a Session Expiry Interval; the highest one means never. */
export function secondsOfInterval(interval: number): number {
  return interval === neverExpires ? Number.POSITIVE_INFINITY : interval;
}

export function intervalOfSeconds(seconds: number): number {
  return Math.min(seconds, neverExpires);
}

function keptAlive(seconds: number, { keepAliveSecondsMax }: MqttLimits): number {
  if (keepAliveSecondsMax >= 65_535) return seconds;
  return seconds === 0 ? keepAliveSecondsMax : Math.min(seconds, keepAliveSecondsMax);
}

function checkClientIdentifier({ clientIdentifier }: ConnectPacket | Connect5Packet, limits: MqttLimits): void {
  const { clientIdentifierSizeMax: sizeMax } = limits;
  const size = Buffer.byteLength(clientIdentifier);
  if (size > sizeMax) throw mqttErrors.CLIENT_IDENTIFIER_TOO_LONG({ size, sizeMax }); // [MQTT-3.1.3-8]
  if (isSharedFilter(clientIdentifier))
    throw mqttErrors.CLIENT_IDENTIFIER_REFUSED({ problem: "it begins as a shared subscription does" });
}
