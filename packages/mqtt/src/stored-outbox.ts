/**
 * The outbox of a session that outlives its connection: everything of QoS 1 and 2 goes through the session store, which
 * knows what is in flight, and repeats it in order when the client comes back [MQTT-4.4.0-1].
 *
 *     publisher ─▶ QueueWriter ─▶ store ─ onDeliverable ─▶ sendNext ─▶ client ─ PUBACK, PUBREC, PUBCOMP ─▶ store
 *
 * PUBREL leaves when the store has made sure that the PUBLISH is never repeated [MQTT-4.3.3-6].
 */

import { isCodedError } from "@polylog/base/errors";
import type { Publication, Subscription } from "@polylog/broker";
import { Delivery, type SessionListener, type StoredSession } from "@polylog/broker/sessions";
import { type AckRing, ackKinds } from "./ack-ring.ts";
import { retainedQueuedMax } from "./limits.ts";
import type { Outbox, Pump, SharedSource } from "./outbox.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import type { Outlet } from "./outlet.ts";
import { decodeRecipient, encodeRecipient } from "./recipient-bytes.ts";
import { sendStates } from "./send-window.ts";
import type { SessionParts } from "./session-parts.ts";

const outgoing = new OutgoingMessage();
const delivery = new Delivery();
const identifierNotFound = 0x92;
const refusalFirst = 0x80;
/** Sequence and state in one number: state in the lowest two bits' worth. */
const states = 4;

export class StoredOutbox implements Outbox, SessionListener {
  readonly #parts: SessionParts;
  readonly #stored: StoredSession;
  readonly #outlet: Outlet;
  readonly #acks: AckRing;
  readonly #pump: Pump;
  /** By packet identifier, what this connection was given and has not finished: sequence * 4 + state. */
  readonly #inFlight = new Map<number, number>();
  #mayHaveMore = true;

  constructor(parts: SessionParts, stored: StoredSession, outlet: Outlet, acks: AckRing, pump: Pump) {
    this.#parts = parts;
    this.#stored = stored;
    this.#outlet = outlet;
    this.#acks = acks;
    this.#pump = pump;
    stored.attach(this);
  }

  get inFlightCount(): number {
    return this.#stored.inFlightCount;
  }

  get queuedCount(): number {
    return this.#stored.queuedCount - this.#stored.inFlightCount;
  }

  get isReady(): boolean {
    const { pendingBytes } = this.#outlet.output;
    return this.#stored.queuedCount < this.#outlet.windowMax && pendingBytes < this.#parts.limits.outputBytesMax;
  }

  deliver(publication: Publication, subscription: Subscription, qos: 1 | 2): void {
    const note = encodeRecipient(publication.retain && subscription.retainAsPublished, subscription.identifiers);
    this.#parts.writer.add(publication, this.#stored, qos, note);
  }

  /** Neither drops nor refuses: what the session has no room for now is offered again. */
  offer(message: OutgoingMessage): boolean {
    const { queuedCount, queuedBytes } = this.#stored;
    const { queuedMessagesMax, queuedBytesMax } = this.#parts.limits;
    if (queuedCount >= Math.min(retainedQueuedMax, queuedMessagesMax)) return false;
    if (queuedCount > 0 && queuedBytes + message.size > queuedBytesMax) return false;
    try {
      this.#parts.writer.append(message, this.#stored, encodeRecipient(message.retain, message.identifiers));
    } catch (error) {
      if (!isCodedError(error)) throw error;
      this.#parts.metrics.refusedStorage.value++;
      return false;
    }
    return true;
  }

  deliverShared(publication: Publication, subscription: Subscription, qos: 1 | 2, group: SharedSource): void {
    const retain = publication.retain && subscription.retainAsPublished;
    const note = encodeRecipient(retain, subscription.identifiers, group.filter);
    this.#parts.writer.addShared(publication, this.#stored, qos, note);
  }

  /** The message moves from the group's queue to this session's, in one write of the store's log. */
  sendShared(message: OutgoingMessage, group: SharedSource, sequence: number): void {
    const note = encodeRecipient(message.retain, message.identifiers, group.filter);
    this.#parts.writer.append(message, this.#stored, note);
    group.onMoved(sequence);
  }

  onDeliverable(): void {
    this.#mayHaveMore = true;
    this.#pump.schedulePump();
  }

  sendNext(): boolean {
    while (this.#mayHaveMore && this.#inFlight.size < this.#outlet.windowMax) {
      const outcome = this.#stored.next(delivery);
      if (outcome === "none" || outcome === "reading") {
        this.#mayHaveMore = false;
        return false;
      }
      if (outcome === "release") {
        this.#inFlight.set(delivery.packetIdentifier, delivery.sequence * states + sendStates.released);
        this.#acks.answer(ackKinds.pubrel, delivery.packetIdentifier);
        return true;
      }
      if (this.#sendDelivery()) return true;
    }
    return false;
  }

  #sendDelivery(): boolean {
    const { qos, sequence, packetIdentifier } = delivery;
    const { retain, identifiers } = decodeRecipient(delivery);
    const isSent = this.#outlet.send(outgoing.fromDelivery(delivery, retain, identifiers));
    if (qos === 0) return isSent;
    if (!isSent)
      this.#stored.finish(sequence); // [MQTT-3.1.2-25]
    else this.#inFlight.set(packetIdentifier, sequence * states + qos);
    return isSent;
  }

  onPuback(packetIdentifier: number): void {
    const entry = this.#inFlight.get(packetIdentifier);
    if (entry !== undefined && entry % states === sendStates.qos1) this.#finish(packetIdentifier, entry);
  }

  onPubrec(packetIdentifier: number, reasonCode: number): void {
    const entry = this.#inFlight.get(packetIdentifier);
    const state = entry === undefined ? sendStates.none : entry % states;
    if (entry === undefined || state === sendStates.qos1) {
      if (reasonCode < refusalFirst) this.#acks.answer(ackKinds.pubrel, packetIdentifier, identifierNotFound);
    } else if (reasonCode >= refusalFirst) {
      if (state === sendStates.qos2) this.#finish(packetIdentifier, entry); // [MQTT-4.4.0-2]
    } else {
      this.#inFlight.set(packetIdentifier, entry - state + sendStates.released);
      const token = this.#acks.add(ackKinds.pubrel, packetIdentifier);
      if (this.#stored.received((entry - state) / states, this.#acks, token)) this.#acks.complete(token);
    }
  }

  onPubcomp(packetIdentifier: number): void {
    const entry = this.#inFlight.get(packetIdentifier);
    if (entry !== undefined && entry % states === sendStates.released) this.#finish(packetIdentifier, entry);
  }

  #finish(packetIdentifier: number, entry: number): void {
    this.#inFlight.delete(packetIdentifier);
    this.#stored.finish(Math.floor(entry / states));
    this.#mayHaveMore = true;
    this.#pump.schedulePump();
  }

  close(): void {
    this.#stored.detach();
  }
}
