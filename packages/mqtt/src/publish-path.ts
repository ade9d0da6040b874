/**
 * A PUBLISH from a client, and a will, on its way into the broker.
 *
 *     packet ─▶ topic, by name or alias ─▶ seen before (QoS 2)? ─▶ logs have room? ─▶ may it? ─▶ broker.publish
 *                                                                   │ no: stop reading, try again when drained
 *            ─▶ sessions that outlive their connection ─▶ PUBACK or PUBREC, now or when all of it is stored
 *
 * Hot: no object, closure or string per message for a topic seen before; `publish-path.bench.ts` measures it. One view
 * and one `Publication` serve all connections, because nobody keeps them beyond the call.
 */

import { bytesEqual } from "@polylog/base/bytes";
import type { Clock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import {
  type Broker,
  type Capture,
  type MessageRoute,
  type Partition,
  type Principal,
  Publication,
} from "@polylog/broker";
import type { DeferredQueue } from "@polylog/broker/deferred";
import type { SessionStore, StoredSession } from "@polylog/broker/sessions";
import { checkTopicName, encodedLengthOfRemainingLength, type FrameReader } from "@polylog/mqtt-wire";
import {
  checkClientPublish,
  copyKeptProperties,
  decodeAnyPublish,
  messageExpirySeconds,
  Publish5View,
} from "@polylog/mqtt-wire/mqtt5";
import { type AckRing, ackKinds, refusalCodeOf } from "./ack-ring.ts";
import { DelayedRoute, delayedPrefix, delayedRouteOf } from "./delayed/delayed-route.ts";
import { mqttErrors } from "./errors.ts";
import type { IncomingAliases } from "./incoming-aliases.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import { qos0Shape, shapeOf } from "./packet-shapes.ts";
import type { QueueWriter } from "./queue-writer.ts";
import { notePropertiesForLogs } from "./replay/captured-properties.ts";
import type { Session } from "./session.ts";
import type { TopicRewrites } from "./topic-rewrites.ts";
import type { Will } from "./will.ts";

/** What a client needs in order to publish. */
export interface Publisher {
  readonly reader: FrameReader;
  readonly acks: AckRing;
  readonly session: Session;
  readonly principal: Principal;
  readonly clientId: string;
  readonly isLevel5: boolean;
  readonly aliases: IncomingAliases;
  /** Undefined: its topics stay as they are. */
  readonly rewrites: TopicRewrites | undefined;
  /** Messages of QoS 1 and 2 it may have begun and not finished. */
  readonly receiveMax: number;
  /**
   * Reads no further until the log has room, then handles the same packet again. False: no room will come; the log then
   * says why when it is written to.
   */
  waitForRoom(partition: Partition): boolean;
}

export interface PublishPathOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: MqttMetrics;
  readonly writer: QueueWriter;
  readonly store: SessionStore;
  /** The log that `store` writes, if it does. */
  readonly sessionLog: Partition | undefined;
  /** Keeps messages to `$delayed/`; without it they are refused. */
  readonly deferred: DeferredQueue | undefined;
}

const dollar = 0x24;
const reasons = { success: 0, noSubscribers: 0x10, notAuthorized: 0x87, topicNameInvalid: 0x90 } as const;

export class PublishPath {
  readonly #broker: Broker;
  readonly #options: PublishPathOptions;
  readonly #logger: Logger;
  readonly #metrics: MqttMetrics;
  readonly #writer: QueueWriter;
  readonly #sessionLog: Partition | undefined;
  readonly #view = new Publish5View();
  readonly #publication = new Publication();
  #lastRoute: MessageRoute | undefined;
  /** The packet that was read last names another topic than it is published to. */
  #isRewritten = false;
  /** By session, numbers of messages from before the start that were captured again. */
  readonly #capturedAgain = new WeakMap<StoredSession, Set<number>>();

  constructor(options: PublishPathOptions) {
    this.#options = options;
    this.#broker = options.broker;
    this.#logger = options.logger;
    this.#metrics = options.metrics;
    this.#writer = options.writer;
    this.#sessionLog = options.sessionLog;
  }

