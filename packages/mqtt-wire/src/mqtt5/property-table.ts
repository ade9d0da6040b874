/**
 * The properties of MQTT 5, as data; decoding, encoding and the types of all packets come from this table.
 *
 *     property = identifier (1 byte), value
 *
 *     value     bytes                                                       in TypeScript
 *     flag      1, 0 or 1                                                   boolean
 *     bit       1, 0 or 1                                                   0 | 1
 *     u16, u32  2, 4; big endian                                            number
 *     varint    1 to 4: seven bits each, lowest first, shortest form        number
 *     utf8      length (2 bytes), UTF-8 without U+0000                      string
 *     topic     the same, and a topic name                                  string
 *     binary    length (2 bytes), bytes                                     Buffer
 *     pair      utf8, utf8                                                  readonly [name, value]
 *
 * A property stands in a packet at most once, except where `repeats` names the packet; there the value is an array. The
 * identifier is a variable byte integer by its definition, but none needs a second byte.
 */

import type { Sender } from "./reason-codes.ts";

/** The packets that have properties; WILL is the region of the will inside CONNECT. */
export type PropertyPacket =
  | "CONNECT"
  | "WILL"
  | "CONNACK"
  | "PUBLISH"
  | "PUBACK"
  | "PUBREC"
  | "PUBREL"
  | "PUBCOMP"
  | "SUBSCRIBE"
  | "SUBACK"
  | "UNSUBSCRIBE"
  | "UNSUBACK"
  | "DISCONNECT"
  | "AUTH";

export type PropertyType = "flag" | "bit" | "u16" | "u32" | "varint" | "utf8" | "topic" | "binary" | "pair";

export interface PropertyRow {
  readonly id: number;
  /** The specification's name. */
  readonly name: string;
  readonly type: PropertyType;
  readonly packets: readonly PropertyPacket[];
  /** True where its value is an array: it may stand more than once in the packets `repeats` names. */
  readonly isList?: true;
  readonly repeats?: readonly PropertyPacket[];
  /** 0 is refused: PROTOCOL_ERROR, or TOPIC_ALIAS_INVALID for the alias. */
  readonly nonZero?: true;
  /** Who may send it, in the packets where that is one side only. */
  readonly sentBy?: Partial<Readonly<Record<PropertyPacket, Sender>>>;
}

const everywhere = [
  "CONNECT",
  "WILL",
  "CONNACK",
  "PUBLISH",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBSCRIBE",
  "SUBACK",
  "UNSUBSCRIBE",
  "UNSUBACK",
  "DISCONNECT",
  "AUTH",
] as const;
const message = ["PUBLISH", "WILL"] as const;
const authentication = ["CONNECT", "CONNACK", "AUTH"] as const;
const connectAndConnack = ["CONNECT", "CONNACK"] as const;
const withReason = [
  "CONNACK",
  "PUBACK",
  "PUBREC",
  "PUBREL",
  "PUBCOMP",
  "SUBACK",
  "UNSUBACK",
  "DISCONNECT",
  "AUTH",
] as const;

