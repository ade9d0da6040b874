/**
 * A message on its way to live subscribers, and what it meets there, whichever protocol it came by. One `Publication`
 * per connection is filled anew for each message: whoever needs it after `onPublication` returns copies what it needs.
 * Hot: no allocation per message.
 */

import type { Durability, DurabilityWaiter, Partition, RecordFields } from "@polylog/log";
import type { Route } from "./router/index.ts";

export type QoS = 0 | 1 | 2;

/** Where a topic's messages go: live subscriptions and the logs that capture it. */
export type MessageRoute = Route<Subscription, Capture>;

/** A log, as the router's captures see it. */
export interface Capture {
  readonly partitions: readonly Partition[];
  /** At which its messages are acknowledged. */
  readonly durability: Durability;
  /** Before a message goes to several: throws what is known to refuse the next one. */
  check?(): void;
  /** Appends a message that was published to a topic. True: acknowledge now; false: `waiter` hears with `token`. */
  appendTopicValue(
    topic: Uint8Array,
    bytes: Uint8Array,
    start: number,
    end: number,
    waiter: DurabilityWaiter | undefined,
    token: number,
  ): boolean;
  /** As `appendTopicValue`, for a record with any of its fields. */
  appendFields(fields: RecordFields, waiter: DurabilityWaiter | undefined, token: number): boolean;
}

export interface Subscriber {
  /**
   * A message for this subscriber. `subscription` is the one that matches, or several that overlap as one, and `qos` the
   * lower of the message's and the granted one. Called in the publisher's turn; it must not throw, wait, or keep
   * `publication`.
   */
  onPublication(publication: Publication, subscription: Subscription, qos: QoS): void;
  /**
   * Throws when it would have to refuse this message, after those that it let pass since `Admission.begin`. Asked before
   * anybody has it, if the broker's `admission` is set; what all let pass follows, in that order and the same turn, by
   * `onPublication`.
   */
  admit?(publication: Publication, subscription: Subscription, qos: QoS): void;
}

export interface Admission {
  /** Subscribers are about to be asked about a message, or about several that are taken or refused together. */
  begin(): void;
}

export interface SubscriptionOptions {
  /** The highest QoS granted. */
  readonly qos: QoS;
  /** The subscriber's own messages are not for it. Default false. */
  readonly noLocal?: boolean;
  /** Messages keep the RETAIN they were published with; otherwise it is 0. Default false. */
  readonly retainAsPublished?: boolean;
  /** Numbers that the subscriber wants to be told with each message. */
  readonly identifiers?: readonly number[];
}

const noIdentifiers: readonly number[] = Object.freeze([]);

interface GrantedOptions {
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[];
  /** With `noLocal`: what is left of an overlap for the subscriber's own messages. */
  readonly local: Subscription | undefined;
}

/** By QoS | 4 No Local | 8 Retain As Published: what most subscriptions share. */
const sharedOptions: readonly GrantedOptions[] = Array.from({ length: 16 }, (_, bits) => ({
  qos: (bits & 3) as QoS,
  noLocal: (bits & 4) !== 0,
  retainAsPublished: (bits & 8) !== 0,
  identifiers: noIdentifiers,
  local: undefined,
}));

function grantedOptions(options: SubscriptionOptions, local: Subscription | undefined): GrantedOptions {
  const { qos, noLocal = false, retainAsPublished = false, identifiers = noIdentifiers } = options;
  if (identifiers.length === 0 && local === undefined)
    return sharedOptions[qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0)]!;
  return { qos, noLocal, retainAsPublished, identifiers, local };
}

/**
 * One filter of one subscriber; or, in a route, all of its filters that match. There may be millions: 48 bytes
 * (`npm run bench -- mqtt --rows=subscriptions`).
 */
export class Subscription {
  readonly subscriber: Subscriber;
  readonly filter: string;
  readonly #options: GrantedOptions;

  constructor(subscriber: Subscriber, filter: string, options: SubscriptionOptions, local?: Subscription) {
    this.subscriber = subscriber;
    this.filter = filter;
    this.#options = grantedOptions(options, local);
  }

  get qos(): QoS {
    return this.#options.qos;
  }

  get noLocal(): boolean {
    return this.#options.noLocal;
  }

  get retainAsPublished(): boolean {
    return this.#options.retainAsPublished;
  }

  get identifiers(): readonly number[] {
    return this.#options.identifiers;
  }

  /** With `noLocal`: what is left of an overlap for the subscriber's own messages. */
  get local(): Subscription | undefined {
    return this.#options.local;
  }
}

/**
 * Overlapping subscriptions of one subscriber as one, so that a message is delivered once: at the highest QoS, with all
 * identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-3], with RETAIN as published if one of them wants it.
 */
export function mergeOverlapping(overlapping: readonly Subscription[]): readonly Subscription[] {
  const first = overlapping[0]!;
  if (overlapping.length === 1) return overlapping;
  const forOwn = overlapping.filter((each) => !each.noLocal);
  const noLocal = forOwn.length < overlapping.length;
  const options = {
    qos: Math.max(...overlapping.map((each) => each.qos)) as QoS,
    noLocal,
    retainAsPublished: overlapping.some((each) => each.retainAsPublished),
    identifiers: overlapping.flatMap((each) => each.identifiers),
  };
  const local = noLocal && forOwn.length > 0 ? mergeOverlapping(forOwn)[0] : undefined;
  return [new Subscription(first.subscriber, first.filter, options, local)];
}

export class Publication {
  /** Topic and receivers. */
  route!: MessageRoute;
  payload: Buffer = noBytes;
  payloadStart = 0;
  payloadEnd = 0;
  qos: QoS = 0;
  retain = false;
  /** When the message is of no use any more, wall-clock ms; 0: never. */
  expiresMs = 0;
  /** Seconds from its arrival until then, as the publisher said; -1: never. Set both or none. */
  expirySeconds = -1;
  /** `properties[propertiesStart, propertiesEnd)`: what a protocol hands on with the message, in its own encoding. */
  properties: Buffer = noBytes;
  propertiesStart = 0;
  propertiesEnd = 0;
  /** What logs that capture the message note with it. */
  headers: RecordFields["headers"] = undefined;
  /** Whose message it is, for subscribers that want none of their own. */
  publisher: object | undefined = undefined;

  /** The bytes it arrived in: `packet[packetStart, packetEnd)`, never changed. A subscriber of the same shape sends them on. */
  packet: Buffer = noBytes;
  packetStart = 0;
  packetEnd = 0;
  /** A number of the protocol server's own for "these bytes, as I encode them"; -1 when there are none. */
  packetShape = -1;

  /**
   * The message as encoded for each shape, so that it is encoded once per shape and not once per subscriber. The index is
   * the protocol server's own shape number; the broker only empties it.
   */
  readonly encodings: (Buffer | undefined)[] = [];

  /**
   * Empties what the last message left: call it before filling in the next. Payload, QoS, RETAIN and publisher must be set
   * for each message.
   */
  begin(route: MessageRoute): void {
    this.route = route;
    this.packetShape = -1;
    this.expiresMs = 0;
    this.expirySeconds = -1;
    this.propertiesStart = this.propertiesEnd = 0;
    this.headers = undefined;
    if (this.encodings.length > 0) this.encodings.length = 0;
  }
}

const noBytes = Buffer.alloc(0);
