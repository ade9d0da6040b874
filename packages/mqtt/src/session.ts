/**
 * What the server keeps for one client, whether it is connected or not: its subscriptions, and what is to be sent to it. A
 * connection lends it an outlet while it lasts.
 *
 *     QoS 0        sent now, or dropped and counted: no connection, or the client does not read fast enough
 *     QoS 1 and 2  the outbox: of a session that ends with its connection in memory, of another one in the session store
 *
 * Sending what waits is `#pump`'s: what the outbox has, in its order, then retained messages; a batch per turn. Hot:
 * `onPublication`; `publish-path.bench.ts` measures it.
 */

import type { Publication, QoS, Subscriber, Subscription } from "@polylog/broker";
import type { StoredSession } from "@polylog/broker/sessions";
import type { Outbox } from "./outbox.ts";
import { OutgoingMessage } from "./outgoing-message.ts";
import type { Outlet } from "./outlet.ts";
import { encodeRecipient } from "./recipient-bytes.ts";
import { type Replay, ReplayBacklog } from "./replay/replay-backlog.ts";
import { replayPrefix } from "./replay/replay-filter.ts";
import { RetainedBacklog } from "./retained-backlog.ts";
import type { SessionOwner, SessionParts } from "./session-parts.ts";
import type { SharedGroups } from "./shared-groups.ts";
import { StoredOutbox } from "./stored-outbox.ts";
import { SubscriptionSet } from "./subscription-set.ts";
import { TransientOutbox } from "./transient-outbox.ts";
import type { Will } from "./will.ts";

/** What all sessions share. */
export interface SessionContext extends SessionParts {
  readonly groups: SharedGroups;
}

const outgoing = new OutgoingMessage();

/** What most sessions never have, made when it is needed first. */
class Extras {
  will: Will | undefined;
  willDueMs: number | undefined;
  received: Set<number> | undefined;
  retained: RetainedBacklog | undefined;
  replays: ReplayBacklog | undefined;
  sharedFilters: Set<string> | undefined;
}

/** Away and with one subscription it is 120 bytes, and 88 for the subscription. */
export class Session implements Subscriber {
  readonly clientId: string;
  readonly #parts: SessionContext;
  /** In the session store, when it outlives its connection. */
  readonly stored: StoredSession | undefined;
  /** Their filters are as the client wrote them, `$share` and all. */
  readonly subscriptions = new SubscriptionSet();
  /** Seconds it outlives its connection; Infinity: for good. */
  expirySeconds = 0;
  /** While a client is connected. */
  owner: SessionOwner | undefined;
  outlet: Outlet | undefined;
  outbox: Outbox | undefined;
  #extras: Extras | undefined;
  #pumpScheduled = false;
  #onTurnEnd: (() => void) | undefined;

  constructor(clientId: string, stored: StoredSession | undefined, parts: SessionContext) {
    this.clientId = clientId;
    this.stored = stored;
    this.#parts = parts;
  }

