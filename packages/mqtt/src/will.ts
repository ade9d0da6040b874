/** What a client wants published if it goes away without a word. */

import { ByteWriter } from "@polylog/base/bytes";
import type { QoS } from "@polylog/broker";
import type { Will as Will3 } from "@polylog/mqtt-wire";
import { FrameReader } from "@polylog/mqtt-wire";
import {
  copyKeptProperties,
  decodeAnyPublish,
  type Properties,
  Publish5View,
  packetCodecs5,
  type Will5,
} from "@polylog/mqtt-wire/mqtt5";

export interface Will {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Seconds between the end of the connection and its publication; 0: at once. */
  readonly delaySeconds: number;
  /** Of the message, from its publication on; -1: never. */
  readonly expirySeconds: number;
  /** Those to be handed on, as MQTT 5 encodes them. */
  readonly properties: Buffer;
  /** Whose message it is, for access; undefined: anonymous. */
  readonly principalName: string | undefined;
}

const noProperties = Buffer.alloc(0);

/** Copies everything: the will outlives the packet it came in. */
export function willOf(packet: Will3 | Will5): Omit<Will, "principalName"> {
  const { topic, qos, retain } = packet;
  const payload = Buffer.from(packet.payload);
  if (!("properties" in packet))
    return { topic, payload, qos, retain, delaySeconds: 0, expirySeconds: -1, properties: noProperties };
  const { willDelayInterval = 0, messageExpiryInterval = -1, ...kept } = packet.properties;
  return {
    topic,
    payload,
    qos,
    retain,
    delaySeconds: willDelayInterval,
    expirySeconds: messageExpiryInterval,
    properties: encodeProperties(kept), // [MQTT-3.1.3-10]
  };
}

/** By way of a PUBLISH, which has the same ones. */
function encodeProperties(properties: Properties<"PUBLISH">): Buffer {
  if (Object.keys(properties).length === 0) return noProperties;
  const writer = new ByteWriter();
  packetCodecs5.PUBLISH.encode(writer, {
    topic: "t",
    payload: noProperties,
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties,
  });
  const reader = new FrameReader(Number.POSITIVE_INFINITY);
  reader.protocolLevel = 5;
  reader.push(writer.take());
  reader.next();
  const view = new Publish5View();
  decodeAnyPublish(view, reader);
  const bytes = Buffer.allocUnsafeSlow(view.keptPropertiesSize);
  copyKeptProperties(view, reader.bytes, bytes, 0);
  return bytes;
}
