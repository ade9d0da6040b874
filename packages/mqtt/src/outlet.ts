/**
 * The way out to one connected client: its version, and what it can take. Most messages are sent as all receivers of a
 * shape get them (`packet-shapes.ts`); a client with a Maximum Packet Size, with topic aliases, or whose subscription has
 * an identifier gets its own encoding.
 *
 * Topic aliases are given to the first topics that come, and last as long as the connection [MQTT-3.3.2-7]. Hot: the two
 * methods that take a publication; `publish-path.bench.ts` measures them.
 */

import type { Clock } from "@polylog/base/clock";
import type { Counter } from "@polylog/base/telemetry";
import type { OutputQueue } from "@polylog/base/transport";
import type { Publication, QoS, Subscription } from "@polylog/broker";
import { packetTypes, publishFlags, publishSize, writePublishHeader } from "@polylog/mqtt-wire";
import {
  messageExpirySize,
  publish5Size,
  subscriptionIdentifierSize,
  topicAliasSize,
  writeMessageExpiry,
  writePublish5Header,
  writeSubscriptionIdentifier,
  writeTopicAlias,
} from "@polylog/mqtt-wire/mqtt5";
import { aliasedTopicSizeMin, copiedSizeMax } from "./limits.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import { secondsLeft, sendIdentified, sendQos0, shapeOf } from "./packet-shapes.ts";

export interface OutletOptions {
  readonly output: OutputQueue;
  readonly clock: Clock;
  readonly metrics: MqttMetrics;
  readonly isLevel5: boolean;
  /** Largest packet the client takes, in bytes; Infinity: any. */
  readonly packetSizeMax: number;
  /** Aliases the client takes; 0: none [MQTT-3.1.2-27]. */
  readonly topicAliasMax: number;
  /** Messages of QoS 1 and 2 that may be in flight to it [MQTT-3.3.4-9]. */
  readonly windowMax: number;
}

const noTopic = Buffer.alloc(0);
const message = new OutgoingMessage();

export class Outlet {
  readonly output: OutputQueue;
  readonly isLevel5: boolean;
  readonly windowMax: number;
  readonly #clock: Clock;
  readonly #metrics: MqttMetrics;
  readonly #packetSizeMax: number;
  readonly #topicAliasMax: number;
  /** Everybody's encodings will do. */
  readonly #isPlain: boolean;
  /** Packets of this shape are sent on as they came; -2: none are. */
  readonly #lentShape: number;
  readonly #sent: Counter;
  #aliases: Map<string, number> | undefined;
  /** PUBLISH packets sent through it. */
  sentCount = 0;

  constructor(options: OutletOptions) {
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#packetSizeMax = options.packetSizeMax;
    this.#topicAliasMax = options.topicAliasMax;
    this.output = options.output;
    this.isLevel5 = options.isLevel5;
    this.windowMax = options.windowMax;
    this.#isPlain = options.packetSizeMax === Number.POSITIVE_INFINITY && options.topicAliasMax === 0;
    this.#lentShape = this.#isPlain ? shapeOf(options.isLevel5, 0, false) : -2;
    this.#sent = options.metrics.sent[packetTypes.PUBLISH];
  }

  /** Sends a message that has just come at QoS 0. */
  sendQos0(publication: Publication, subscription: Subscription): void {
    if (publication.packetShape === this.#lentShape && (!this.isLevel5 || subscription.identifiers.length === 0)) {
      this.output.push(publication.packet, publication.packetStart, publication.packetEnd);
      this.#sent.value++;
      this.sentCount++;
    } else if (this.#isPlain && (subscription.identifiers.length === 0 || !this.isLevel5)) {
      sendQos0(this.output, publication, this.isLevel5, publication.retain && subscription.retainAsPublished);
      this.#sent.value++;
      this.sentCount++;
    } else this.send(message.fromPublication(publication, subscription, 0));
  }

  /** Sends a message that has just come at QoS 1 or 2. False: it is too large for the client, and nothing was sent. */
  sendIdentified(publication: Publication, subscription: Subscription, qos: QoS, packetIdentifier: number): boolean {
    if (this.#isPlain && (subscription.identifiers.length === 0 || !this.isLevel5)) {
      const retain = publication.retain && subscription.retainAsPublished;
      sendIdentified(this.output, publication, this.isLevel5, qos, retain, packetIdentifier);
      this.#sent.value++;
      this.sentCount++;
      return true;
    }
    message.fromPublication(publication, subscription, qos);
    message.packetIdentifier = packetIdentifier;
    return this.send(message);
  }

