/**
 * What the server keeps for one client, whether it is connected or not: its subscriptions, messages in flight, messages
 * that wait, retained messages still to be sent. A connection lends it an output while it lasts.
 *
 *     QoS 0   sent now, or dropped and counted: no connection, or the client does not read fast enough
 *     QoS 1   sent now when nothing waits and the window has room; otherwise it waits its turn
 *
 * A session with CleanSession 1 ends with its connection; the others stay, in memory for now. Sending what waits is
 * `#pump`'s: in order the messages to be repeated after a reconnect, those that wait, retained ones; a batch per turn.
 * Hot: `onPublication`; `publish-path.bench.ts` measures it.
 */

import type { Clock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import type { OutputQueue } from "@polylog/base/transport";
import { type Broker, type Publication, type QoS, type Subscriber, Subscription } from "@polylog/broker";
import { packetTypes } from "@polylog/mqtt-wire";
import { InFlight } from "./in-flight.ts";
import type { MqttLimits } from "./limits.ts";
import { type KeptBytes, MessageQueue } from "./message-queue.ts";
import type { MqttMetrics } from "./mqtt-metrics.ts";
import { encodeMessage, messageToKeep, sendKept, sendQos0, sendQos1 } from "./packet-shapes.ts";
import { RetainedBacklog } from "./retained-backlog.ts";

/** The connection that has the session. */
export interface SessionOwner {
  /** `address:port` of the peer. */
  readonly remote: string;
  /** Another connection of the same client has come: close, and give the session back. */
  onTakenOver(remote: string): void;
}

export interface SessionParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly limits: MqttLimits;
  readonly metrics: MqttMetrics;
  readonly kept: KeptBytes;
}

const textEncoder = new TextEncoder();

export class Session implements Subscriber {
  readonly clientId: string;
  /** CleanSession was 0: it outlives its connection. */
  readonly persistent: boolean;
  readonly #parts: SessionParts;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #inFlight: InFlight;
  readonly #queue: MessageQueue;
  #owner: SessionOwner | undefined;
  #output: OutputQueue | undefined;
  /** Messages in flight when the client came back that were not repeated yet. */
  #repeating: Iterator<[number, Buffer | undefined]> | undefined;
  #retained: RetainedBacklog | undefined;
  #pumpScheduled = false;
  #onTurnEnd: (() => void) | undefined;

  constructor(clientId: string, persistent: boolean, parts: SessionParts) {
    this.clientId = clientId;
    this.persistent = persistent;
    this.#parts = parts;
    this.#inFlight = new InFlight(parts.kept);
    this.#queue = new MessageQueue(parts.limits, parts.kept);
  }

  /** The connection it belongs to now. */
  get owner(): SessionOwner | undefined {
    return this.#owner;
  }

  get subscriptionCount(): number {
    return this.#subscriptions.size;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  get queuedCount(): number {
    return this.#queue.size;
  }

  // --- delivery --------------------------------------------------------------------------------------------------

  onPublication(publication: Publication, _subscription: Subscription, qos: QoS): void {
    if (qos === 0) this.#deliverQos0(publication);
    else this.#deliverQos1(publication);
  }

