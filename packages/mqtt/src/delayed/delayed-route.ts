/**
 * Where a message to `$delayed/<seconds>/<topic>` goes: into the queue of deferred messages, in place of the logs that capture
 * its topic. To the rest of the publish path it looks like any route of `<topic>`, so access, hooks, back-pressure, QoS 2 and
 * durability are those of a message that is captured.
 *
 * What the message is besides topic and payload is one header of its record, `mqtt`:
 *
 *     u8      version, 1
 *     u8      bits 0-1 QoS, bit 2 RETAIN, bit 3 it has an expiry interval
 *     u32 LE  expiry interval in seconds, counted from its publication
 *     u16 LE  size of the client identifier, then that, in UTF-8
 *     bytes   properties to be handed on, as MQTT 5 encodes them: the rest
 */

import type { Clock } from "@polylog/base/clock";
import type {
  Capture,
  Durability,
  DurabilityWaiter,
  MessageRoute,
  Partition,
  Publication,
  QoS,
  RecordFields,
} from "@polylog/broker";
import type { DeferredQueue } from "@polylog/broker/deferred";
import { delayedSecondsMax } from "../limits.ts";

export const delayedPrefix = "$delayed/";
export const delayedHeader = "mqtt";

const version = 1;
const retainBit = 4;
const expiryBit = 8;
const fixedSize = 8;
const pattern = /^\$delayed\/([0-9]{1,10})\/(.+)$/su;

/** What `delayedHeader` says. */
export interface DelayedNote {
  readonly qos: QoS;
  readonly retain: boolean;
  /** -1: none. */
  readonly expirySeconds: number;
  readonly clientId: string;
  readonly properties: Buffer;
}

export class DelayedRoute implements MessageRoute, Capture {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  /** None of the router's: no other node delivers what goes here. */
  readonly version = -1;
  readonly subscriptions: readonly never[] = [];
  readonly captures: readonly Capture[] = [this];
  readonly partitions: readonly Partition[];
  readonly durability: Durability;
  readonly #seconds: number;
  readonly #queue: DeferredQueue;
  readonly #clock: Clock;

  constructor(topic: string, seconds: number, queue: DeferredQueue, clock: Clock) {
    this.topic = topic;
    this.topicBytes = new Uint8Array(Buffer.from(topic));
    this.partitions = [queue.partition];
    this.durability = queue.durability;
    this.#seconds = seconds;
    this.#queue = queue;
    this.#clock = clock;
  }

  /** Call it on each message for this route before it is published. */
  note(publication: Publication, clientId: string): void {
    publication.headers = [[delayedHeader, encodeNote(publication, clientId)]];
    publication.retain = false; // When it is due, not now.
    publication.expiresMs = 0;
  }

  appendFields(fields: RecordFields, waiter: DurabilityWaiter | undefined, token: number): boolean {
    return this.#queue.append(fields, this.#clock.nowMs() + 1000 * this.#seconds, waiter, token);
  }

  /** A message that was noted has headers, so this is not called. */
  appendTopicValue(): boolean {
    throw new Error("a delayed message was not noted");
  }
}

/** Undefined: the number of seconds or the topic is not valid. */
export function delayedRouteOf(topic: string, queue: DeferredQueue, clock: Clock): DelayedRoute | undefined {
  const [, digits, target] = pattern.exec(topic) ?? [];
  const seconds = Number(digits);
  if (target === undefined || seconds > delayedSecondsMax) return undefined;
  return new DelayedRoute(target, seconds, queue, clock);
}

function encodeNote(publication: Publication, clientId: string): Buffer {
  const { qos, retain, expirySeconds, properties, propertiesStart, propertiesEnd } = publication;
  const idSize = Buffer.byteLength(clientId);
  const bytes = Buffer.alloc(fixedSize + idSize + propertiesEnd - propertiesStart);
  const hasExpiry = expirySeconds >= 0;
  bytes[0] = version;
  bytes[1] = qos | (retain ? retainBit : 0) | (hasExpiry ? expiryBit : 0);
  bytes.writeUInt32LE(hasExpiry ? expirySeconds : 0, 2);
  bytes.writeUInt16LE(idSize, 6);
  bytes.write(clientId, fixedSize, "utf8");
  properties.copy(bytes, fixedSize + idSize, propertiesStart, propertiesEnd);
  return bytes;
}

/** Undefined: it is damaged, or of a later version. The properties are lent. */
export function decodeNote(bytes: Buffer): DelayedNote | undefined {
  if (bytes.length < fixedSize || bytes[0] !== version) return undefined;
  const flags = bytes[1]!;
  const propertiesAt = fixedSize + bytes.readUInt16LE(6);
  if (propertiesAt > bytes.length || (flags & 3) === 3) return undefined;
  return {
    qos: (flags & 3) as QoS,
    retain: (flags & retainBit) !== 0,
    expirySeconds: (flags & expiryBit) === 0 ? -1 : bytes.readUInt32LE(2),
    clientId: bytes.toString("utf8", fixedSize, propertiesAt),
    properties: bytes.subarray(propertiesAt),
  };
}