  /** Sends any message. False: it is too large for the client, was counted, and nothing was sent [MQTT-3.1.2-25]. */
  send(outgoing: OutgoingMessage): boolean {
    const isSent = this.isLevel5 ? this.#send5(outgoing) : this.#send3(outgoing);
    if (isSent) {
      this.#sent.value++;
      this.sentCount++;
    } else this.#metrics.droppedTooLarge.value++;
    return isSent;
  }

  #send3(outgoing: OutgoingMessage): boolean {
    const { topic, qos, packetIdentifier } = outgoing;
    const payloadSize = outgoing.payloadEnd - outgoing.payloadStart;
    const headSize = publishSize(topic.length, payloadSize, qos) - payloadSize;
    const { output } = this;
    const room = output.reserve(payloadSize <= copiedSizeMax ? headSize + payloadSize : headSize);
    const flags = publishFlags(qos, outgoing.retain, outgoing.dup);
    const at = writePublishHeader(room, output.reservedStart, flags, topic, packetIdentifier, payloadSize);
    this.#finish(outgoing, room, at);
    return true;
  }

  #send5(outgoing: OutgoingMessage): boolean {
    const { qos, identifiers, expiresMs, properties, propertiesStart, propertiesEnd } = outgoing;
    const payloadSize = outgoing.payloadEnd - outgoing.payloadStart;
    let propertiesSize = propertiesEnd - propertiesStart;
    if (expiresMs !== 0) propertiesSize += messageExpirySize;
    for (let i = 0; i < identifiers.length; i++) propertiesSize += subscriptionIdentifierSize(identifiers[i]);
    const alias = this.#aliasOf(outgoing.topic);
    const topic = alias < 0 ? noTopic : outgoing.topic;
    if (alias !== 0) propertiesSize += topicAliasSize;
    const size = publish5Size(topic.length, propertiesSize, payloadSize, qos);
    if (size > this.#packetSizeMax) return false; // [MQTT-3.1.2-24]
    if (alias > 0) this.#noteAlias(outgoing.topic, alias);
    const { output } = this;
    const room = output.reserve(payloadSize <= copiedSizeMax ? size : size - payloadSize);
    const flags = publishFlags(qos, outgoing.retain, outgoing.dup);
    const { packetIdentifier } = outgoing;
    const start = output.reservedStart;
    let at = writePublish5Header(room, start, flags, topic, packetIdentifier, propertiesSize, payloadSize);
    if (expiresMs !== 0) at = writeMessageExpiry(room, at, secondsLeft(expiresMs, this.#clock.nowMs()));
    if (alias !== 0) at = writeTopicAlias(room, at, Math.abs(alias));
    for (let i = 0; i < identifiers.length; i++) at = writeSubscriptionIdentifier(room, at, identifiers[i]); // [MQTT-3.3.4-3]
    if (propertiesEnd > propertiesStart) at += properties.copy(room, at, propertiesStart, propertiesEnd);
    this.#finish(outgoing, room, at);
    return true;
  }

  /** The head stands in `room` up to `at`; adds the payload, copied or lent. */
  #finish({ payload, payloadStart, payloadEnd }: OutgoingMessage, room: Buffer, at: number): void {
    const { output } = this;
    const payloadSize = payloadEnd - payloadStart;
    if (payloadSize <= copiedSizeMax) {
      payload.copy(room, at, payloadStart, payloadEnd);
      output.commit(at + payloadSize - output.reservedStart);
    } else {
      output.commit(at - output.reservedStart);
      output.push(payload, payloadStart, payloadEnd);
    }
  }

  /** 0: none; above 0: a new one, to be sent with the topic; below 0: the client knows it, negated. [MQTT-3.1.2-26] */
  #aliasOf(topic: Uint8Array): number {
    const topicAliasMax = this.#topicAliasMax;
    if (topicAliasMax === 0 || topic.length < aliasedTopicSizeMin) return 0;
    const known = this.#aliases?.get(aliasKey(topic));
    if (known !== undefined) return -known;
    const count = this.#aliases?.size ?? 0;
    return count < topicAliasMax ? count + 1 : 0;
  }

  #noteAlias(topic: Uint8Array, alias: number): void {
    this.#aliases ??= new Map();
    this.#aliases.set(aliasKey(topic), alias);
  }
}

function aliasKey(topic: Uint8Array): string {
  return Buffer.from(topic.buffer, topic.byteOffset, topic.byteLength).toString("latin1");
}
