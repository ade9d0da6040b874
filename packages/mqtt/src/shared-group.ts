/**
 * A shared subscription: a name, a filter, and the sessions that share it. To the router it is one subscriber. Each message
 * goes to one member, in turn among those that can take it now; what nobody can take waits in the group's own queue in the
 * session store, so nothing is lost while members are away, full, or leave.
 *
 *     publication ─▶ a member is ready and nothing waits ─▶ its outbox
 *                └─▶ queue of the group ─ a member becomes ready ─▶ its outbox
 *
 * QoS 1 that a member did not acknowledge before its session ended goes to another; QoS 2 that was sent does not
 * [MQTT-4.8.2-5]. A refusal by a member ends the message [MQTT-4.8.2-6]. QoS 0 goes to a member that is connected, or nowhere.
 */

import { type Publication, type QoS, type Subscriber, Subscription } from "@polylog/broker";
import { Delivery, type SessionListener, type StoredSession } from "@polylog/broker/sessions";
import type { Outbox, SharedSource } from "./outbox.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import type { Outlet } from "./outlet.ts";
import { decodeRecipient, encodeRecipient } from "./recipient-bytes.ts";
import type { SessionParts } from "./session-parts.ts";
import type { WaitingMessage } from "./waiting-message.ts";

/** A session that shares it. */
export interface MemberSession {
  /** In the session store, when it outlives its connection. */
  readonly stored: StoredSession | undefined;
  /** While a client is connected. */
  readonly outbox: Outbox | undefined;
  readonly outlet: Outlet | undefined;
  sendQos0(publication: Publication, subscription: Subscription): void;
}

export interface Member {
  readonly session: MemberSession;
  readonly subscription: Subscription;
}

const delivery = new Delivery();
const outgoing = new OutgoingMessage();
const ignored = { onDurable: () => undefined };

export class SharedGroup implements Subscriber, SessionListener, SharedSource {
  /** `$share/name/filter`. */
  readonly filter: string;
  readonly topicFilter: string;
  readonly members: Member[] = [];
  readonly #parts: SessionParts;
  #queue: StoredSession | undefined;
  #next = 0;
  #pumpScheduled = false;
  #mayHaveMore = true;
  /** Whom `admit` chose for each message of the writer's round, in their order; undefined: the group's queue. */
  readonly #chosen: (Member | undefined)[] = [];
  #chosenRound = -1;

  constructor(filter: string, topicFilter: string, parts: SessionParts) {
    this.filter = filter;
    this.topicFilter = topicFilter;
    this.#parts = parts;
  }

  /** Where its messages wait. */
  get queue(): StoredSession | undefined {
    return this.#queue;
  }

  open(queue: StoredSession): void {
    this.#queue = queue;
    queue.expiresAtMs = Number.POSITIVE_INFINITY;
    queue.attach(this);
  }

  /** Replaces the same session's membership. */
  put(member: Member): void {
    const at = this.members.findIndex(({ session }) => session === member.session);
    if (at >= 0) this.members[at] = member;
    else this.members.push(member);
    this.#subscribe();
    this.schedulePump();
  }

  /** Returns false when there is no such member. */
  remove(session: MemberSession): boolean {
    const at = this.members.findIndex((member) => member.session === session);
    if (at < 0) return false;
    this.members.splice(at, 1);
    if (this.members.length > 0) this.#subscribe();
    else this.#parts.broker.router.unsubscribe(this.topicFilter, this);
    return true;
  }

