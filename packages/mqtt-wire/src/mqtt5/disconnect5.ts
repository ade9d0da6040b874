/**
 * DISCONNECT of MQTT 5: the last packet of either side.
 *
 *     u8          reason code     left out when it is 0 and there are no properties
 *     properties                  left out when there are none
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { FieldReader } from "../field-reader.ts";
import { notEncodable } from "../field-writer.ts";
import { beginBody, writePacket } from "./body.ts";
import { hasNoProperties, readProperties, writeProperties } from "./properties.ts";
import type { Properties } from "./property-table.ts";
import { checkReasonCode, isReasonCodeOf, type ReasonCode, type Sender } from "./reason-codes.ts";

export interface Disconnect5Packet {
  readonly reasonCode: ReasonCode<"DISCONNECT">;
  /** `sessionExpiryInterval` from a client only [MQTT-3.14.2-2], `serverReference` from a server only. */
  readonly properties: Properties<"DISCONNECT">;
}

/**
 * With `sender`, what that side may not send is a PROTOCOL_ERROR. Throws MALFORMED_PACKET; PROTOCOL_ERROR for a reason
 * code that is none of its own, and as `PropertyCursor` does.
 */
export function decodeDisconnect5(
  bytes: Buffer,
  bodyStart: number,
  packetEnd: number,
  sender?: Sender,
): Disconnect5Packet {
  const fields = new FieldReader("DISCONNECT", bytes, bodyStart, packetEnd);
  if (fields.remaining === 0) return { reasonCode: 0, properties: {} };
  const reasonCode = fields.u8("reason code");
  checkReasonCode("DISCONNECT", reasonCode, sender); // [MQTT-3.14.2-1]
  const properties = fields.remaining === 0 ? {} : readProperties("DISCONNECT", fields, sender);
  fields.finish();
  return { reasonCode: reasonCode as ReasonCode<"DISCONNECT">, properties };
}

/** Throws NOT_ENCODABLE. */
export function encodeDisconnect5(writer: ByteWriter, packet: Disconnect5Packet): void {
  const { reasonCode, properties } = packet;
  if (!isReasonCodeOf("DISCONNECT", reasonCode)) {
    throw notEncodable("DISCONNECT", `it cannot have reason code ${reasonCode}`);
  }
  const body = beginBody();
  const isBare = hasNoProperties(properties);
  if (reasonCode !== 0 || !isBare) body.u8(reasonCode);
  if (!isBare) writeProperties(body, "DISCONNECT", properties);
  writePacket(writer, "DISCONNECT", 0);
}
