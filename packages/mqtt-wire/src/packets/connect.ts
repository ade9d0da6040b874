/**
 * CONNECT: the first packet of a client, of MQTT 3.1.1 (level 4) or MQTT 3.1 (level 3).
 *
 *     string  protocol name: "MQTT", or "MQIsdp" in MQTT 3.1
 *     u8      protocol level
 *     u8      flags: user name, password, will retain, will QoS (two bits), will, clean session, reserved
 *     u16     keep alive in seconds
 *     string  client identifier
 *     string  will topic      \  when the will flag is set
 *     binary  will message    /
 *     string  user name          when its flag is set
 *     binary  password           when its flag is set                                               [MQTT-3.1.3-1]
 *
 * MQTT 3.1 calls reserved and unused flags meaningless, and lets a client set the user name or password flag and send
 * neither; both are accepted from it. Longer client identifiers than its 23 characters are accepted too.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import {
  binaryFieldSize,
  notEncodable,
  utf8FieldSize,
  writeBinaryField,
  writeFixedHeader,
  writeUtf8Field,
} from "../field-writer.ts";
import { keepAliveSecondsMax } from "../limits.ts";
import type { QoS } from "../packet-type.ts";
import { isTopicName } from "../topic.ts";

/** The levels of this file's CONNECT. */
type Level3Or4 = 3 | 4;

export interface Will {
  readonly topic: string;
  /** When decoded, a slice of the input: who keeps it copies it. */
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
}

export interface ConnectPacket {
  readonly protocolLevel: Level3Or4;
  readonly cleanSession: boolean;
  /** 0..65535; 0 switches it off. */
  readonly keepAliveSeconds: number;
  /** Empty only with `cleanSession` and level 4: the server then makes one up. [MQTT-3.1.3-7] */
  readonly clientIdentifier: string;
  readonly will: Will | undefined;
  readonly userName: string | undefined;
  /** When decoded, a slice of the input: who keeps it copies it. */
  readonly password: Buffer | undefined;
}

const protocolNames: Readonly<Record<Level3Or4, string>> = { 3: "MQIsdp", 4: "MQTT" };

const reservedFlag = 0x01;
const cleanSessionFlag = 0x02;
const willFlag = 0x04;
const willQosShift = 3;
const willQosAndRetain = 0x38;
const willRetainFlag = 0x20;
const passwordFlag = 0x40;
const userNameFlag = 0x80;

/**
 * Throws UNSUPPORTED_PROTOCOL_VERSION with `protocolLevel` in its details, before reading any further, for a level that
 * is neither 3 nor 4 (so also for 0x83 and 0x84, with which mosquitto bridges introduce themselves before they fall
 * back to 3 and 4); CLIENT_IDENTIFIER_NOT_VALID for an empty one that is not allowed, once all else is found valid;
 * TOPIC_NAME_INVALID for the will's; MALFORMED_PACKET for everything else.
 */
export function decodeConnect(bytes: Buffer, bodyStart: number, packetEnd: number): ConnectPacket {
  const fields = new FieldReader("CONNECT", bytes, bodyStart, packetEnd);
  const protocolLevel = decodeProtocol(fields);
  const flags = fields.u8("connect flags");
  checkFlags(fields, protocolLevel, flags);
  const keepAliveSeconds = fields.u16("keep alive");
  const clientIdentifier = fields.utf8("client identifier"); // [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  const will = (flags & willFlag) === 0 ? undefined : decodeWill(fields, flags); // [MQTT-3.1.2-9]
  const userName = hasField(fields, flags & userNameFlag, protocolLevel) ? fields.utf8("user name") : undefined; // [MQTT-3.1.2-19] [MQTT-3.1.3-11]
  const password = hasField(fields, flags & passwordFlag, protocolLevel) ? fields.binary("password") : undefined; // [MQTT-3.1.2-21]
  fields.finish(); // [MQTT-3.1.2-11] [MQTT-3.1.2-18] [MQTT-3.1.2-20]
  const cleanSession = (flags & cleanSessionFlag) !== 0;
  checkClientIdentifier(protocolLevel, clientIdentifier, cleanSession);
  return { protocolLevel, cleanSession, keepAliveSeconds, clientIdentifier, will, userName, password };
}

function decodeProtocol(fields: FieldReader): Level3Or4 {
  const protocolName = fields.utf8("protocol name");
  if (protocolName !== "MQTT" && protocolName !== "MQIsdp") {
    throw fields.malformed("its protocol name is neither MQTT nor MQIsdp"); // [MQTT-3.1.2-1]
  }
  const protocolLevel = fields.u8("protocol level");
  if (protocolLevel === 4 && protocolName === protocolNames[4]) return 4;
  if (protocolLevel === 3 && protocolName === protocolNames[3]) return 3;
  throw mqttWireErrors.UNSUPPORTED_PROTOCOL_VERSION({ protocolName, protocolLevel }); // [MQTT-3.1.2-2]
}

