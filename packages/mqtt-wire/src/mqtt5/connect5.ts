/**
 * CONNECT of MQTT 5: the first packet of a client.
 *
 *     string      protocol name: "MQTT"
 *     u8          protocol level: 5
 *     u8          flags: user name, password, will retain, will QoS (two bits), will, clean start, reserved
 *     u16         keep alive in seconds
 *     properties
 *     string      client identifier
 *     properties  of the will  \
 *     string      will topic    > when the will flag is set
 *     binary      will payload /
 *     string      user name       when its flag is set
 *     binary      password        when its flag is set                                               [MQTT-3.1.3-1]
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import { notEncodable } from "../field-writer.ts";
import { keepAliveSecondsMax } from "../limits.ts";
import type { QoS } from "../packet-type.ts";
import { type ConnectPacket, decodeConnect, type Will } from "../packets/connect.ts";
import { isTopicName } from "../topic.ts";
import { checkAuthenticationData, checkEncodableAuthentication } from "./authentication.ts";
import { beginBody, writeBinary, writePacket, writeText } from "./body.ts";
import { readProperties, writeProperties } from "./properties.ts";
import type { Properties } from "./property-table.ts";

export interface Will5 extends Will {
  readonly properties: Properties<"WILL">;
}

export interface Connect5Packet {
  readonly protocolLevel: 5;
  readonly cleanStart: boolean;
  /** 0..65535; 0 switches it off. */
  readonly keepAliveSeconds: number;
  /** Empty: the server makes one up. [MQTT-3.1.3-6] */
  readonly clientIdentifier: string;
  readonly will: Will5 | undefined;
  readonly userName: string | undefined;
  /** May stand without a user name. When decoded, a slice of the input: who keeps it copies it. */
  readonly password: Buffer | undefined;
  readonly properties: Properties<"CONNECT">;
}

const protocolName = "MQTT";
const reservedFlag = 0x01;
const cleanStartFlag = 0x02;
const willFlag = 0x04;
const willQosShift = 3;
const willQosAndRetain = 0x38;
const willRetainFlag = 0x20;
const passwordFlag = 0x40;
const userNameFlag = 0x80;

/** A CONNECT of MQTT 5, 3.1.1 or 3.1. Throws as `decodeConnect5` and `decodeConnect` do. */
export function decodeAnyConnect(bytes: Buffer, bodyStart: number, packetEnd: number): Connect5Packet | ConnectPacket {
  const isLevel5 = protocolLevelOf(bytes, bodyStart, packetEnd) === 5;
  return isLevel5 ? decodeConnect5(bytes, bodyStart, packetEnd) : decodeConnect(bytes, bodyStart, packetEnd);
}

/**
 * The protocol level of a CONNECT that may be wrong in every other way; undefined when it is not the CONNECT of any
 * version of MQTT. What tells in which form to refuse it.
 */
export function protocolLevelOf(bytes: Buffer, bodyStart: number, packetEnd: number): number | undefined {
  for (const name of ["\0\u0004MQTT", "\0\u0006MQIsdp"]) {
    const levelAt = bodyStart + name.length;
    if (levelAt < packetEnd && bytes.toString("latin1", bodyStart, levelAt) === name) return bytes[levelAt];
  }
  return undefined;
}

/**
 * Throws UNSUPPORTED_PROTOCOL_VERSION for another level than 5; TOPIC_NAME_INVALID for the will's; PROTOCOL_ERROR as
 * `PropertyCursor` does, and for Authentication Data without a method; MALFORMED_PACKET for everything else.
 *
 * The frame reader did not know yet that the packet is of MQTT 5: where a byte stands before `bodyStart` it is taken for
 * the last one of the remaining length, which must not be 0.
 */
