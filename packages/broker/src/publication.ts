/**
 * A message on its way to live subscribers, and what it meets there, whichever protocol it came by. One `Publication`
 * per connection is filled anew for each message: whoever needs it after `onPublication` returns copies what it needs.
 * Hot: no allocation per message.
 */

import type { DurabilityWaiter, Partition } from "@polylog/log";
import type { Route } from "./router/index.ts";

export type QoS = 0 | 1 | 2;

/** Where a topic's messages go: live subscriptions and the logs that capture it. */
export type MessageRoute = Route<Subscription, Capture>;

/** A log, as the router's captures see it. */
export interface Capture {
  readonly partitions: readonly Partition[];
  /** Appends a message that was published to a topic. True: acknowledge now; false: `waiter` hears with `token`. */
  appendTopicValue(
    topic: Uint8Array,
    bytes: Uint8Array,
    start: number,
    end: number,
    waiter: DurabilityWaiter | undefined,
    token: number,
  ): boolean;
}

export interface Subscriber {
  /**
   * A message for this subscriber. `subscription` is the first of its subscriptions that match and `qos` the lower of
   * the message's and the highest granted among them. Called in the publisher's turn; it must not throw, wait, or keep
   * `publication`.
   */
  onPublication(publication: Publication, subscription: Subscription, qos: QoS): void;
}

/** One filter of one subscriber. */
export class Subscription {
  readonly subscriber: Subscriber;
  readonly filter: string;
  /** The highest QoS granted. */
  readonly qos: QoS;

  constructor(subscriber: Subscriber, filter: string, qos: QoS) {
    this.subscriber = subscriber;
    this.filter = filter;
    this.qos = qos;
  }
}

export class Publication {
  /** Topic and receivers. */
  route!: MessageRoute;
  payload: Buffer = noBytes;
  payloadStart = 0;
  payloadEnd = 0;
  qos: QoS = 0;
  retain = false;
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

  /** Empties what the last message left: call it before filling in the next. */
  begin(route: MessageRoute): void {
    this.route = route;
    this.packetShape = -1;
    if (this.encodings.length > 0) this.encodings.length = 0;
  }
}

const noBytes = Buffer.alloc(0);