function checkFlags(fields: FieldReader, protocolLevel: Level3Or4, flags: number): void {
  if (protocolLevel >= 4) {
    if ((flags & reservedFlag) !== 0) throw fields.malformed("its reserved flag is set"); // [MQTT-3.1.2-3]
    if ((flags & willFlag) === 0 && (flags & willQosAndRetain) !== 0) {
      throw fields.malformed("it has no will but a will QoS or will retain"); // [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-15]
    }
  }
  if ((flags & willFlag) !== 0 && ((flags >> willQosShift) & 3) === 3) {
    throw fields.malformed("its will has QoS 3"); // [MQTT-3.1.2-14]
  }
  if ((flags & passwordFlag) !== 0 && (flags & userNameFlag) === 0) {
    throw fields.malformed("it has a password but no user name"); // [MQTT-3.1.2-22]
  }
}

function decodeWill(fields: FieldReader, flags: number): Will {
  const topic = fields.topicName("will topic"); // [MQTT-3.1.3-10]
  const payload = fields.binary("will message");
  const qos = ((flags >> willQosShift) & 3) as QoS;
  return { topic, payload, qos, retain: (flags & willRetainFlag) !== 0 };
}

function hasField(fields: FieldReader, flag: number, protocolLevel: Level3Or4): boolean {
  return flag !== 0 && !(protocolLevel === 3 && fields.remaining === 0);
}

function checkClientIdentifier(protocolLevel: Level3Or4, clientIdentifier: string, cleanSession: boolean): void {
  if (clientIdentifier !== "") return;
  if (protocolLevel === 3) {
    throw mqttWireErrors.CLIENT_IDENTIFIER_NOT_VALID({ problem: "MQTT 3.1 does not allow an empty one" });
  }
  if (cleanSession) return; // [MQTT-3.1.3-6]
  throw mqttWireErrors.CLIENT_IDENTIFIER_NOT_VALID({ problem: "it is empty and CleanSession is 0" }); // [MQTT-3.1.3-8]
}

/** Throws NOT_ENCODABLE, or CLIENT_IDENTIFIER_NOT_VALID as decoding does. */
export function encodeConnect(writer: ByteWriter, packet: ConnectPacket): void {
  const { protocolLevel, clientIdentifier, will, userName, password } = packet;
  checkClientIdentifier(protocolLevel, clientIdentifier, packet.cleanSession); // [MQTT-3.1.3-7]
  if (password !== undefined && userName === undefined) {
    throw notEncodable("CONNECT", "it has a password but no user name"); // [MQTT-3.1.2-22]
  }
  if (packet.keepAliveSeconds < 0 || packet.keepAliveSeconds > keepAliveSecondsMax) {
    throw notEncodable("CONNECT", `keep alive ${packet.keepAliveSeconds} is outside 0..${keepAliveSecondsMax}`);
  }
  if (will !== undefined && !isTopicName(will.topic)) throw notEncodable("CONNECT", "its will topic is not valid");
  const protocolName = protocolNames[protocolLevel];
  const nameSize = 2 + protocolName.length;
  const identifierSize = utf8FieldSize("CONNECT", "client identifier", clientIdentifier);
  const willTopicSize = will === undefined ? 0 : utf8FieldSize("CONNECT", "will topic", will.topic);
  const willSize = will === undefined ? 0 : willTopicSize + binaryFieldSize("CONNECT", "will message", will.payload);
  const userNameSize = userName === undefined ? 0 : utf8FieldSize("CONNECT", "user name", userName);
  const passwordSize = password === undefined ? 0 : binaryFieldSize("CONNECT", "password", password);
  const bodySize = nameSize + 4 + identifierSize + willSize + userNameSize + passwordSize;

  writeFixedHeader(writer, "CONNECT", 0, bodySize);
  writeUtf8Field(writer, protocolName, nameSize);
  writer.u8(protocolLevel);
  writer.u8(connectFlags(packet));
  writer.u16be(packet.keepAliveSeconds);
  writeUtf8Field(writer, clientIdentifier, identifierSize);
  if (will !== undefined) {
    writeUtf8Field(writer, will.topic, willTopicSize);
    writeBinaryField(writer, will.payload);
  }
  if (userName !== undefined) writeUtf8Field(writer, userName, userNameSize);
  if (password !== undefined) writeBinaryField(writer, password);
}

function connectFlags(packet: ConnectPacket): number {
  let flags = packet.cleanSession ? cleanSessionFlag : 0;
  if (packet.will !== undefined) {
    flags |= willFlag | (packet.will.qos << willQosShift) | (packet.will.retain ? willRetainFlag : 0);
  }
  if (packet.userName !== undefined) flags |= userNameFlag;
  if (packet.password !== undefined) flags |= passwordFlag;
  return flags;
}
