/**
 * The reason codes of MQTT 5, as data: the number, the specification's name, and in which packets it may stand. Codes
 * below 0x80 say success. A code may have several names: 0x00 is Success, Normal disconnection and Granted QoS 0.
 *
 * A row's `sentBy` narrows who may send it in DISCONNECT and AUTH; in every other packet the packet itself says so.
 */

import { mqttWireErrors } from "../errors.ts";
import { type PacketName, packetTypes } from "../packet-type.ts";

/** The packets that carry reason codes. */
export type ReasonCodePacket =
  | "CONNACK"
  | "PUBACK"
  | "PUBREC"
  | "PUBREL"
  | "PUBCOMP"
  | "SUBACK"
  | "UNSUBACK"
  | "DISCONNECT"
  | "AUTH";

export type Sender = "client" | "server";

export interface ReasonCodeRow {
  readonly code: number;
  readonly name: string;
  readonly packets: readonly ReasonCodePacket[];
  /** Who may send it in DISCONNECT or AUTH, where that is one side only. */
  readonly sentBy?: Sender;
}

export const reasonCodes = {
  SUCCESS: {
    code: 0x00,
    name: "Success",
    packets: ["CONNACK", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "UNSUBACK", "AUTH"],
    sentBy: "server",
  },
  NORMAL_DISCONNECTION: { code: 0x00, name: "Normal disconnection", packets: ["DISCONNECT"] },
  GRANTED_QOS_0: { code: 0x00, name: "Granted QoS 0", packets: ["SUBACK"] },
  GRANTED_QOS_1: { code: 0x01, name: "Granted QoS 1", packets: ["SUBACK"] },
  GRANTED_QOS_2: { code: 0x02, name: "Granted QoS 2", packets: ["SUBACK"] },
  DISCONNECT_WITH_WILL_MESSAGE: {
    code: 0x04,
    name: "Disconnect with Will Message",
    packets: ["DISCONNECT"],
    sentBy: "client",
  },
  NO_MATCHING_SUBSCRIBERS: { code: 0x10, name: "No matching subscribers", packets: ["PUBACK", "PUBREC"] },
  NO_SUBSCRIPTION_EXISTED: { code: 0x11, name: "No subscription existed", packets: ["UNSUBACK"] },
  CONTINUE_AUTHENTICATION: { code: 0x18, name: "Continue authentication", packets: ["AUTH"] },
  RE_AUTHENTICATE: { code: 0x19, name: "Re-authenticate", packets: ["AUTH"], sentBy: "client" },
  UNSPECIFIED_ERROR: {
    code: 0x80,
    name: "Unspecified error",
    packets: ["CONNACK", "PUBACK", "PUBREC", "SUBACK", "UNSUBACK", "DISCONNECT"],
  },
  MALFORMED_PACKET: { code: 0x81, name: "Malformed Packet", packets: ["CONNACK", "DISCONNECT"] },
  PROTOCOL_ERROR: { code: 0x82, name: "Protocol Error", packets: ["CONNACK", "DISCONNECT"] },
  IMPLEMENTATION_SPECIFIC_ERROR: {
    code: 0x83,
    name: "Implementation specific error",
    packets: ["CONNACK", "PUBACK", "PUBREC", "SUBACK", "UNSUBACK", "DISCONNECT"],
  },
  UNSUPPORTED_PROTOCOL_VERSION: { code: 0x84, name: "Unsupported Protocol Version", packets: ["CONNACK"] },
  CLIENT_IDENTIFIER_NOT_VALID: { code: 0x85, name: "Client Identifier not valid", packets: ["CONNACK"] },
  BAD_USER_NAME_OR_PASSWORD: { code: 0x86, name: "Bad User Name or Password", packets: ["CONNACK"] },
  NOT_AUTHORIZED: {
    code: 0x87,
    name: "Not authorized",
    packets: ["CONNACK", "PUBACK", "PUBREC", "SUBACK", "UNSUBACK", "DISCONNECT"],
    sentBy: "server",
  },
  SERVER_UNAVAILABLE: { code: 0x88, name: "Server unavailable", packets: ["CONNACK"] },
  SERVER_BUSY: { code: 0x89, name: "Server busy", packets: ["CONNACK", "DISCONNECT"], sentBy: "server" },
  BANNED: { code: 0x8a, name: "Banned", packets: ["CONNACK"] },
  SERVER_SHUTTING_DOWN: { code: 0x8b, name: "Server shutting down", packets: ["DISCONNECT"], sentBy: "server" },
  BAD_AUTHENTICATION_METHOD: {
    code: 0x8c,
    name: "Bad authentication method",
    packets: ["CONNACK", "DISCONNECT"],
    sentBy: "server",
  },
  KEEP_ALIVE_TIMEOUT: { code: 0x8d, name: "Keep Alive timeout", packets: ["DISCONNECT"], sentBy: "server" },
  SESSION_TAKEN_OVER: { code: 0x8e, name: "Session taken over", packets: ["DISCONNECT"], sentBy: "server" },
  TOPIC_FILTER_INVALID: {
    code: 0x8f,
    name: "Topic Filter invalid",
    packets: ["SUBACK", "UNSUBACK", "DISCONNECT"],
    sentBy: "server",
  },
  TOPIC_NAME_INVALID: {
    code: 0x90,
    name: "Topic Name invalid",
    packets: ["CONNACK", "PUBACK", "PUBREC", "DISCONNECT"],
  },
  PACKET_IDENTIFIER_IN_USE: {
    code: 0x91,
    name: "Packet Identifier in use",
    packets: ["PUBACK", "PUBREC", "SUBACK", "UNSUBACK"],
  },
  PACKET_IDENTIFIER_NOT_FOUND: { code: 0x92, name: "Packet Identifier not found", packets: ["PUBREL", "PUBCOMP"] },
  RECEIVE_MAXIMUM_EXCEEDED: { code: 0x93, name: "Receive Maximum exceeded", packets: ["DISCONNECT"] },
  TOPIC_ALIAS_INVALID: { code: 0x94, name: "Topic Alias invalid", packets: ["DISCONNECT"] },
  PACKET_TOO_LARGE: { code: 0x95, name: "Packet too large", packets: ["CONNACK", "DISCONNECT"] },
  MESSAGE_RATE_TOO_HIGH: { code: 0x96, name: "Message rate too high", packets: ["DISCONNECT"] },
  QUOTA_EXCEEDED: {
    code: 0x97,
    name: "Quota exceeded",
    packets: ["CONNACK", "PUBACK", "PUBREC", "SUBACK", "DISCONNECT"],
  },
  ADMINISTRATIVE_ACTION: { code: 0x98, name: "Administrative action", packets: ["DISCONNECT"] },
  PAYLOAD_FORMAT_INVALID: {
    code: 0x99,
    name: "Payload format invalid",
    packets: ["CONNACK", "PUBACK", "PUBREC", "DISCONNECT"],
  },
  RETAIN_NOT_SUPPORTED: {
    code: 0x9a,
    name: "Retain not supported",
    packets: ["CONNACK", "DISCONNECT"],
    sentBy: "server",
  },
  QOS_NOT_SUPPORTED: { code: 0x9b, name: "QoS not supported", packets: ["CONNACK", "DISCONNECT"], sentBy: "server" },
  USE_ANOTHER_SERVER: { code: 0x9c, name: "Use another server", packets: ["CONNACK", "DISCONNECT"], sentBy: "server" },
  SERVER_MOVED: { code: 0x9d, name: "Server moved", packets: ["CONNACK", "DISCONNECT"], sentBy: "server" },
  SHARED_SUBSCRIPTIONS_NOT_SUPPORTED: {
    code: 0x9e,
    name: "Shared Subscriptions not supported",
    packets: ["SUBACK", "DISCONNECT"],
    sentBy: "server",
  },
  CONNECTION_RATE_EXCEEDED: {
    code: 0x9f,
    name: "Connection rate exceeded",
    packets: ["CONNACK", "DISCONNECT"],
    sentBy: "server",
  },
  MAXIMUM_CONNECT_TIME: { code: 0xa0, name: "Maximum connect time", packets: ["DISCONNECT"], sentBy: "server" },
  SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED: {
    code: 0xa1,
    name: "Subscription Identifiers not supported",
    packets: ["SUBACK", "DISCONNECT"],
    sentBy: "server",
  },
  WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED: {
    code: 0xa2,
    name: "Wildcard Subscriptions not supported",
    packets: ["SUBACK", "DISCONNECT"],
    sentBy: "server",
  },
} as const satisfies Readonly<Record<string, ReasonCodeRow>>;