export const propertyTable = {
  payloadFormatIndicator: { id: 0x01, name: "Payload Format Indicator", type: "bit", packets: message },
  messageExpiryInterval: { id: 0x02, name: "Message Expiry Interval", type: "u32", packets: message },
  contentType: { id: 0x03, name: "Content Type", type: "utf8", packets: message }, // [MQTT-3.3.2-19]
  responseTopic: { id: 0x08, name: "Response Topic", type: "topic", packets: message }, // [MQTT-3.3.2-13] [MQTT-3.3.2-14]
  correlationData: { id: 0x09, name: "Correlation Data", type: "binary", packets: message },
  subscriptionIdentifiers: {
    id: 0x0b,
    name: "Subscription Identifier",
    type: "varint",
    packets: ["PUBLISH", "SUBSCRIBE"],
    isList: true,
    repeats: ["PUBLISH"],
    nonZero: true,
    sentBy: { PUBLISH: "server" }, // [MQTT-3.3.4-6]
  },
  sessionExpiryInterval: {
    id: 0x11,
    name: "Session Expiry Interval",
    type: "u32",
    packets: ["CONNECT", "CONNACK", "DISCONNECT"],
    sentBy: { DISCONNECT: "client" }, // [MQTT-3.14.2-2]
  },
  assignedClientIdentifier: { id: 0x12, name: "Assigned Client Identifier", type: "utf8", packets: ["CONNACK"] },
  serverKeepAlive: { id: 0x13, name: "Server Keep Alive", type: "u16", packets: ["CONNACK"] },
  authenticationMethod: { id: 0x15, name: "Authentication Method", type: "utf8", packets: authentication },
  authenticationData: { id: 0x16, name: "Authentication Data", type: "binary", packets: authentication },
  requestProblemInformation: {
    id: 0x17,
    name: "Request Problem Information",
    type: "flag",
    packets: ["CONNECT"],
  },
  willDelayInterval: { id: 0x18, name: "Will Delay Interval", type: "u32", packets: ["WILL"] },
  requestResponseInformation: {
    id: 0x19,
    name: "Request Response Information",
    type: "flag",
    packets: ["CONNECT"],
  },
  responseInformation: { id: 0x1a, name: "Response Information", type: "utf8", packets: ["CONNACK"] },
  serverReference: {
    id: 0x1c,
    name: "Server Reference",
    type: "utf8",
    packets: ["CONNACK", "DISCONNECT"],
    sentBy: { DISCONNECT: "server" },
  },
  reasonString: { id: 0x1f, name: "Reason String", type: "utf8", packets: withReason },
  receiveMaximum: { id: 0x21, name: "Receive Maximum", type: "u16", packets: connectAndConnack, nonZero: true },
  topicAliasMaximum: { id: 0x22, name: "Topic Alias Maximum", type: "u16", packets: connectAndConnack },
  topicAlias: { id: 0x23, name: "Topic Alias", type: "u16", packets: ["PUBLISH"], nonZero: true }, // [MQTT-3.3.2-8]
  maximumQos: { id: 0x24, name: "Maximum QoS", type: "bit", packets: ["CONNACK"] },
  retainAvailable: { id: 0x25, name: "Retain Available", type: "flag", packets: ["CONNACK"] },
  userProperties: {
    id: 0x26,
    name: "User Property",
    type: "pair",
    packets: everywhere,
    isList: true,
    repeats: everywhere,
  }, // in order: [MQTT-3.1.3-10] [MQTT-3.3.2-18]
  maximumPacketSize: { id: 0x27, name: "Maximum Packet Size", type: "u32", packets: connectAndConnack, nonZero: true },
  wildcardSubscriptionAvailable: {
    id: 0x28,
    name: "Wildcard Subscription Available",
    type: "flag",
    packets: ["CONNACK"],
  },
  subscriptionIdentifierAvailable: {
    id: 0x29,
    name: "Subscription Identifier Available",
    type: "flag",
    packets: ["CONNACK"],
  },
  sharedSubscriptionAvailable: {
    id: 0x2a,
    name: "Shared Subscription Available",
    type: "flag",
    packets: ["CONNACK"],
  },
} as const satisfies Readonly<Record<string, PropertyRow>>;

type Table = typeof propertyTable;

export type PropertyName = keyof Table;

interface TypesOfValues {
  readonly flag: boolean;
  readonly bit: 0 | 1;
  readonly u16: number;
  readonly u32: number;
  readonly varint: number;
  readonly utf8: string;
  readonly topic: string;
  /** When decoded, a slice of the input: who keeps it copies it. */
  readonly binary: Buffer;
  readonly pair: readonly [name: string, value: string];
}

type ValueOf<Row extends PropertyRow> = Row extends { readonly isList: true }
  ? readonly TypesOfValues[Row["type"]][]
  : TypesOfValues[Row["type"]];

/** The properties `Packet` may have. Absent and undefined are the same: the property is not sent. */
export type Properties<Packet extends PropertyPacket> = {
  readonly [Name in PropertyName as Packet extends Table[Name]["packets"][number] ? Name : never]?:
    | ValueOf<Table[Name]>
    | undefined;
};
