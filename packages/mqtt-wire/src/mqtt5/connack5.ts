/**
 * CONNACK of MQTT 5: the server's answer to CONNECT.
 *
 *     u8          bit 0: session present
 *     u8          reason code
 *     properties
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import { notEncodable } from "../field-writer.ts";
import { connectReturnCodeOf, encodeConnack } from "../packets/connack.ts";
import { checkAuthenticationData, checkEncodableAuthentication } from "./authentication.ts";
import { beginBody, writePacket } from "./body.ts";
import { readProperties, writeProperties } from "./properties.ts";
import type { Properties } from "./property-table.ts";
import { checkReasonCode, isReasonCodeOf, type ReasonCode } from "./reason-codes.ts";

export interface Connack5Packet {
  /** False whenever `reasonCode` is not 0. [MQTT-3.2.2-6] */
  readonly sessionPresent: boolean;
  readonly reasonCode: ReasonCode<"CONNACK">;
  readonly properties: Properties<"CONNACK">;
}

/**
 * Throws MALFORMED_PACKET; PROTOCOL_ERROR for a session present beside a refusal, a reason code that is none of its own
 * [MQTT-3.2.2-8], and as `PropertyCursor` does.
 */
export function decodeConnack5(bytes: Buffer, bodyStart: number, packetEnd: number): Connack5Packet {
  const fields = new FieldReader("CONNACK", bytes, bodyStart, packetEnd);
  const flags = fields.u8("acknowledge flags");
  if (flags > 1) throw fields.malformed("a reserved acknowledge flag is set"); // [MQTT-3.2.2-1]
  const reasonCode = fields.u8("reason code");
  checkReasonCode("CONNACK", reasonCode);
  if (flags === 1 && reasonCode !== 0) {
    const problem = "it refuses and says that a session is present";
    throw mqttWireErrors.PROTOCOL_ERROR({ packet: "CONNACK", problem }); // [MQTT-3.2.2-6]
  }
  const properties = readProperties("CONNACK", fields);
  fields.finish();
  checkAuthenticationData("CONNACK", properties);
  return { sessionPresent: flags === 1, reasonCode: reasonCode as ReasonCode<"CONNACK">, properties };
}

export function encodeConnack5(writer: ByteWriter, packet: Connack5Packet): void {
  const { sessionPresent, reasonCode, properties } = packet;
  if (!isReasonCodeOf("CONNACK", reasonCode)) throw notEncodable("CONNACK", `it cannot have reason code ${reasonCode}`);
  if (sessionPresent && reasonCode !== 0) throw notEncodable("CONNACK", "a refusal cannot have a session present"); // [MQTT-3.2.2-6]
  checkEncodableAuthentication("CONNACK", properties);
  const body = beginBody();
  body.u8(sessionPresent ? 1 : 0);
  body.u8(reasonCode);
  writeProperties(body, "CONNACK", properties);
  writePacket(writer, "CONNACK", 0);
}

/**
 * Writes the CONNACK that refuses a CONNECT of protocol level `protocolLevel` (`protocolLevelOf`, or the details of
 * UNSUPPORTED_PROTOCOL_VERSION): from level 5 on as MQTT 5 does, below with the return code that fits. False: no CONNACK
 * says it, nothing was written, and the connection is closed without one. `wireCode` is that of an error.
 */
export function encodeConnectRefusal(
  writer: ByteWriter,
  wireCode: number | string | undefined,
  protocolLevel: number,
): boolean {
  // A mosquitto bridge sets the highest bit of the level.
  if ((protocolLevel & 0x7f) < 5) {
    const returnCode = connectReturnCodeOf(wireCode);
    if (returnCode === undefined) return false; // 3.1.1: [MQTT-3.2.2-6]
    encodeConnack(writer, { sessionPresent: false, returnCode }); // 3.1.1: [MQTT-3.1.2-2]
    return true;
  }
  if (typeof wireCode !== "number" || wireCode < 0x80 || !isReasonCodeOf("CONNACK", wireCode)) return false;
  encodeConnack5(writer, { sessionPresent: false, reasonCode: wireCode as ReasonCode<"CONNACK">, properties: {} }); // [MQTT-3.1.2-2]
  return true;
}