  /** Publishes the PUBLISH `publisher.reader` stands on. Throws what the client is to be disconnected for. */
  receive(publisher: Publisher): void {
    const view = this.#view;
    decodeAnyPublish(view, publisher.reader);
    this.#isRewritten = false;
    let route: MessageRoute;
    if (view.topicAlias === 0) {
      if (view.subscriptionIdentifierCount > 0) checkClientPublish(view); // [MQTT-3.3.4-6]
      route = this.#namedRoute(publisher);
    } else route = this.#aliasedRoute(publisher);
    if (route.topic.charCodeAt(0) === dollar) route = this.#delayedRoute(route);
    if (view.qos === 2 && publisher.session.isReceived(view.packetIdentifier)) {
      this.#receiveAgain(publisher, route);
      return;
    }
    if (route.captures.length > 0 || (view.qos > 0 && this.#sessionLog !== undefined)) {
      const partition = this.#saturated(route.captures, view.qos);
      if (partition !== undefined && publisher.waitForRoom(partition)) return;
    }
    if (view.qos > 0 && publisher.acks.receivedCount >= publisher.receiveMax)
      throw mqttErrors.RECEIVE_MAXIMUM_EXCEEDED({ max: publisher.receiveMax }); // [MQTT-3.3.4-7]
    const refusal = this.#refusalOf(publisher.principal, publisher.clientId, route);
    if (refusal !== 0) {
      // Below MQTT 5 there is no other answer than a good one [MQTT-3.3.5-2].
      if (view.qos > 0) this.#answer(publisher, refusal);
      return;
    }
    this.#fill(route, publisher);
    const { hooks } = this.#broker;
    if (hooks?.onPublish?.(this.#publication, publisher.principal) === false) {
      if (view.qos > 0) this.#answer(publisher, reasons.success);
      return;
    }
    if (route instanceof DelayedRoute) route.note(this.#publication, publisher.clientId);
    if (view.qos > 0) this.#publish(publisher);
    else this.#publishQos0(publisher);
  }

  #namedRoute({ reader: { bytes }, rewrites }: Publisher): MessageRoute {
    const { topicStart, topicEnd } = this.#view;
    const topic = rewrites?.topicOf(bytes, topicStart, topicEnd);
    if (topic === undefined) return this.#routeOf(bytes, topicStart, topicEnd);
    this.#isRewritten = true;
    return this.#routeOf(topic, 0, topic.length);
  }

  /** Messages that arrive together are often for one topic: comparing with the last one is half the price of a look-up. */
  #routeOf(bytes: Uint8Array, start: number, end: number): MessageRoute {
    const { router } = this.#broker;
    const last = this.#lastRoute;
    if (
      last !== undefined &&
      last.version === router.version &&
      last.topicBytes.length === end - start &&
      bytesEqual(bytes, start, end, last.topicBytes, 0)
    )
      return last;
    let route = router.lookup(bytes, start, end);
    if (route === undefined) {
      checkTopicName(bytes as Buffer, start, end); // [MQTT-3.3.2-2]
      route = router.resolve(bytes, start, end);
    }
    this.#lastRoute = route;
    return route;
  }

  /** A route of the topic behind `$delayed/<seconds>/`; the same one when that is not what it is, or not valid. */
  #delayedRoute(route: MessageRoute): MessageRoute {
    const { deferred, clock } = this.#options;
    if (deferred === undefined || !route.topic.startsWith(delayedPrefix)) return route;
    return delayedRouteOf(route.topic, deferred, clock) ?? route;
  }