  /** At the highest QoS of its members; each gets at most its own [MQTT-4.8.2-3]. Throws `broker.FILTER_TOO_LARGE`. */
  #subscribe(): void {
    let qos: QoS = 0;
    for (const { subscription } of this.members) if (subscription.qos > qos) qos = subscription.qos;
    const subscription = new Subscription(this, this.topicFilter, { qos });
    this.#parts.broker.router.subscribe(this.topicFilter, this, subscription);
  }

  onPublication(publication: Publication, _subscription: Subscription, qos: QoS): void {
    if (qos === 0) {
      this.#deliverQos0(publication);
      return;
    }
    const queue = this.#queue;
    const isChosen = this.#chosen.length > 0 && this.#chosenRound === this.#parts.writer.round;
    const member = isChosen ? this.#chosen.shift() : this.#choose();
    if (member === undefined) {
      if (queue !== undefined) this.#parts.writer.add(publication, queue, qos, encodeRecipient(publication.retain, []));
      return;
    }
    const granted = Math.min(qos, member.subscription.qos) as QoS;
    if (granted === 0) member.session.sendQos0(publication, member.subscription);
    else member.session.outbox!.deliverShared(publication, member.subscription, granted, this);
  }

  /** The choice holds for the `onPublication` that follows. */
  admit(publication: Publication, _subscription: Subscription, qos: QoS): void {
    if (qos === 0) return;
    const { writer } = this.#parts;
    if (this.#chosenRound !== writer.round) this.#chosen.length = 0;
    this.#chosenRound = writer.round;
    const member = this.#chooseOnce();
    this.#chosen.push(member);
    const grantsQos0 = member !== undefined && member.subscription.qos === 0;
    const taker = member === undefined ? this.#queue : member.session.stored;
    if (taker !== undefined && !grantsQos0) writer.admit(publication, taker);
  }

  /** Each member at most once in a round: whether it can take a second message is known when it has the first. */
  #chooseOnce(): Member | undefined {
    const chosen = this.#chosen;
    if (chosen.length > 0 && chosen.at(-1) === undefined) return undefined; // What comes behind waits behind it.
    const member = this.#choose();
    return member !== undefined && chosen.includes(member) ? undefined : member;
  }

  /** A member that is ready, if nothing waits that it would be given first. */
  #choose(): Member | undefined {
    const queue = this.#queue;
    return queue === undefined || queue.queuedCount === 0 ? this.#nextReady() : undefined;
  }

  #deliverQos0(publication: Publication): void {
    const member = this.#nextReady() ?? this.#nextOnline();
    if (member === undefined) this.#parts.metrics.droppedOffline.value++;
    else member.session.sendQos0(publication, member.subscription);
  }

  /** In turn, so that members share alike. */
  #nextReady(): Member | undefined {
    return this.#nextWhere((session) => session.outbox?.isReady === true);
  }

  #nextOnline(): Member | undefined {
    return this.#nextWhere((session) => session.outbox !== undefined);
  }

  #nextWhere(fits: (session: MemberSession) => boolean): Member | undefined {
    const { members } = this;
    for (let i = 0; i < members.length; i++) {
      const at = (this.#next + i) % members.length;
      const member = members[at];
      if (!fits(member.session)) continue;
      this.#next = at + 1;
      return member;
    }
    return undefined;
  }

  // --- what waits ------------------------------------------------------------------------------------------------

  onDeliverable(): void {
    this.#mayHaveMore = true;
    this.#pump();
  }

  /** A member may have become ready. */
  schedulePump(): void {
    if (this.#pumpScheduled || this.#queue === undefined || this.#queue.queuedCount === this.#queue.inFlightCount)
      return;
    this.#pumpScheduled = true;
    this.#parts.clock.atTurnEnd(() => {
      this.#pumpScheduled = false;
      this.#mayHaveMore = true;
      this.#pump();
    });
  }

  #pump(): void {
    const queue = this.#queue;
    if (queue === undefined) return;
    for (let sent = 0; this.#mayHaveMore && sent < this.#parts.limits.backlogBatchMax; sent++) {
      const member = this.#nextReady();
      if (member === undefined) return;
      const outcome = queue.next(delivery);
      // Moved to a member; or, after a restart, QoS 2 of a member whose session is over, for no other [MQTT-4.8.2-5].
      const isOver = outcome === "release" || (outcome === "message" && delivery.repeated && delivery.qos === 2);
      if (isOver) queue.finish(delivery.sequence);
      else if (outcome === "message") this.#sendTo(member);
      else this.#mayHaveMore = false;
    }
    if (this.#mayHaveMore) this.schedulePump();
  }

  #sendTo({ session, subscription }: Member): void {
    const { sequence } = delivery;
    const retain = decodeRecipient(delivery).retain && subscription.retainAsPublished;
    outgoing.fromDelivery(delivery, retain, subscription.identifiers);
    outgoing.dup = false; // Whoever had it before was another client.
    outgoing.qos = Math.min(delivery.qos, subscription.qos) as QoS;
    if (outgoing.qos > 0) {
      session.outbox!.sendShared(outgoing, this, sequence);
      return;
    }
    outgoing.packetIdentifier = 0;
    session.outlet!.send(outgoing);
    this.onFinished(sequence);
  }

  /** A member answered number `sequence` of the queue, or cannot take it at all. */
  onFinished(sequence: number): void {
    this.#queue?.finish(sequence);
  }

  /** A member's queue has number `sequence` now. What is noted follows that in the log, so no crash doubles it. */
  onMoved(sequence: number): void {
    this.#queue?.received(sequence, ignored, 0);
    this.#queue?.finish(sequence);
  }

  /** A message that no member has finished, from one that left. */
  giveBack(message: WaitingMessage): void {
    outgoing.fromWaiting(message, 0);
    this.#requeue(encodeRecipient(message.retain, []));
  }

  /** As `giveBack`, from the queue of a session that ends. */
  giveBackDelivery(given: Delivery): void {
    outgoing.fromDelivery(given, false, []);
    this.#requeue(encodeRecipient(decodeRecipient(given).retain, []));
  }

  #requeue(note: Buffer): void {
    if (this.#queue === undefined || this.members.length === 0) return;
    try {
      this.#parts.writer.append(outgoing, this.#queue, note);
    } catch {
      this.#parts.metrics.droppedQueue.value++;
    }
    this.#mayHaveMore = true;
    this.schedulePump();
  }
}