export function decodeConnect5(bytes: Buffer, bodyStart: number, packetEnd: number): Connect5Packet {
  const fields = new FieldReader("CONNECT", bytes, bodyStart, packetEnd);
  decodeProtocol(fields);
  if (bytes[bodyStart - 1] === 0) throw fields.malformed("the remaining length is written longer than needed"); // [MQTT-1.5.5-1]
  const flags = fields.u8("connect flags");
  checkFlags(fields, flags);
  const keepAliveSeconds = fields.u16("keep alive");
  const properties = readProperties("CONNECT", fields);
  checkAuthenticationData("CONNECT", properties);
  const clientIdentifier = fields.utf8("client identifier"); // [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  const will = (flags & willFlag) === 0 ? undefined : decodeWill(fields, flags); // [MQTT-3.1.2-9]
  const userName = (flags & userNameFlag) === 0 ? undefined : fields.utf8("user name"); // [MQTT-3.1.2-17] [MQTT-3.1.3-12]
  const password = (flags & passwordFlag) === 0 ? undefined : fields.binary("password"); // [MQTT-3.1.2-19]
  fields.finish(); // [MQTT-3.1.2-16] [MQTT-3.1.2-18]
  const cleanStart = (flags & cleanStartFlag) !== 0;
  return { protocolLevel: 5, cleanStart, keepAliveSeconds, clientIdentifier, will, userName, password, properties };
}

function decodeProtocol(fields: FieldReader): void {
  const name = fields.utf8("protocol name");
  if (name !== protocolName && name !== "MQIsdp") {
    throw fields.malformed("its protocol name is neither MQTT nor MQIsdp"); // [MQTT-3.1.2-1]
  }
  const protocolLevel = fields.u8("protocol level");
  if (name === protocolName && protocolLevel === 5) return;
  throw mqttWireErrors.UNSUPPORTED_PROTOCOL_VERSION({ protocolName: name, protocolLevel }); // [MQTT-3.1.2-2]
}

function checkFlags(fields: FieldReader, flags: number): void {
  if ((flags & reservedFlag) !== 0) throw fields.malformed("its reserved flag is set"); // [MQTT-3.1.2-3]
  if ((flags & willFlag) === 0 && (flags & willQosAndRetain) !== 0) {
    throw fields.malformed("it has no will but a will QoS or will retain"); // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  }
  if (((flags >> willQosShift) & 3) === 3) throw fields.malformed("its will has QoS 3"); // [MQTT-3.1.2-12]
}

function decodeWill(fields: FieldReader, flags: number): Will5 {
  const properties = readProperties("WILL", fields);
  const topic = fields.topicName("will topic"); // [MQTT-3.1.3-11]
  const payload = fields.binary("will payload");
  const qos = ((flags >> willQosShift) & 3) as QoS;
  return { properties, topic, payload, qos, retain: (flags & willRetainFlag) !== 0 };
}

/** Throws NOT_ENCODABLE. */
export function encodeConnect5(writer: ByteWriter, packet: Connect5Packet): void {
  const { clientIdentifier, keepAliveSeconds, will, userName, password, properties } = packet;
  if (!Number.isInteger(keepAliveSeconds) || keepAliveSeconds < 0 || keepAliveSeconds > keepAliveSecondsMax) {
    throw notEncodable("CONNECT", `keep alive ${keepAliveSeconds} is outside 0..${keepAliveSecondsMax}`);
  }
  checkEncodableAuthentication("CONNECT", properties);
  const body = beginBody();
  writeText(body, "CONNECT", "protocol name", protocolName);
  body.u8(5);
  body.u8(connectFlags(packet));
  body.u16be(keepAliveSeconds);
  writeProperties(body, "CONNECT", properties);
  writeText(body, "CONNECT", "client identifier", clientIdentifier);
  if (will !== undefined) {
    if (!isTopicName(will.topic)) throw notEncodable("CONNECT", "its will topic is not valid");
    writeProperties(body, "WILL", will.properties);
    writeText(body, "CONNECT", "will topic", will.topic);
    writeBinary(body, "CONNECT", "will payload", will.payload);
  }
  if (userName !== undefined) writeText(body, "CONNECT", "user name", userName);
  if (password !== undefined) writeBinary(body, "CONNECT", "password", password);
  writePacket(writer, "CONNECT", 0);
}

function connectFlags({ cleanStart, will, userName, password }: Connect5Packet): number {
  let flags = cleanStart ? cleanStartFlag : 0;
  if (will !== undefined) flags |= willFlag | (will.qos << willQosShift) | (will.retain ? willRetainFlag : 0);
  if (userName !== undefined) flags |= userNameFlag;
  if (password !== undefined) flags |= passwordFlag;
  return flags;
}