  /** The alias is set before anything may be refused: the client counts on it. */
  #aliasedRoute(publisher: Publisher): MessageRoute {
    const { aliases } = publisher;
    const view = this.#view;
    const { topicAlias, topicStart, topicEnd } = view;
    if (view.subscriptionIdentifierCount > 0) checkClientPublish(view);
    if (topicStart === topicEnd) {
      const topic = aliases.get(topicAlias);
      return this.#routeOf(topic, 0, topic.length);
    }
    const route = this.#namedRoute(publisher);
    aliases.set(topicAlias, route.topicBytes);
    return route;
  }

  /**
   * A message of QoS 2 that is there already is answered again and not published [MQTT-4.3.3-10]. Its first PUBLISH may
   * still wait to be stored, and who sent it may have lost that connection: the answer waits for everything it may be in.
   */
  #receiveAgain(publisher: Publisher, route: MessageRoute): void {
    const { session, acks } = publisher;
    const { packetIdentifier } = this.#view;
    const { captures } = route;
    if (captures.length > 0 && this.#mayBeUncaptured(session, packetIdentifier)) {
      const partition = this.#saturated(captures, 0);
      if (partition !== undefined && publisher.waitForRoom(partition)) return;
      this.#captureAgain(publisher, route);
    }
    const token = acks.add(ackKinds.pubrec, packetIdentifier);
    for (const { durability, partitions } of captures) {
      if (durability === "memory") continue;
      for (const partition of partitions) {
        acks.hold(token);
        partition.whenDurable(partition.nextOffset, durability, acks, token);
      }
    }
    if (session.stored === undefined || this.#options.store.wait(acks, token)) acks.complete(token);
  }

  /**
   * The process that took the message first has ended, perhaps after the sessions' log was written and before the logs
   * that capture the topic were. Nobody had its PUBREC then, so it is captured now: twice rather than never.
   */
  #mayBeUncaptured({ stored }: Session, packetIdentifier: number): boolean {
    const number = stored?.inboundNumber(packetIdentifier);
    if (stored === undefined || number === undefined || number >= stored.inboundBefore) return false;
    return this.#capturedAgain.get(stored)?.has(number) !== true;
  }

  #captureAgain(publisher: Publisher, route: MessageRoute): void {
    const stored = publisher.session.stored!;
    this.#fill(route, publisher);
    if (route instanceof DelayedRoute) route.note(this.#publication, publisher.clientId);
    try {
      this.#broker.capture(this.#publication);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      throw mqttErrors.MESSAGE_NOT_STORED({ reason: error.message }, error); // The client sends it again.
    }
    const numbers = this.#capturedAgain.get(stored) ?? new Set<number>();
    this.#capturedAgain.set(stored, numbers.add(stored.inboundNumber(this.#view.packetIdentifier)!));
  }

  #answer({ acks }: Publisher, reasonCode: number): void {
    const { qos, packetIdentifier } = this.#view;
    acks.receivedCount++;
    acks.answer(qos === 1 ? ackKinds.puback : ackKinds.pubrec, packetIdentifier, reasonCode);
  }

  /** The first log that would refuse a record now. */
  #saturated(captures: readonly Capture[], qos: number): Partition | undefined {
    const sessionLog = this.#sessionLog;
    if (qos > 0 && sessionLog?.saturated === true) return sessionLog;
    for (let i = 0; i < captures.length; i++) {
      const { partitions } = captures[i];
      for (let p = 0; p < partitions.length; p++) if (partitions[p].saturated) return partitions[p];
    }
    return undefined;
  }

  #fill(route: MessageRoute, { reader, session, isLevel5 }: Publisher): void {
    const view = this.#view;
    const publication = this.#publication;
    publication.begin(route);
    publication.payload = reader.bytes;
    publication.payloadStart = view.payloadStart;
    publication.payloadEnd = view.payloadEnd;
    publication.qos = view.qos;
    publication.retain = view.retain === 1;
    publication.publisher = session;
    publication.packet = reader.bytes;
    publication.packetStart = reader.packetStart;
    publication.packetEnd = reader.packetEnd;
    if (isLevel5) {
      if (view.propertiesEnd > view.propertiesStart) {
        this.#fillProperties(reader.bytes);
        notePropertiesForLogs(publication);
      }
      if (view.topicAlias === 0 && !this.#isRewritten)
        publication.packetShape = shapeOf(true, view.qos, publication.retain);
      return;
    }
    if (this.#isRewritten) return;
    // A length written longer than needed is legal here, and not to be handed on.
    const lengthSize = reader.bodyStart - reader.packetStart - 1;
    if (lengthSize > 1 && lengthSize !== encodedLengthOfRemainingLength(reader.packetEnd - reader.bodyStart)) return;
    publication.packetShape =
      view.qos === 0 && view.retain === 0 ? qos0Shape : shapeOf(false, view.qos, view.retain === 1);
  }

  #fillProperties(bytes: Buffer): void {
    const view = this.#view;
    const publication = this.#publication;
    if (view.messageExpiryAt !== 0) {
      publication.expirySeconds = messageExpirySeconds(bytes, view.messageExpiryAt);
      publication.expiresMs = this.#options.clock.nowMs() + 1000 * publication.expirySeconds;
    }
    if (view.keptPropertiesSize === view.propertiesEnd - view.propertiesStart) {
      publication.properties = bytes;
      publication.propertiesStart = view.propertiesStart;
      publication.propertiesEnd = view.propertiesEnd;
    } else if (view.keptPropertiesSize > 0) {
      publication.properties = Buffer.allocUnsafe(view.keptPropertiesSize);
      publication.propertiesStart = 0;
      publication.propertiesEnd = view.keptPropertiesSize;
      copyKeptProperties(view, bytes, publication.properties, 0);
    }
  }

  /** At QoS 1 and 2. */
  #publish(publisher: Publisher): void {
    const { acks, session } = publisher;
    const { qos, packetIdentifier } = this.#view;
    const publication = this.#publication;
    const hasReceivers = publication.route.subscriptions.length > 0 || publication.route.captures.length > 0;
    const reasonCode = hasReceivers || publication.retain ? reasons.success : reasons.noSubscribers;
    // Added first: an answer may come before `publish` returns. It waits for that one, and for the end of this method.
    const token = acks.add(qos === 1 ? ackKinds.puback : ackKinds.pubrec, packetIdentifier, reasonCode, 2);
    acks.receivedCount++;
    let done = 1;
    try {
      if (this.#broker.publish(publication, acks, token)) done = 2;
    } catch (error) {
      this.#refuse(publisher, token, error, 2);
      return;
    }
    try {
      if (qos === 2 && session.stored !== undefined)
        this.#writer.setPublisher(publication, session.stored, packetIdentifier);
      if (this.#writer.isPending) this.#writer.store(acks, token);
    } catch (error) {
      this.#refuse(publisher, token, error, done);
      return;
    }
    if (qos === 2 && session.stored === undefined) session.noteReceived(packetIdentifier);
    acks.complete(token, done);
  }

  /** MQTT 5 has an answer for it; before, the connection is closed, and the client sends it again. */
  #refuse({ acks, isLevel5 }: Publisher, token: number, error: unknown, done: number): void {
    this.#writer.discard();
    if (!isCodedError(error)) throw error;
    this.#metrics.refusedStorage.value++;
    if (!isLevel5) throw mqttErrors.MESSAGE_NOT_STORED({ reason: error.message }, error);
    acks.refuse(token, refusalCodeOf(error));
    acks.complete(token, done);
  }

  #publishQos0(publisher: Publisher): void {
    const { acks } = publisher;
    // Nobody waits for QoS 0. A retained one is counted while it is being written, so that a flood of them is bounded.
    const token = this.#publication.retain ? acks.add(ackKinds.none, 0) : -1;
    try {
      const isStored = this.#broker.publish(this.#publication, token < 0 ? undefined : acks, token);
      if (isStored && token >= 0) acks.complete(token);
      if (this.#writer.isPending) this.#writer.store(undefined, 0);
    } catch (error) {
      this.#writer.discard();
      if (token >= 0) acks.undo();
      if (!isCodedError(error)) throw error;
      if (this.#metrics.refusedStorage.value++ === 0) {
        const { clientId } = publisher;
        this.#logger.warn("a message of QoS 0 was not stored; further ones are only counted", { clientId, error });
      }
    }
  }

  /** Publishes a will [MQTT-3.1.2-8]. Nobody waits for it; what the broker refuses is logged. */
  publishWill(will: Will, session: Session): void {
    const { clientId } = session;
    const principal = { name: will.principalName, clientId };
    const route = this.#broker.router.resolveName(will.topic);
    if (this.#refusalOf(principal, clientId, route) !== 0) return;
    // Not the shared one: a will may be published while a message is.
    const publication = new Publication();
    publication.begin(route);
    publication.payload = will.payload;
    publication.payloadEnd = will.payload.length;
    publication.qos = will.qos;
    publication.retain = will.retain; // [MQTT-3.1.2-14] [MQTT-3.1.2-15]
    publication.publisher = session;
    publication.properties = will.properties;
    publication.propertiesEnd = will.properties.length;
    notePropertiesForLogs(publication);
    if (will.expirySeconds >= 0) {
      publication.expirySeconds = will.expirySeconds;
      publication.expiresMs = this.#options.clock.nowMs() + 1000 * will.expirySeconds;
    }
    if (this.#broker.hooks?.onPublish?.(publication, principal) === false) return;
    try {
      this.#broker.publish(publication, undefined, 0);
      if (this.#writer.isPending) this.#writer.store(undefined, 0);
      this.#metrics.wills.value++;
    } catch (error) {
      this.#writer.discard();
      this.#logger.error("a will could not be published", { clientId, topic: will.topic, error });
    }
  }

  /** Clients do not publish below `$SYS` or `$share`, and only where they are allowed to. 0: they may. */
  #refusalOf(principal: Principal, clientId: string, route: MessageRoute): number {
    const { topic } = route;
    if (topic.charCodeAt(0) === dollar && isServersOwn(topic)) {
      this.#metrics.refusedTopic.value++;
      this.#logger.debug("a message to a topic of the server's own was ignored", { clientId, topic });
      return topic.startsWith("$SYS") ? reasons.notAuthorized : reasons.topicNameInvalid;
    }
    if (this.#broker.access.allows(principal, "publish", topic)) return 0;
    this.#metrics.refusedAccess.value++;
    this.#logger.debug("a message was ignored because the client may not publish it", { clientId, topic });
    return reasons.notAuthorized;
  }
}

/** Topics that nobody publishes but the server; what may be published to `$delayed/` has another route by then. */
export function isServersOwn(topic: string): boolean {
  const [first] = topic.split("/", 1);
  return first === "$SYS" || first === "$delayed" || first === "$replay" || topic.startsWith("$share/");
}
