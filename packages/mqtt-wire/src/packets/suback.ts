/**
 * SUBACK: the answer to SUBSCRIBE, one return code per topic filter in the same order. [MQTT-3.9.3-1]
 *
 *     +------+------------------+-------------------+ +-------------+
 *     | 0x90 | remaining length | packet identifier | | return code |  one or more
 *     +------+------------------+-------------------+ +-------------+
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { FieldReader } from "../field-reader.ts";
import { checkPacketIdentifier, notEncodable, writeFixedHeader } from "../field-writer.ts";
import type { QoS } from "../packet-type.ts";

/** The return code of a refused topic filter. MQTT 3.1 does not know it. */
export const subscribeFailure = 0x80;

/** The granted QoS, or `subscribeFailure`. */
export type SubscribeReturnCode = QoS | typeof subscribeFailure;

export interface SubackPacket {
  /** 1..65535: that of the SUBSCRIBE. [MQTT-2.3.1-7] */
  readonly packetIdentifier: number;
  /** At least one. */
  readonly returnCodes: readonly SubscribeReturnCode[];
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for identifier 0. */
export function decodeSuback(bytes: Buffer, bodyStart: number, packetEnd: number): SubackPacket {
  const fields = new FieldReader("SUBACK", bytes, bodyStart, packetEnd);
  const packetIdentifier = fields.packetIdentifier();
  if (fields.remaining === 0) throw fields.malformed("it has no return code"); // [MQTT-3.8.4-5]
  const returnCodes: SubscribeReturnCode[] = [];
  while (fields.remaining > 0) {
    const returnCode = fields.u8("return code");
    if (!isReturnCode(returnCode)) throw fields.malformed(`return code ${returnCode} is reserved`); // [MQTT-3.9.3-2]
    returnCodes.push(returnCode);
  }
  return { packetIdentifier, returnCodes };
}

export function encodeSuback(writer: ByteWriter, packet: SubackPacket): void {
  checkPacketIdentifier("SUBACK", packet.packetIdentifier);
  if (packet.returnCodes.length === 0) throw notEncodable("SUBACK", "it has no return code"); // [MQTT-3.8.4-5]
  writeFixedHeader(writer, "SUBACK", 0, 2 + packet.returnCodes.length);
  writer.u16be(packet.packetIdentifier);
  for (const returnCode of packet.returnCodes) writer.u8(returnCode);
}

function isReturnCode(value: number): value is SubscribeReturnCode {
  return value <= 2 || value === subscribeFailure;
}
