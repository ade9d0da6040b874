/**
 * A PUBLISH on its way out. For every message there are two shapes, and each is made once, however many receive it:
 *
 *     shape 0   QoS 0, RETAIN 0   the same bytes for everybody: lent, never copied
 *     shape 1   QoS 1, RETAIN 0   the same bytes but for the packet identifier: copied, with the identifier put in;
 *                                 of a large message only the header is copied and the payload is lent
 *
 * Bytes that arrived in one of these shapes are used as they are. MQTT 3.1 and 3.1.1 have the same PUBLISH; MQTT 5 will
 * add shapes of its own. Hot: `publish-path.bench.ts` measures it.
 */

import type { OutputQueue } from "@polylog/base/transport";
import type { Publication, QoS } from "@polylog/broker";
import { publishFlags, publishSize, writePublishHeader } from "@polylog/mqtt-wire";
import { copiedSizeMax } from "./limits.ts";

export const qos0Shape = 0;
export const qos1Shape = 1;

export const publishQos0 = 0x30;
export const publishQos1 = 0x32;
const dupBit = 0x08;

/** Queues the message at QoS 0. */
export function sendQos0(output: OutputQueue, publication: Publication): void {
  if (publication.packetShape === qos0Shape) {
    output.push(publication.packet, publication.packetStart, publication.packetEnd);
    return;
  }
  let encoding = publication.encodings[qos0Shape];
  if (encoding === undefined) {
    encoding = encode(publication, 0);
    publication.encodings[qos0Shape] = encoding;
  }
  output.push(encoding, 0, encoding.length);
}

/** Queues the message at QoS 1 for a receiver that nothing is kept for. */
export function sendQos1(output: OutputQueue, publication: Publication, packetIdentifier: number): void {
  if (publication.packetShape === qos1Shape) {
    const { packet, packetStart, packetEnd } = publication;
    sendIdentified(output, packet, packetStart, packetEnd, publishQos1, packetIdentifier);
    return;
  }
  const message = messageToKeep(publication);
  sendIdentified(output, message, 0, message.length, publishQos1, packetIdentifier);
}

/**
 * The message at QoS 1, to be kept beyond this turn: a buffer of its own, so that it holds nothing else in memory, and
 * shared by all who keep it. Not to be written to.
 */
export function messageToKeep(publication: Publication): Buffer {
  let message = publication.encodings[qos1Shape];
  if (message === undefined) {
    message = encode(publication, 1);
    publication.encodings[qos1Shape] = message;
  }
  return message;
}

/** A kept message; `again`: it was sent before [MQTT-3.3.1-1]. */
export function sendKept(output: OutputQueue, message: Buffer, packetIdentifier: number, again: boolean): void {
  sendIdentified(output, message, 0, message.length, again ? message[0] | dupBit : message[0], packetIdentifier);
}

/** A whole PUBLISH in a buffer of its own; at QoS 1 without a packet identifier yet. */
export function encodeMessage(topic: Uint8Array, payload: Uint8Array, qos: QoS, retain: boolean): Buffer {
  const size = publishSize(topic.length, payload.length, qos);
  const bytes = Buffer.allocUnsafeSlow(size);
  const payloadAt = writePublishHeader(bytes, 0, publishFlags(qos, retain, false), topic, 0, payload.length);
  bytes.set(payload, payloadAt);
  return bytes;
}

function encode(publication: Publication, qos: QoS): Buffer {
  const { payload, payloadStart, payloadEnd } = publication;
  const topic = publication.route.topicBytes;
  const size = publishSize(topic.length, payloadEnd - payloadStart, qos);
  const bytes = qos === 0 ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size);
  const payloadAt = writePublishHeader(bytes, 0, publishFlags(qos, false, false), topic, 0, payloadEnd - payloadStart);
  payload.copy(bytes, payloadAt, payloadStart, payloadEnd);
  return bytes;
}

/** `bytes[start, end)` is a PUBLISH of QoS 1: sent with another first byte and packet identifier. */
function sendIdentified(
  output: OutputQueue,
  bytes: Buffer,
  start: number,
  end: number,
  firstByte: number,
  packetIdentifier: number,
): void {
  let at = start + 1;
  while (bytes[at] > 127) at++;
  const identifierAt = at + 3 + ((bytes[at + 1] << 8) | bytes[at + 2]);
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
