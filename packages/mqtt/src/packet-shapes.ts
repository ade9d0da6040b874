/**
 * A PUBLISH on its way out to many. For every message there are a few shapes, and each is made once, however many receive it:
 *
 *     level 3, 4   QoS 0 | QoS 0 with RETAIN | QoS 1 and 2
 *     level 5      QoS 0 | QoS 0 with RETAIN | QoS 1 and 2       with properties and expiry, without Topic Alias and
 *                                                                Subscription Identifiers, which belong to one receiver
 *     kept         topic, properties and payload, for a queue in memory
 *
 * At QoS 0 the bytes are the same for everybody: lent, never copied. At QoS 1 and 2 they are the same but for the first
 * byte and the packet identifier: copied with these put in; of a large message only the header is copied and the payload
 * is lent. Bytes that arrived in one of these shapes are used as they are. What one receiver gets alone is written by
 * `outlet.ts`. Hot: `publish-path.bench.ts` measures it.
 */

import type { OutputQueue } from "@polylog/base/transport";
import type { Publication, QoS } from "@polylog/broker";
import { publishFlags, publishSize, writePublishHeader } from "@polylog/mqtt-wire";
import { messageExpirySize, publish5Size, writeMessageExpiry, writePublish5Header } from "@polylog/mqtt-wire/mqtt5";
import { copiedSizeMax } from "./limits.ts";

/** Shape of a PUBLISH at QoS 0 without RETAIN at levels 3 and 4. The others are at fixed distances from it. */
export const qos0Shape = 0;
const retainedQos0Shape = 1;
const identifiedShape = 2;
/** What level 5 adds to a shape. */
const level5Shapes = 3;
export const keptShape = 6;

/** The shape of these bytes as they arrived. */
export function shapeOf(isLevel5: boolean, qos: QoS, retain: boolean): number {
  const shape = qos > 0 ? identifiedShape : retain ? retainedQos0Shape : qos0Shape;
  return isLevel5 ? shape + level5Shapes : shape;
}

/** Queues the message at QoS 0. */
export function sendQos0(output: OutputQueue, publication: Publication, isLevel5: boolean, retain: boolean): void {
  const shape = shapeOf(isLevel5, 0, retain);
  if (publication.packetShape === shape) {
    output.push(publication.packet, publication.packetStart, publication.packetEnd);
    return;
  }
  const encoding = publication.encodings[shape] ?? encode(publication, shape, isLevel5, 0, retain);
  output.push(encoding, 0, encoding.length);
}

/** Queues the message at QoS 1 or 2. */
export function sendIdentified(
  output: OutputQueue,
  publication: Publication,
  isLevel5: boolean,
  qos: QoS,
  retain: boolean,
  packetIdentifier: number,
): void {
  const firstByte = 0x30 | (qos << 1) | (retain ? 1 : 0);
  const shape = isLevel5 ? identifiedShape + level5Shapes : identifiedShape;
  if (publication.packetShape === shape) {
    const { packet, packetStart, packetEnd } = publication;
    copyIdentified(output, packet, packetStart, packetEnd, firstByte, packetIdentifier);
    return;
  }
  const encoding = publication.encodings[shape] ?? encode(publication, shape, isLevel5, 1, false);
  copyIdentified(output, encoding, 0, encoding.length, firstByte, packetIdentifier);
}

/** Seconds that are left to a message, to be sent: never more than it came with [MQTT-3.3.2-6]. */
export function secondsLeft(expiresMs: number, nowMs: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.ceil((expiresMs - nowMs) / 1000)));
}

function encode(publication: Publication, shape: number, isLevel5: boolean, qos: QoS, retain: boolean): Buffer {
  const { payload, payloadStart, payloadEnd } = publication;
  const topic = publication.route.topicBytes;
  const flags = publishFlags(qos, retain, false);
  const payloadSize = payloadEnd - payloadStart;
  let bytes: Buffer;
  let at: number;
  if (isLevel5) {
    const { properties, propertiesStart, propertiesEnd, expirySeconds } = publication;
    const hasExpiry = expirySeconds >= 0;
    const propertiesSize = propertiesEnd - propertiesStart + (hasExpiry ? messageExpirySize : 0);
    bytes = Buffer.allocUnsafe(publish5Size(topic.length, propertiesSize, payloadSize, qos));
    at = writePublish5Header(bytes, 0, flags, topic, 0, propertiesSize, payloadSize);
    if (hasExpiry) at = writeMessageExpiry(bytes, at, expirySeconds);
    if (propertiesEnd > propertiesStart) at += properties.copy(bytes, at, propertiesStart, propertiesEnd);
  } else {
    bytes = Buffer.allocUnsafe(publishSize(topic.length, payloadSize, qos));
    at = writePublishHeader(bytes, 0, flags, topic, 0, payloadSize);
  }
  payload.copy(bytes, at, payloadStart, payloadEnd);
  publication.encodings[shape] = bytes;
  return bytes;
}

/** `bytes[start, end)` is a PUBLISH of QoS 1 or 2: sent with another first byte and packet identifier. */
function copyIdentified(
  output: OutputQueue,
  bytes: Buffer,
  start: number,
  end: number,
  firstByte: number,
  packetIdentifier: number,
): void {
  let at = start + 1;
  while (bytes[at]! > 127) at++;
  const identifierAt = at + 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!);
  const copyEnd = end - start <= copiedSizeMax ? end : identifierAt + 2;
  const size = copyEnd - start;
  const room = output.reserve(size);
  const roomStart = output.reservedStart;
  bytes.copy(room, roomStart, start, copyEnd);
  room[roomStart] = firstByte;
  const identifierTo = roomStart + identifierAt - start;
  room[identifierTo] = packetIdentifier >>> 8;
  room[identifierTo + 1] = packetIdentifier;
  output.commit(size);
  if (copyEnd < end) output.push(bytes, copyEnd, end);
}