  #extra(): Extras {
    this.#extras ??= new Extras();
    return this.#extras;
  }

  /** To be published unless the client comes back or says that it leaves. */
  get will(): Will | undefined {
    return this.#extras?.will;
  }

  set will(will: Will | undefined) {
    if (will !== this.will) this.#extra().will = will;
  }

  /** Wall-clock milliseconds at which `will` is due; undefined while the client is connected. */
  get willDueMs(): number | undefined {
    return this.#extras?.willDueMs;
  }

  set willDueMs(dueMs: number | undefined) {
    if (dueMs !== this.willDueMs) this.#extra().willDueMs = dueMs;
  }

  /** Logs that it follows; undefined: none. */
  get replays(): ReplayBacklog | undefined {
    return this.#extras?.replays;
  }

  set #replays(replays: ReplayBacklog | undefined) {
    if (replays !== this.replays) this.#extra().replays = replays;
  }

  get #retained(): RetainedBacklog | undefined {
    return this.#extras?.retained;
  }

  set #retained(retained: RetainedBacklog | undefined) {
    if (retained !== this.#retained) this.#extra().retained = retained;
  }

  get #sharedFilters(): Set<string> | undefined {
    return this.#extras?.sharedFilters;
  }

  get inFlightCount(): number {
    return this.outbox?.inFlightCount ?? this.stored?.inFlightCount ?? 0;
  }

  get queuedCount(): number {
    if (this.outbox !== undefined) return this.outbox.queuedCount;
    return this.stored === undefined ? 0 : this.stored.queuedCount - this.stored.inFlightCount;
  }

  // --- delivery --------------------------------------------------------------------------------------------------

  onPublication(publication: Publication, subscription: Subscription, qos: QoS): void {
    if (qos === 0) {
      this.sendQos0(publication, subscription);
    } else if (this.outbox !== undefined) {
      this.outbox.deliver(publication, subscription, qos);
    } else if (this.stored !== undefined) {
      this.#queue(publication, subscription, this.stored, qos);
    }
  }

  admit(publication: Publication, _subscription: Subscription, qos: QoS): void {
    if (this.stored === undefined) return;
    if (qos > 0 || (this.outlet === undefined && this.#parts.limits.queueQos0Offline))
      this.#parts.writer.admit(publication, this.stored);
  }

  sendQos0(publication: Publication, subscription: Subscription): void {
    const { limits, metrics } = this.#parts;
    const outlet = this.outlet;
    if (outlet === undefined) {
      if (limits.queueQos0Offline && this.stored !== undefined) this.#queue(publication, subscription, this.stored, 0);
      else metrics.droppedOffline.value++;
    } else if (outlet.output.pendingBytes >= limits.outputBytesMax) {
      metrics.droppedSlow.value++;
    } else {
      outlet.sendQos0(publication, subscription);
    }
  }

  #queue(publication: Publication, subscription: Subscription, stored: StoredSession, qos: QoS): void {
    const note = encodeRecipient(publication.retain && subscription.retainAsPublished, subscription.identifiers);
    this.#parts.writer.add(publication, stored, qos, note);
  }

  // --- answers ---------------------------------------------------------------------------------------------------

  /** One that nothing is in flight for is ignored: it may answer an earlier connection. */
  onPuback(packetIdentifier: number): void {
    this.outbox?.onPuback(packetIdentifier);
    this.#onAnswered();
  }

  onPubrec(packetIdentifier: number, reasonCode: number): void {
    this.outbox?.onPubrec(packetIdentifier, reasonCode);
    this.#onAnswered();
  }

  onPubcomp(packetIdentifier: number): void {
    this.outbox?.onPubcomp(packetIdentifier);
    this.#onAnswered();
  }

  #onAnswered(): void {
    if (this.#retained !== undefined || this.replays !== undefined) this.schedulePump();
    if (this.#sharedFilters !== undefined) this.#pumpGroups();
  }

  /** A message of QoS 2 with this identifier came, and no PUBREL since. */
  isReceived(packetIdentifier: number): boolean {
    return this.stored?.isReceived(packetIdentifier) ?? this.#extras?.received?.has(packetIdentifier) ?? false;
  }

  /** Of a session that is not stored. */
  noteReceived(packetIdentifier: number): void {
    const extras = this.#extra();
    extras.received ??= new Set();
    extras.received.add(packetIdentifier);
  }

  /** PUBREL has come. False: nothing was received with this identifier. */
  forgetReceived(packetIdentifier: number): boolean {
    return this.#extras?.received?.delete(packetIdentifier) ?? false;
  }

  // --- subscriptions ---------------------------------------------------------------------------------------------

  /** Notes a subscription; whoever calls it tells the router or the shared group. */
  note(subscription: Subscription, isShared: boolean): void {
    this.subscriptions.add(subscription);
    if (!isShared) return;
    const extras = this.#extra();
    extras.sharedFilters ??= new Set();
    extras.sharedFilters.add(subscription.filter);
  }

  /** False: there was none. */
  unsubscribe(filter: string): boolean {
    if (!this.subscriptions.delete(filter)) return false;
    if (this.#sharedFilters?.delete(filter) === true) {
      this.#parts.groups.leave(this, filter);
      if (this.#sharedFilters.size === 0) this.#extra().sharedFilters = undefined;
    } else if (filter.startsWith(replayPrefix)) {
      this.replays?.remove(filter);
      if (this.replays?.size === 0) this.#replays = undefined;
    } else {
      this.#parts.broker.router.unsubscribe(filter, this);
      this.#retained?.remove(filter);
    }
    return true;
  }

  /** A `$replay/` subscription is noted; where it begins in the log is being found out. */
  reserveReplay(filter: string): void {
    const replays = this.replays ?? new ReplayBacklog();
    this.#replays = replays;
    replays.filters.add(filter);
  }

  /** Its SUBSCRIBE was answered. */
  onReplayAnswered(filter: string): void {
    this.replays?.answered(filter);
    this.schedulePump();
  }

  /** Sends what a log has for one of its filters, once that is answered. */
  replay(filter: string, replay: Replay): void {
    this.reserveReplay(filter);
    this.replays!.add(filter, replay);
    this.schedulePump();
  }

  /** Sends the retained messages that match one of its filters, from now on and over as many turns as it takes. */
  sendRetained(filter: string): void {
    const { broker, sysTree } = this.#parts;
    const subscription = this.subscriptions.get(filter);
    const isSys = filter.startsWith("$SYS");
    if (subscription === undefined || (broker.retained.size === 0 && !isSys)) return;
    const retained = this.#retained ?? new RetainedBacklog();
    this.#retained = retained;
    retained.add(filter, subscription, isSys ? sysTree.match(filter) : broker.retained.matchPaced(filter));
    this.#pump();
  }

  // --- connection ------------------------------------------------------------------------------------------------

  /** A connection has the session now. It has sent its CONNACK. */
  attach(owner: SessionOwner, outlet: Outlet): void {
    this.owner = owner;
    this.outlet = outlet;
    this.outbox =
      this.stored === undefined
        ? new TransientOutbox(this.#parts, outlet, owner.acks, this)
        : new StoredOutbox(this.#parts, this.stored, outlet, owner.acks, this);
    this.#pump();
    this.#pumpGroups();
  }

  /** The connection has gone. */
  detach(): void {
    const { outbox } = this;
    this.owner = undefined;
    this.outlet = undefined;
    this.outbox = undefined;
    if (!this.#pumpScheduled) this.#onTurnEnd = undefined;
    outbox?.close();
    this.replays?.release();
  }

  /** The output has room again. */
  onDrain(): void {
    this.#pump();
    this.#pumpGroups();
  }

  /** Gives back everything it holds. */
  end(): void {
    // Before its outbox gives messages back to groups: they are for other members.
    for (const { filter } of this.subscriptions.values()) this.unsubscribe(filter);
    this.detach();
    this.#retained = undefined;
  }

  // --- what waits ------------------------------------------------------------------------------------------------

  #pumpGroups(): void {
    if (this.#sharedFilters === undefined) return;
    for (const filter of this.#sharedFilters) this.#parts.groups.get(filter)?.schedulePump();
  }

  /** At the end of the turn, when the output has been flushed and others have been served. */
  schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    this.#onTurnEnd ??= () => {
      this.#pumpScheduled = false;
      this.#pump();
    };
    this.#parts.clock.atTurnEnd(this.#onTurnEnd);
  }

  /** When the output is full, `onDrain` goes on; when the window is, the next answer does. */
  #pump(): void {
    const { outlet, outbox } = this;
    if (outlet === undefined || outbox === undefined) return;
    const { backlogBatchMax, backlogBytesMax } = this.#parts.limits;
    let sent = 0;
    while (sent < backlogBatchMax && outlet.output.pendingBytes < backlogBytesMax) {
      if (!outbox.sendNext() && !this.#sendNextRetained(outlet, outbox) && !this.#sendNextReplayed(outlet, outbox))
        return;
      sent++;
    }
    if (sent > 0) this.schedulePump();
  }

  #sendNextRetained(outlet: Outlet, outbox: Outbox): boolean {
    const backlog = this.#retained;
    if (backlog === undefined) return false;
    const message = backlog.peek();
    if (message === undefined) {
      if (backlog.isEmpty) this.#retained = undefined;
      else this.schedulePump();
      return false;
    }
    outgoing.fromRetained(message, backlog.qos, backlog.identifiers);
    if (outgoing.qos === 0) outlet.send(outgoing);
    else if (!outbox.offer(outgoing)) return false;
    backlog.shift();
    return true;
  }

  #sendNextReplayed(outlet: Outlet, outbox: Outbox): boolean {
    const replay = this.replays?.next(outgoing);
    if (replay === "searching") this.schedulePump();
    if (replay === undefined || replay === "searching") return false;
    if (outgoing.qos === 0) outlet.send(outgoing);
    else if (!outbox.offer(outgoing)) return false;
    replay.follower.shift();
    return true;
  }
}
