/**
 * AUTH: a step of enhanced authentication, from either side; MQTT 5 only.
 *
 *     u8          reason code  \  both left out when the code is 0
 *     properties               /  and there are no properties
 *
 * A packet with a body must name its method (section 3.15.2.2.2). One without a body is what the same section allows for
 * reason code 0, and is accepted; whether it may come is for the authentication to say.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import { notEncodable } from "../field-writer.ts";
import { beginBody, writePacket } from "./body.ts";
import { hasNoProperties, readProperties, writeProperties } from "./properties.ts";
import type { Properties } from "./property-table.ts";
import { checkReasonCode, isReasonCodeOf, type ReasonCode, type Sender } from "./reason-codes.ts";

export interface AuthPacket {
  readonly reasonCode: ReasonCode<"AUTH">;
  readonly properties: Properties<"AUTH">;
}

/**
 * With `sender`, a reason code that side may not send is a PROTOCOL_ERROR. Throws MALFORMED_PACKET; PROTOCOL_ERROR for a
 * reason code that is none of its own, for no method, and as `PropertyCursor` does.
 */
export function decodeAuth(bytes: Buffer, bodyStart: number, packetEnd: number, sender?: Sender): AuthPacket {
  const fields = new FieldReader("AUTH", bytes, bodyStart, packetEnd);
  if (fields.remaining === 0) return { reasonCode: 0, properties: {} };
  const reasonCode = fields.u8("reason code");
  checkReasonCode("AUTH", reasonCode, sender); // [MQTT-3.15.2-1]
  const properties = readProperties("AUTH", fields, sender); // [MQTT-2.2.2-1]
  fields.finish();
  if (properties.authenticationMethod === undefined) {
    throw mqttWireErrors.PROTOCOL_ERROR({ packet: "AUTH", problem: "it has no Authentication Method" });
  }
  return { reasonCode: reasonCode as ReasonCode<"AUTH">, properties };
}

/** Throws NOT_ENCODABLE, also without a method unless the packet is empty. */
export function encodeAuth(writer: ByteWriter, packet: AuthPacket): void {
  const { reasonCode, properties } = packet;
  if (!isReasonCodeOf("AUTH", reasonCode)) throw notEncodable("AUTH", `it cannot have reason code ${reasonCode}`);
  const body = beginBody();
  if (reasonCode !== 0 || !hasNoProperties(properties)) {
    if (properties.authenticationMethod === undefined) throw notEncodable("AUTH", "it has no Authentication Method");
    body.u8(reasonCode);
    writeProperties(body, "AUTH", properties);
  }
  writePacket(writer, "AUTH", 0);
}