  #deliverQos0(publication: Publication): void {
    const { limits, metrics } = this.#parts;
    const output = this.#output;
    if (output === undefined) {
      metrics.droppedOffline.value++;
    } else if (output.pendingBytes >= limits.outputBytesMax) {
      metrics.droppedSlow.value++;
    } else {
      sendQos0(output, publication);
      metrics.sent[packetTypes.PUBLISH].value++;
    }
  }

  #deliverQos1(publication: Publication): void {
    const output = this.#output;
    if (output !== undefined && this.#isClear(output)) {
      if (!this.persistent) {
        sendQos1(output, publication, this.#inFlight.add(undefined));
        this.#parts.metrics.sent[packetTypes.PUBLISH].value++;
        return;
      }
      const message = messageToKeep(publication);
      if (this.#windowTakes(message) && this.#mayKeep(message)) {
        this.#sendAndKeep(output, message);
        return;
      }
    }
    this.#wait(messageToKeep(publication));
  }

  /** Nothing waits that would be overtaken [MQTT-4.6.0-6], and the client reads. */
  #isClear(output: OutputQueue): boolean {
    return (
      this.#queue.size === 0 &&
      this.#repeating === undefined &&
      this.#inFlight.size < this.#parts.limits.inFlightMax &&
      output.pendingBytes < this.#parts.limits.outputBytesMax
    );
  }

  #windowTakes(message: Buffer): boolean {
    const { inFlightMax, queuedBytesMax } = this.#parts.limits;
    if (this.#inFlight.size >= inFlightMax) return false;
    return this.#inFlight.size === 0 || this.#inFlight.bytes + message.length <= queuedBytesMax;
  }

  /** Room for one message that is not kept yet. */
  #mayKeep(message: Buffer): boolean {
    const { kept } = this.#parts;
    return !this.persistent || kept.total + message.length <= kept.totalMax;
  }

  #sendAndKeep(output: OutputQueue, message: Buffer): void {
    sendKept(output, message, this.#inFlight.add(this.persistent ? message : undefined), false);
    this.#parts.metrics.sent[packetTypes.PUBLISH].value++;
  }

  #wait(message: Buffer): void {
    this.#parts.metrics.droppedQueue.value += this.#queue.push(message, this.#inFlight.bytes);
    if (this.#output !== undefined) this.#schedulePump();
  }

  /** A PUBACK has come. One that nothing is in flight for is ignored: it may answer an earlier connection. */
  onAcknowledged(packetIdentifier: number): void {
    if (!this.#inFlight.remove(packetIdentifier)) return;
    if (this.#queue.size > 0 || this.#retained !== undefined) this.#schedulePump();
  }

  // --- subscriptions ---------------------------------------------------------------------------------------------

  /** Replaces a subscription to the same filter [MQTT-3.8.4-3]. False: it would be one too many, or is too large. */
  subscribe(filter: string, qos: QoS): boolean {
    const { broker, limits } = this.#parts;
    if (this.#subscriptions.size >= limits.subscriptionsPerSessionMax && !this.#subscriptions.has(filter)) return false;
    const subscription = new Subscription(this, filter, { qos });
    try {
      broker.router.subscribe(filter, this, subscription);
    } catch (error) {
      if (isCodedError(error)) return false;
      throw error;
    }
    this.#subscriptions.set(filter, subscription);
    return true;
  }

  unsubscribe(filter: string): void {
    if (!this.#subscriptions.delete(filter)) return;
    this.#parts.broker.router.unsubscribe(filter, this);
    this.#retained?.remove(filter);
  }

  /** Sends the retained messages that match one of its filters, from now on and over as many turns as it takes. */
  sendRetained(filter: string): void {
    const { broker } = this.#parts;
    const subscription = this.#subscriptions.get(filter);
    if (subscription === undefined || broker.retained.size === 0) return;
    this.#retained ??= new RetainedBacklog();
    this.#retained.add(filter, subscription.qos, broker.retained.matchPaced(filter));
    this.#pump();
  }

  // --- connection ------------------------------------------------------------------------------------------------

  /** A connection has the session now. It has sent its CONNACK. */
  attach(owner: SessionOwner, output: OutputQueue): void {
    this.#owner = owner;
    this.#output = output;
    if (this.#inFlight.size > 0) this.#repeating = this.#inFlight.entries(); // [MQTT-4.4.0-1]
    this.#pump();
  }

  /** The connection has gone. A session that does not outlive it must be ended by its store. */
  detach(): void {
    this.#owner = undefined;
    this.#output = undefined;
    this.#repeating = undefined;
  }

  /** The output has room again. */
  onDrain(): void {
    this.#pump();
  }

  /** Gives back everything it holds. */
  end(): void {
    this.detach();
    for (const filter of this.#subscriptions.keys()) this.#parts.broker.router.unsubscribe(filter, this);
    this.#subscriptions.clear();
    this.#inFlight.clear();
    this.#queue.clear();
    this.#retained = undefined;
  }

  // --- what waits ------------------------------------------------------------------------------------------------

  /** At the end of the turn, when the output has been flushed and others have been served. */
  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    this.#onTurnEnd ??= () => {
      this.#pumpScheduled = false;
      this.#pump();
    };
    this.#parts.clock.atTurnEnd(this.#onTurnEnd);
  }

  /** When the output is full, `onDrain` goes on; when the window is, the next PUBACK does. */
  #pump(): void {
    const output = this.#output;
    if (output === undefined) return;
    const { backlogBatchMax, backlogBytesMax } = this.#parts.limits;
    let sent = 0;
    while (sent < backlogBatchMax && output.pendingBytes < backlogBytesMax) {
      if (!this.#repeatNext(output) && !this.#sendWaiting(output) && !this.#sendNextRetained(output)) return;
      sent++;
    }
    if (sent > 0) this.#schedulePump();
  }

  /** These three return whether they have done something. */
  #repeatNext(output: OutputQueue): boolean {
    if (this.#repeating === undefined) return false;
    const step = this.#repeating.next();
    if (step.done === true) {
      this.#repeating = undefined;
      return false;
    }
    const [packetIdentifier, message] = step.value;
    if (message === undefined) return true;
    sendKept(output, message, packetIdentifier, true);
    this.#parts.metrics.sent[packetTypes.PUBLISH].value++;
    return true;
  }

  #sendWaiting(output: OutputQueue): boolean {
    const message = this.#queue.peek();
    if (message === undefined || !this.#windowTakes(message)) return false;
    this.#queue.shift();
    this.#sendAndKeep(output, message);
    return true;
  }

  #sendNextRetained(output: OutputQueue): boolean {
    if (this.#retained === undefined) return false;
    const retained = this.#retained.peek();
    if (retained === undefined) {
      if (this.#retained.isEmpty) this.#retained = undefined;
      else this.#schedulePump();
      return false;
    }
    const qos = this.#retained.qos;
    if (qos > 0 && this.#inFlight.size >= this.#parts.limits.inFlightMax) return false;
    const topic = textEncoder.encode(retained.topic);
    const message = encodeMessage(topic, retained.payload, qos === 0 ? 0 : 1, true); // [MQTT-3.3.1-8]
    if (qos > 0 && !this.#windowTakes(message)) return false;
    this.#retained.shift();
    if (qos > 0) {
      this.#sendAndKeep(output, message);
    } else {
      output.push(message, 0, message.length);
      this.#parts.metrics.sent[packetTypes.PUBLISH].value++;
    }
    return true;
  }
}
