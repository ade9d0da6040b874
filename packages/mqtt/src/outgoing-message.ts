/**
 * One message for one receiver, wherever it comes from: the publisher, a queue, the session store, the retained messages.
 * One object is filled again and again; the bytes are lent.
 */

import type { Publication, QoS, RetainedMessage, Subscription } from "@polylog/broker";
import type { Delivery } from "@polylog/broker/sessions";
import { keptShape } from "./packet-shapes.ts";
import type { WaitingMessage } from "./waiting-message.ts";

const noBytes = Buffer.alloc(0);
export const noIdentifiers: readonly number[] = Object.freeze([]);

export class OutgoingMessage {
  qos: QoS = 0;
  dup = false;
  retain = false;
  /** 0 at QoS 0. */
  packetIdentifier = 0;
  topic: Uint8Array = noBytes;
  /** Those to be handed on as they are. */
  properties: Buffer = noBytes;
  propertiesStart = 0;
  propertiesEnd = 0;
  payload: Buffer = noBytes;
  payloadStart = 0;
  payloadEnd = 0;
  /** Wall-clock milliseconds; 0: never. */
  expiresMs = 0;
  identifiers: readonly number[] = noIdentifiers;

  /** Bytes of topic, properties and payload. */
  get size(): number {
    return this.topic.length + this.propertiesEnd - this.propertiesStart + this.payloadEnd - this.payloadStart;
  }

  /** The caller sets `packetIdentifier`. */
  fromPublication(publication: Publication, subscription: Subscription, qos: QoS): this {
    this.qos = qos;
    this.dup = false;
    this.retain = publication.retain && subscription.retainAsPublished; // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    this.packetIdentifier = 0;
    this.topic = publication.route.topicBytes;
    this.properties = publication.properties;
    this.propertiesStart = publication.propertiesStart;
    this.propertiesEnd = publication.propertiesEnd;
    this.payload = publication.payload;
    this.payloadStart = publication.payloadStart;
    this.payloadEnd = publication.payloadEnd;
    this.expiresMs = publication.expiresMs;
    this.identifiers = subscription.identifiers;
    return this;
  }

  fromWaiting(message: WaitingMessage, packetIdentifier: number): this {
    const { bytes, propertiesAt, payloadAt } = message;
    this.qos = message.qos;
    this.dup = false;
    this.retain = message.retain;
    this.packetIdentifier = packetIdentifier;
    this.topic = bytes.subarray(0, propertiesAt);
    this.properties = this.payload = bytes;
    this.propertiesStart = propertiesAt;
    this.propertiesEnd = this.payloadStart = payloadAt;
    this.payloadEnd = bytes.length;
    this.expiresMs = message.expiresMs;
    this.identifiers = message.identifiers;
    return this;
  }

  fromDelivery(delivery: Delivery, retain: boolean, identifiers: readonly number[]): this {
    const { bytes } = delivery;
    this.qos = delivery.qos;
    this.dup = (delivery.repeated || delivery.maybeRepeated) && delivery.qos > 0; // [MQTT-3.3.1-1]
    this.retain = retain;
    this.packetIdentifier = delivery.qos === 0 ? 0 : delivery.packetIdentifier;
    this.topic = bytes.subarray(delivery.topicStart, delivery.topicEnd);
    this.properties = this.payload = bytes;
    this.propertiesStart = delivery.propertiesStart;
    this.propertiesEnd = delivery.propertiesEnd;
    this.payloadStart = delivery.payloadStart;
    this.payloadEnd = delivery.payloadEnd;
    this.expiresMs = delivery.expiresAtMs;
    this.identifiers = identifiers;
    return this;
  }

  /** What a SUBSCRIBE asked for: RETAIN is set [MQTT-3.3.1-8]. */
  fromRetained(message: RetainedMessage, qos: QoS, identifiers: readonly number[]): this {
    this.qos = qos;
    this.dup = false;
    this.retain = true;
    this.packetIdentifier = 0;
    this.topic = Buffer.from(message.topic);
    this.properties = message.properties;
    this.propertiesStart = 0;
    this.propertiesEnd = message.properties.length;
    this.payload = message.payload;
    this.payloadStart = 0;
    this.payloadEnd = message.payload.length;
    this.expiresMs = message.expiresMs;
    this.identifiers = identifiers;
    return this;
  }

  /** A copy of it; with `publication`, one for all who keep the same. */
  keep(publication?: Publication): WaitingMessage {
    const { topic, properties, propertiesStart, propertiesEnd, payload, payloadStart, payloadEnd } = this;
    const propertiesAt = topic.length;
    const payloadAt = propertiesAt + propertiesEnd - propertiesStart;
    let bytes = publication?.encodings[keptShape];
    if (bytes === undefined) {
      bytes = Buffer.allocUnsafeSlow(payloadAt + payloadEnd - payloadStart);
      bytes.set(topic, 0);
      properties.copy(bytes, propertiesAt, propertiesStart, propertiesEnd);
      payload.copy(bytes, payloadAt, payloadStart, payloadEnd);
      if (publication !== undefined) publication.encodings[keptShape] = bytes;
    }
    const { qos, retain, expiresMs, identifiers } = this;
    return { bytes, propertiesAt, payloadAt, qos, retain, expiresMs, identifiers };
  }
}
