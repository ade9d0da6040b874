/**
 * SUBSCRIBE of MQTT 5: a client asks for the messages whose topics match.
 *
 *     u16         packet identifier
 *     properties
 *     string      topic filter                                                       \  one or more pairs
 *     u8          reserved (2 bits), retain handling (2), retain as published,        |
 *                 no local, maximum QoS (2)                                          /
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "../errors.ts";
import { FieldReader } from "../field-reader.ts";
import { checkPacketIdentifier, notEncodable } from "../field-writer.ts";
import type { QoS } from "../packet-type.ts";
import type { Subscription } from "../packets/subscribe.ts";
import { beginBody, writePacket, writeText } from "./body.ts";
import { readProperties, writeProperties } from "./properties.ts";
import type { Properties } from "./property-table.ts";
import { parseTopicFilter } from "./shared-subscription.ts";

export interface Subscription5 extends Subscription {
  /** Not to the client that published it; never on a shared subscription. [MQTT-3.8.3-3] [MQTT-3.8.3-4] */
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** Retained messages are sent: 0 always, 1 when the subscription is new, 2 never. */
  readonly retainHandling: 0 | 1 | 2;
}

export interface Subscribe5Packet {
  /** 1..65535. */
  readonly packetIdentifier: number;
  /** At most one of `subscriptionIdentifiers`. */
  readonly properties: Properties<"SUBSCRIBE">;
  /** At least one; how many more is limited by the packet's size only. */
  readonly subscriptions: readonly Subscription5[];
}

const noLocalBit = 0x04;
const retainAsPublishedBit = 0x08;
const retainHandlingShift = 4;
const reservedBits = 0xc0;

/**
 * Throws MALFORMED_PACKET; TOPIC_FILTER_INVALID; PROTOCOL_ERROR for identifier 0, no topic filter, QoS 3, retain handling
 * 3, No Local on a shared subscription, and as `PropertyCursor` does.
 */
export function decodeSubscribe5(bytes: Buffer, bodyStart: number, packetEnd: number): Subscribe5Packet {
  const fields = new FieldReader("SUBSCRIBE", bytes, bodyStart, packetEnd);
  const packetIdentifier = fields.packetIdentifier(); // [MQTT-2.2.1-3]
  const properties = readProperties("SUBSCRIBE", fields);
  if (fields.remaining === 0) throw protocolError("it has no topic filter"); // [MQTT-3.8.3-2]
  const subscriptions: Subscription5[] = [];
  while (fields.remaining > 0) {
    const topicFilter = fields.topicFilter(); // [MQTT-3.8.3-1]
    const parsed = parseTopicFilter(topicFilter);
    if (parsed === undefined) throw invalidShare("SUBSCRIBE"); // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
    const options = decodeOptions(fields);
    if (options.noLocal && parsed.shareName !== undefined) {
      throw protocolError("it asks for No Local on a shared subscription"); // [MQTT-3.8.3-4]
    }
    subscriptions.push({ topicFilter, ...options });
  }
  return { packetIdentifier, properties, subscriptions };
}

function decodeOptions(fields: FieldReader): Omit<Subscription5, "topicFilter"> {
  const options = fields.u8("subscription options");
  const qos = options & 3;
  const retainHandling = (options >> retainHandlingShift) & 3;
  if ((options & reservedBits) !== 0) throw fields.malformed("a reserved bit of its subscription options is set"); // [MQTT-3.8.3-5]
  if (qos === 3) throw protocolError("its maximum QoS is 3");
  if (retainHandling === 3) throw protocolError("its retain handling is 3");
  return {
    qos: qos as QoS,
    noLocal: (options & noLocalBit) !== 0,
    retainAsPublished: (options & retainAsPublishedBit) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}

/** The error for `$share` without a valid name or filter. */
export function invalidShare(packet: "SUBSCRIBE" | "UNSUBSCRIBE"): Error {
  const problem = "$share is not followed by a name and a filter";
  return mqttWireErrors.TOPIC_FILTER_INVALID({ packet, problem });
}

function protocolError(problem: string): Error {
  return mqttWireErrors.PROTOCOL_ERROR({ packet: "SUBSCRIBE", problem });
}

/** Throws NOT_ENCODABLE. */
export function encodeSubscribe5(writer: ByteWriter, packet: Subscribe5Packet): void {
  checkPacketIdentifier("SUBSCRIBE", packet.packetIdentifier);
  if (packet.subscriptions.length === 0) throw notEncodable("SUBSCRIBE", "it has no topic filter"); // [MQTT-3.8.3-2]
  const body = beginBody();
  body.u16be(packet.packetIdentifier);
  writeProperties(body, "SUBSCRIBE", packet.properties);
  for (const subscription of packet.subscriptions) {
    const { topicFilter, qos, noLocal, retainAsPublished, retainHandling } = subscription;
    const parsed = parseTopicFilter(topicFilter);
    if (parsed === undefined) throw notEncodable("SUBSCRIBE", "a topic filter is not valid");
    if (noLocal && parsed.shareName !== undefined) {
      throw notEncodable("SUBSCRIBE", "it asks for No Local on a shared subscription"); // [MQTT-3.8.3-4]
    }
    writeText(body, "SUBSCRIBE", "topic filter", topicFilter);
    const flags = (noLocal ? noLocalBit : 0) | (retainAsPublished ? retainAsPublishedBit : 0);
    body.u8(qos | flags | (retainHandling << retainHandlingShift));
  }
  writePacket(writer, "SUBSCRIBE", 0b0010);
}
