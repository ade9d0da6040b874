/**
 * A PUBLISH from a client, and a will, on its way into the broker.
 *
 *     packet ─▶ topic known? ─▶ log has room? ─▶ may it? ─▶ broker.publish ─▶ PUBACK, now or when stored
 *                  │ no: check the name   │ no: stop reading, try again when drained
 *
 * Hot: no object, closure or string per message for a topic seen before; `publish-path.bench.ts` measures it. One view
 * and one `Publication` serve all connections, because nobody keeps them beyond the call.
 */

import { bytesEqual } from "@polylog/base/bytes";
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
import {
  checkTopicName,
  decodePublish,
  encodedLengthOfRemainingLength,
  type FrameReader,
  PublishView,
  type Will,
} from "@polylog/mqtt-wire";
import { mqttErrors } from "./errors.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import { qos0Shape, qos1Shape } from "./packet-shapes.ts";
import type { PubackRing } from "./puback-ring.ts";

/** What a client needs in order to publish. */
export interface Publisher {
  readonly reader: FrameReader;
  readonly pubacks: PubackRing;
  readonly principal: Principal;
  readonly clientId: string;
  /**
   * Reads no further until the log has room, then handles the same packet again. False: no room will come; the log then
   * says why when it is written to.
   */
  waitForRoom(partition: Partition): boolean;
}

const dollar = 0x24;

export class PublishPath {
  readonly #broker: Broker;
  readonly #logger: Logger;
  readonly #metrics: MqttMetrics;
  readonly #view = new PublishView();
  readonly #publication = new Publication();
  #lastRoute: MessageRoute | undefined;

  constructor(broker: Broker, logger: Logger, metrics: MqttMetrics) {
    this.#broker = broker;
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** Publishes the PUBLISH `publisher.reader` stands on. Throws what the client is to be disconnected for. */
  receive(publisher: Publisher): void {
    const { reader } = publisher;
    const { bytes } = reader;
    const view = this.#view;
    decodePublish(view, reader);
    if (view.qos === 2) throw mqttErrors.QOS_2_NOT_SUPPORTED({ packet: "PUBLISH" });
    const route = this.#routeOf(bytes, view.topicStart, view.topicEnd);
    if (route.captures.length > 0) {
      const partition = saturatedPartition(route.captures);
      if (partition !== undefined && publisher.waitForRoom(partition)) return;
    }
    if (!this.#mayPublish(publisher.principal, publisher.clientId, route)) {
      if (view.qos === 1) publisher.pubacks.complete(publisher.pubacks.add(view.packetIdentifier)); // [MQTT-3.3.5-2]
      return;
    }
    this.#fill(route, reader);
    if (view.qos === 1) this.#publishQos1(publisher);
    else this.#publishQos0(publisher);
  }

  /** Messages that arrive together are often for one topic: comparing with the last one is half the price of a look-up. */
  #routeOf(bytes: Buffer, start: number, end: number): MessageRoute {
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
      checkTopicName(bytes, start, end); // [MQTT-3.3.2-2]
      route = router.resolve(bytes, start, end);
    }
    this.#lastRoute = route;
    return route;
  }

  /** Publishes a will [MQTT-3.1.2-8]. Nobody waits for it; what the broker refuses is logged. */
  publishWill(will: Will, principal: Principal, clientId: string): void {
    const route = this.#broker.router.resolveName(will.topic);
    if (!this.#mayPublish(principal, clientId, route)) return;
    // Not the shared one: a will may be published while a message is.
    const publication = new Publication();
    publication.begin(route);
    publication.payload = will.payload;
    publication.payloadEnd = will.payload.length;
    publication.qos = will.qos;
    publication.retain = will.retain; // [MQTT-3.1.2-16] [MQTT-3.1.2-17]
    try {
      this.#broker.publish(publication, undefined, 0);
      this.#metrics.wills.value++;
    } catch (error) {
      this.#logger.error("a will could not be published", { clientId, topic: will.topic, error });
    }
  }

  #fill(route: MessageRoute, reader: FrameReader): void {
    const view = this.#view;
    const publication = this.#publication;
    publication.begin(route);
    publication.payload = reader.bytes;
    publication.payloadStart = view.payloadStart;
    publication.payloadEnd = view.payloadEnd;
    publication.qos = view.qos;
    publication.retain = view.retain === 1;
    publication.packet = reader.bytes;
    publication.packetStart = reader.packetStart;
    publication.packetEnd = reader.packetEnd;
    // A length written longer than needed is legal here, and not to be handed on. [MQTT-3.3.1-9] for RETAIN.
    const lengthSize = reader.bodyStart - reader.packetStart - 1;
    if (lengthSize > 1 && lengthSize !== encodedLengthOfRemainingLength(reader.packetEnd - reader.bodyStart)) return;
    if (view.qos === 1) publication.packetShape = qos1Shape;
    else if (view.retain === 0) publication.packetShape = qos0Shape;
  }

  #publishQos1(publisher: Publisher): void {
    const { pubacks } = publisher;
    // Added first: the answer may come before `publish` returns.
    const token = pubacks.add(this.#view.packetIdentifier);
    try {
      if (this.#broker.publish(this.#publication, pubacks, token)) pubacks.complete(token);
    } catch (error) {
      pubacks.undo();
      if (!isCodedError(error)) throw error;
      throw mqttErrors.MESSAGE_NOT_STORED({ reason: error.message }, error);
    }
  }

  #publishQos0(publisher: Publisher): void {
    const { pubacks } = publisher;
    // Nobody waits for QoS 0. A retained one is counted while it is being written, so that a flood of them is bounded.
    const token = this.#publication.retain ? pubacks.add(0) : -1;
    try {
      const stored = this.#broker.publish(this.#publication, token < 0 ? undefined : pubacks, token);
      if (stored && token >= 0) pubacks.complete(token);
    } catch (error) {
      if (token >= 0) pubacks.undo();
      if (!isCodedError(error)) throw error;
      if (this.#metrics.refusedStorage.value++ === 0) {
        const { clientId } = publisher;
        this.#logger.warn("a message of QoS 0 was not stored; further ones are only counted", { clientId, error });
      }
    }
  }

  /** Clients do not publish below `$SYS`, and only where they are allowed to. */
  #mayPublish(principal: Principal, clientId: string, route: MessageRoute): boolean {
    const { topic } = route;
    if (topic.charCodeAt(0) === dollar && (topic === "$SYS" || topic.startsWith("$SYS/"))) {
      this.#metrics.refusedTopic.value++;
      this.#logger.debug("a message below $SYS was ignored", { clientId, topic });
      return false;
    }
    if (this.#broker.access.allows(principal, "publish", topic)) return true;
    this.#metrics.refusedAccess.value++;
    this.#logger.debug("a message was ignored because the client may not publish it", { clientId, topic });
    return false;
  }
}

/** The first one that would refuse a record now. */
function saturatedPartition(captures: readonly Capture[]): Partition | undefined {
  for (let i = 0; i < captures.length; i++) {
    const { partitions } = captures[i];
    for (let p = 0; p < partitions.length; p++) if (partitions[p].saturated) return partitions[p];
  }
  return undefined;
}