type Table = typeof reasonCodes;

/** The numbers that may stand in `Packet`, as a union. */
export type ReasonCode<Packet extends ReasonCodePacket> = {
  [Name in keyof Table]: Packet extends Table[Name]["packets"][number] ? Table[Name]["code"] : never;
}[keyof Table];

const byClient = 1;
const byServer = 2;
const rows: readonly ReasonCodeRow[] = Object.values(reasonCodes);
/** By packet type and code: bits of who may send it there. */
const allowed: readonly Uint8Array[] = Array.from({ length: 16 }, (_, type) => sendersByCode(type));

function sendersByCode(type: number): Uint8Array {
  const senders = new Uint8Array(256);
  for (const { code, packets, sentBy } of rows) {
    for (const packet of packets) {
      if (packetTypes[packet] !== type) continue;
      const isNarrowed = sentBy !== undefined && (packet === "DISCONNECT" || packet === "AUTH");
      senders[code] = isNarrowed ? senderBits(sentBy) : byClient | byServer;
    }
  }
  return senders;
}

function senderBits(sender: Sender | undefined): number {
  if (sender === undefined) return byClient | byServer;
  return sender === "client" ? byClient : byServer;
}

/** True when `code` may stand in `packet`; with `sender`, when that side may send it there. */
export function isReasonCodeOf(packet: ReasonCodePacket, code: number, sender?: Sender): boolean {
  return (allowed[packetTypes[packet]][code] & senderBits(sender)) !== 0;
}

/** The specification's name of `code` in `packet`; undefined when it may not stand there. */
export function reasonCodeName(packet: ReasonCodePacket, code: number): string | undefined {
  return rows.find((row) => row.code === code && row.packets.includes(packet))?.name;
}

/**
 * Throws PROTOCOL_ERROR unless `code` may stand in `packet`. [MQTT-3.2.2-8] [MQTT-3.4.2-1] [MQTT-3.5.2-1]
 * [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.9.3-2] [MQTT-3.11.3-2] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
 */
export function checkReasonCode(packet: ReasonCodePacket & PacketName, code: number, sender?: Sender): void {
  if (isReasonCodeOf(packet, code, sender)) return;
  const name = `reason code 0x${code.toString(16).padStart(2, "0")}`;
  const problem = isReasonCodeOf(packet, code) ? `a ${sender} may not send ${name}` : `${name} may not stand in it`;
  throw mqttWireErrors.PROTOCOL_ERROR({ packet, problem });
}
