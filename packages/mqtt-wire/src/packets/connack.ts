/**
 * CONNACK: the server's answer to CONNECT.
 *
 *     +------+------+---------------------------+-------------+
 *     | 0x20 | 0x02 | bit 0: session present    | return code |
 *     +------+------+---------------------------+-------------+
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import { notEncodable } from "../field-writer.ts";

export const connectReturnCodes = {
  ACCEPTED: 0,
  UNACCEPTABLE_PROTOCOL_VERSION: 1,
  IDENTIFIER_REJECTED: 2,
  SERVER_UNAVAILABLE: 3,
  BAD_USER_NAME_OR_PASSWORD: 4,
  NOT_AUTHORIZED: 5,
} as const;

export type ConnectReturnCode = (typeof connectReturnCodes)[keyof typeof connectReturnCodes];

export interface ConnackPacket {
  /** False whenever `returnCode` is not 0. [MQTT-3.2.2-4] */
  readonly sessionPresent: boolean;
  readonly returnCode: ConnectReturnCode;
}

const returnCodeMax = connectReturnCodes.NOT_AUTHORIZED;

/** MQTT 5 reason codes that a return code says as well. */
const returnCodesByReasonCode = new Map<number | string, ConnectReturnCode>([
  [0x84, connectReturnCodes.UNACCEPTABLE_PROTOCOL_VERSION], // unsupported protocol version
  [0x85, connectReturnCodes.IDENTIFIER_REJECTED], // client identifier not valid
  [0x86, connectReturnCodes.BAD_USER_NAME_OR_PASSWORD], // bad user name or password
  [0x87, connectReturnCodes.NOT_AUTHORIZED], // not authorized
  [0x88, connectReturnCodes.SERVER_UNAVAILABLE], // server unavailable
  [0x89, connectReturnCodes.SERVER_UNAVAILABLE], // server busy
  [0x8a, connectReturnCodes.NOT_AUTHORIZED], // banned
  [0x8c, connectReturnCodes.NOT_AUTHORIZED], // bad authentication method
  [0x97, connectReturnCodes.SERVER_UNAVAILABLE], // quota exceeded
  [0x9f, connectReturnCodes.SERVER_UNAVAILABLE], // connection rate exceeded
]);

/**
 * The return code that says to an MQTT 3 client what an error's `wireCode` says to an MQTT 5 client. Undefined: none
 * fits, and the connection is closed without a CONNACK. [MQTT-3.1.4-1] [MQTT-3.2.2-6]
 */
export function connectReturnCodeOf(wireCode: number | string | undefined): ConnectReturnCode | undefined {
  return wireCode === undefined ? undefined : returnCodesByReasonCode.get(wireCode);
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for a session present beside a refusal. */
export function decodeConnack(bytes: Buffer, bodyStart: number, packetEnd: number): ConnackPacket {
  const fields = new FieldReader("CONNACK", bytes, bodyStart, packetEnd);
  const flags = fields.u8("acknowledge flags");
  const returnCode = fields.u8("return code");
  fields.finish();
  if (flags > 1) throw fields.malformed("a reserved acknowledge flag is set");
  if (returnCode > returnCodeMax) throw fields.malformed(`return code ${returnCode} is reserved`);
  if (flags === 1 && returnCode !== 0) {
    const problem = "it refuses and says that a session is present";
    throw mqttWireErrors.PROTOCOL_ERROR({ packet: "CONNACK", problem }); // [MQTT-3.2.2-4]
  }
  return { sessionPresent: flags === 1, returnCode: returnCode as ConnectReturnCode };
}

export function encodeConnack(writer: ByteWriter, packet: ConnackPacket): void {
  if (packet.sessionPresent && packet.returnCode !== 0) {
    throw notEncodable("CONNACK", "a refusal cannot have a session present"); // [MQTT-3.2.2-4]
  }
  writer.reserve(4);
  writer.u8(0x20);
  writer.u8(2);
  writer.u8(packet.sessionPresent ? 1 : 0);
  writer.u8(packet.returnCode);
}
