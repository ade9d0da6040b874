/**
 * The outbox of a session that ends with its connection: nothing is ever sent twice, so what is in flight is a byte per
 * message, and only what waits for room in the window is kept.
 *
 *     deliver ─▶ nothing waits, window and output have room ─▶ sent, one byte in `SendWindow`
 *            └─▶ otherwise `MessageQueue` ─ sendNext ─▶
 *
 * What came through a shared subscription is kept until it is answered, to be given to another member. Hot: `deliver`;
 * `publish-path.bench.ts` measures it.
 */

import type { Publication, QoS, Subscription } from "@polylog/broker";
import { type AckRing, ackKinds } from "./ack-ring.ts";
import { MessageQueue } from "./message-queue.ts";
import type { Outbox, Pump, SharedSource } from "./outbox.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import type { Outlet } from "./outlet.ts";
import { SendWindow, sendStates } from "./send-window.ts";
import type { SessionParts } from "./session-parts.ts";
import type { WaitingMessage } from "./waiting-message.ts";

interface SharedInFlight {
  readonly group: SharedSource;
  /** In the group's queue; -1: it never was there. */
  readonly sequence: number;
  readonly message: WaitingMessage;
}

/** Where everything is sent from. */
const outgoing = new OutgoingMessage();
/** Of all who have sent nothing of QoS 1 and 2 yet: nothing is ever added to it. */
const noWindow = new SendWindow();
const identifierNotFound = 0x92;
const refusalFirst = 0x80;

export class TransientOutbox implements Outbox {
  readonly #parts: SessionParts;
  readonly #outlet: Outlet;
  readonly #acks: AckRing;
  // Both made when they are needed first: clients that only know QoS 0 have neither.
  #window = noWindow;
  #queue: MessageQueue | undefined;
  #shared: Map<number, SharedInFlight> | undefined;
  readonly #pump: Pump;

  constructor(parts: SessionParts, outlet: Outlet, acks: AckRing, pump: Pump) {
    this.#parts = parts;
    this.#outlet = outlet;
    this.#acks = acks;
    this.#pump = pump;
  }

  get inFlightCount(): number {
    return this.#window.size;
  }

  get queuedCount(): number {
    return this.#queue === undefined ? 0 : this.#queue.size;
  }

  /** Nothing waits that would be overtaken [MQTT-4.6.0-6], and the client reads. */
  get isReady(): boolean {
    if (this.#queue !== undefined && this.#queue.size > 0) return false;
    return this.#hasRoom && this.#outlet.output.pendingBytes < this.#parts.limits.outputBytesMax;
  }

  get #hasRoom(): boolean {
    return this.#window.size < this.#outlet.windowMax && this.#window.hasIdentifier;
  }

  deliver(publication: Publication, subscription: Subscription, qos: 1 | 2): void {
    if (this.isReady) {
      const identifier = this.#add(qos);
      if (!this.#outlet.sendIdentified(publication, subscription, qos, identifier)) this.#window.finish(identifier);
      return;
    }
    const message = outgoing.fromPublication(publication, subscription, qos).keep(publication);
    const { limits, kept, metrics } = this.#parts;
    this.#queue ??= new MessageQueue(limits, kept);
    metrics.droppedQueue.value += this.#queue.push(message);
    this.#pump.schedulePump();
  }

  /** Returns the packet identifier of one more message in flight. */
  #add(qos: 1 | 2): number {
    if (this.#window === noWindow) this.#window = new SendWindow();
    return this.#window.add(qos);
  }

  offer(message: OutgoingMessage): boolean {
    if (this.queuedCount > 0 || !this.#hasRoom) return false;
    this.#send(message, message.qos);
    return true;
  }

  deliverShared(publication: Publication, subscription: Subscription, qos: 1 | 2, group: SharedSource): void {
    this.sendShared(outgoing.fromPublication(publication, subscription, qos), group, -1);
  }

  sendShared(message: OutgoingMessage, group: SharedSource, sequence: number): void {
    const kept = message.keep();
    const identifier = this.#send(message, message.qos);
    if (identifier === 0) {
      if (sequence >= 0) group.onFinished(sequence);
      return;
    }
    this.#shared ??= new Map();
    this.#shared.set(identifier, { group, sequence, message: kept });
  }

  sendNext(): boolean {
    for (;;) {
      const queue = this.#queue;
      const message = queue?.peek();
      if (queue === undefined || message === undefined || !this.#hasRoom) return false;
      queue.shift();
      if (message.expiresMs !== 0 && message.expiresMs <= this.#parts.clock.nowMs()) {
        this.#parts.metrics.droppedExpired.value++; // [MQTT-3.3.2-5]
        continue;
      }
      this.#send(outgoing.fromWaiting(message, 0), message.qos);
      return true;
    }
  }

  /** Returns its identifier; 0 when it is too large for the client. */
  #send(message: OutgoingMessage, qos: QoS): number {
    const identifier = this.#add(qos as 1 | 2);
    message.packetIdentifier = identifier;
    if (this.#outlet.send(message)) return identifier;
    this.#window.finish(identifier);
    return 0;
  }

  onPuback(packetIdentifier: number): void {
    if (this.#window.stateOf(packetIdentifier) === sendStates.qos1) this.#finish(packetIdentifier);
  }

  onPubrec(packetIdentifier: number, reasonCode: number): void {
    const state = this.#window.stateOf(packetIdentifier);
    if (state === sendStates.none || state === sendStates.qos1) {
      if (reasonCode < refusalFirst) this.#acks.answer(ackKinds.pubrel, packetIdentifier, identifierNotFound);
    } else if (reasonCode >= refusalFirst) {
      if (state === sendStates.qos2) this.#finish(packetIdentifier); // [MQTT-4.4.0-2]
    } else {
      this.#window.release(packetIdentifier);
      this.#acks.answer(ackKinds.pubrel, packetIdentifier); // [MQTT-4.3.3-4]
    }
  }

  onPubcomp(packetIdentifier: number): void {
    if (this.#window.stateOf(packetIdentifier) === sendStates.released) this.#finish(packetIdentifier);
  }

  #finish(packetIdentifier: number): void {
    this.#window.finish(packetIdentifier);
    if (this.#shared !== undefined) {
      const shared = this.#shared.get(packetIdentifier);
      this.#shared.delete(packetIdentifier);
      if (shared !== undefined && shared.sequence >= 0) shared.group.onFinished(shared.sequence);
    }
    if (this.queuedCount > 0) this.#pump.schedulePump();
  }

  close(): void {
    this.#queue?.clear();
    if (this.#shared === undefined) return;
    const shared = this.#shared;
    this.#shared = undefined;
    for (const { group, sequence, message } of shared.values()) {
      // QoS 2 stays with its member, and this one will not come back [MQTT-4.8.2-5].
      if (message.qos === 1) group.giveBack(message);
      if (sequence >= 0) group.onFinished(sequence);
    }
  }
}
