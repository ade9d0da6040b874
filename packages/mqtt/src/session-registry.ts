/**
 * Sessions by client identifier: which one a client gets, and what becomes of it when the client goes.
 *
 *     CONNECT ─ open ─▶ take over ─▶ the one it left, or a new one ─▶ connected
 *     gone ─ leave ─▶ expiry interval 0: ended, and its will published
 *                └─▶ otherwise kept, its will due after its delay ─▶ expired: ended
 *
 * A session with an expiry interval is in the session store and survives a restart, with its will. What needs the store's
 * answer makes `open` a promise; one client identifier is dealt with at a time.
 */

import type { Timer } from "@polylog/base/clock";
import { Subscription } from "@polylog/broker";
import { Delivery, type SessionStore, type StoredSession } from "@polylog/broker/sessions";
import { mqttErrors } from "./errors.ts";
import { expiredSessionsPerTick, flappingMin } from "./limits.ts";
import type { PublishPath } from "./publish-path.ts";
import { decodeRecipient } from "./recipient-bytes.ts";
import type { ReplayPositions } from "./replay/replay-backlog.ts";
import { parseReplayFilter, replayPrefix } from "./replay/replay-filter.ts";
import { resumeReplay } from "./replay/start-replay.ts";
import { Session, type SessionContext } from "./session.ts";
import { decodeMetadata, encodeMetadata, type SessionMetadata } from "./session-metadata.ts";
import type { SessionOwner } from "./session-parts.ts";
import { isSharedFilter } from "./shared-groups.ts";
import { SubscriptionSet } from "./subscription-set.ts";
import type { Will } from "./will.ts";

export interface OpenedSession {
  readonly session: Session;
  /** It was there before, for the CONNACK. */
  readonly present: boolean;
}

export interface OpenRequest {
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** Seconds the session outlives its connection; Infinity: for good. */
  readonly expirySeconds: number;
  readonly will: Will | undefined;
}

const flappingTicks = 60;

export class SessionRegistry {
  readonly #parts: SessionContext;
  readonly #store: SessionStore;
  readonly #publishPath: PublishPath;
  readonly #sessions = new Map<string, Session>();
  /** Client identifiers that are being dealt with. */
  readonly #busy = new Map<string, Promise<unknown>>();
  /** Without a connection, and to end some time. */
  readonly #expiring = new Set<Session>();
  readonly #willTimers = new Map<Session, Timer>();
  /** Those that replay logs: their positions are saved each second. */
  readonly #replaying = new Set<Session>();
  /** Take-overs within the last minute, by client identifier. */
  #takeOvers = new Map<string, number>();
  #ticks = 0;

  constructor(parts: SessionContext, store: SessionStore, publishPath: PublishPath) {
    this.#parts = parts;
    this.#store = store;
    this.#publishPath = publishPath;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  /** In order of creation. */
  values(): Iterable<Session> {
    return this.#sessions.values();
  }

  // --- start and stop --------------------------------------------------------------------------------------------

  /** Restores what the store has: subscriptions, and what is due since then. */
  async start(): Promise<void> {
    const queues: StoredSession[] = [];
    await this.#store.open((stored, metadata) => {
      if (isSharedFilter(stored.clientId)) queues.push(stored);
      else this.#restore(stored, decodeMetadata(metadata));
    });
    await this.#parts.groups.recover(queues);
    const nowMs = this.#parts.clock.nowMs();
    for (const session of this.#sessions.values()) {
      const { expirySeconds, stored, will } = session;
      // A connected client has no deadline yet; the process died, so it starts now.
      if (stored!.expiresAtMs === Number.POSITIVE_INFINITY) stored!.expiresAtMs = nowMs + 1000 * expirySeconds;
      if (stored!.expiresAtMs !== Number.POSITIVE_INFINITY) this.#expiring.add(session);
      if (will !== undefined) this.#scheduleWill(session, session.willDueMs ?? nowMs + 1000 * will.delaySeconds);
    }
    this.#endExpired();
  }

  #restore(stored: StoredSession, metadata: SessionMetadata | undefined): void {
    const session = new Session(stored.clientId, stored, this.#parts);
    this.#sessions.set(stored.clientId, session);
    if (metadata === undefined) {
      this.#parts.logger.error("the subscriptions of a session are damaged and lost", { clientId: stored.clientId });
      return;
    }
    session.expirySeconds = metadata.expirySeconds;
    session.will = metadata.will;
    session.willDueMs = metadata.willDueMs;
    const { router } = this.#parts.broker;
    for (const saved of metadata.subscriptions) {
      const filter = router.sharedText(saved.filter);
      const subscription = new Subscription(session, filter, saved);
      const isShared = isSharedFilter(filter);
      session.note(subscription, isShared);
      if (isShared) this.#parts.groups.restore(session, filter, subscription);
      else if (filter.startsWith(replayPrefix)) this.#resumeReplay(session, filter, metadata.positions.get(filter));
      else router.subscribe(filter, session, subscription);
    }
  }

  #resumeReplay(session: Session, filter: string, positions: ReplayPositions | undefined): void {
    const parsed = parseReplayFilter(filter, this.#parts.clock.nowMs());
    const isThere = parsed !== undefined && positions !== undefined;
    if (isThere && resumeReplay(this.#parts, session, filter, parsed, positions)) this.onReplay(session);
    else {
      session.subscriptions.delete(filter);
      const { clientId } = session;
      this.#parts.logger.warn("a session cannot go on with a replay; its log is gone", { clientId, filter });
    }
  }

  /** The session replays a log from now on. */
  onReplay(session: Session): void {
    this.#replaying.add(session);
  }

  async stop(): Promise<void> {
    for (const timer of this.#willTimers.values()) this.#parts.clock.clearTimer(timer);
    await Promise.allSettled(this.#busy.values());
    await this.#store.close();
  }

  // --- connect ---------------------------------------------------------------------------------------------------

  /**
   * The session for a client that has just connected, which `owner` has from then on [MQTT-3.1.2-4] [MQTT-3.1.2-5]
   * [MQTT-3.1.2-6]. Throws, or rejects with, SESSION_LIMIT and what the store refuses with.
   */
  open(owner: SessionOwner, request: OpenRequest): OpenedSession | Promise<OpenedSession> {
    const { clientId } = request;
    const busy = this.#busy.get(clientId);
    if (busy !== undefined) return busy.then(() => this.open(owner, request));
    const taken = this.#sessions.get(clientId);
    if (taken?.owner !== undefined) {
      const old = taken.owner;
      this.#takeOver(old, owner, clientId);
      this.leave(taken, old, true); // Should it not have done so itself.
      return this.open(owner, request);
    }
    if (!this.#sessions.has(clientId) && request.expirySeconds === 0) return this.#openTransient(owner, request);
    return this.#alone(clientId, this.#openStored(owner, request));
  }

  #takeOver(old: SessionOwner, { remote }: SessionOwner, clientId: string): void {
    this.#parts.metrics.takeOvers.value++;
    const count = (this.#takeOvers.get(clientId) ?? 0) + 1;
    this.#takeOvers.set(clientId, count);
    if (count === flappingMin)
      this.#parts.logger.warn("clients with the same identifier take the session from one another", {
        clientId,
        remotes: [old.remote, remote],
        timesWithinMinute: count,
      });
    old.onTakenOver(remote); // [MQTT-3.1.4-3]
  }

  #alone<Result>(clientId: string, work: Promise<Result>): Promise<Result> {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    const busy = settled.then(() => {
      if (this.#busy.get(clientId) === busy) this.#busy.delete(clientId);
    });
    this.#busy.set(clientId, busy);
    return work;
  }

  #openTransient(owner: SessionOwner, request: OpenRequest): OpenedSession {
    this.#checkRoom();
    return { session: this.#add(owner, request, undefined), present: false };
  }

  #add(
    owner: SessionOwner,
    { clientId, expirySeconds, will }: OpenRequest,
    stored: StoredSession | undefined,
  ): Session {
    const session = new Session(clientId, stored, this.#parts);
    session.expirySeconds = expirySeconds;
    session.will = will;
    session.owner = owner;
    this.#sessions.set(clientId, session);
    return session;
  }

  #checkRoom(): void {
    const { sessionsMax } = this.#parts.limits;
    if (this.#sessions.size >= sessionsMax) throw mqttErrors.SESSION_LIMIT({ limit: sessionsMax });
  }

  async #openStored(owner: SessionOwner, request: OpenRequest): Promise<OpenedSession> {
    const { clientId, cleanStart, expirySeconds, will } = request;
    const existing = this.#sessions.get(clientId);
    const isAlive = existing !== undefined && existing.stored!.expiresAtMs > this.#parts.clock.nowMs();
    if (isAlive && !cleanStart) {
      this.#forgetDeadlines(existing);
      existing.owner = owner;
      existing.expirySeconds = expirySeconds;
      const hadWill = existing.will !== undefined;
      existing.will = will; // One that was delayed is not published [MQTT-3.1.3-9].
      if (hadWill || will !== undefined || existing.stored!.expiresAtMs !== Number.POSITIVE_INFINITY) {
        existing.stored!.expiresAtMs = Number.POSITIVE_INFINITY;
        await this.save(existing);
      }
      return { session: existing, present: true };
    }
    if (existing !== undefined) await this.#end(existing);
    if (expirySeconds === 0) return this.#openTransient(owner, request);
    this.#checkRoom();
    const metadata = encodeMetadata({
      expirySeconds,
      subscriptions: new SubscriptionSet(),
      will,
      willDueMs: undefined,
    });
    const stored = await this.#store.create(clientId, metadata);
    return { session: this.#add(owner, request, stored), present: false };
  }

  /** Resolves when subscriptions, expiry and will would be found after a crash. */
  save(session: Session): Promise<void> {
    if (session.stored === undefined) return Promise.resolve();
    return this.#store.saveMetadata(session.stored, encodeMetadata(session));
  }

  // --- leave -----------------------------------------------------------------------------------------------------

  /** The connection of `owner` has gone; `keepsWill`: without saying that it leaves [MQTT-3.1.2-8] [MQTT-3.14.4-3]. */
  leave(session: Session, owner: SessionOwner, keepsWill: boolean): void {
    if (session.owner !== owner) return;
    session.detach();
    const { stored, expirySeconds } = session;
    const hadWill = session.will !== undefined;
    if (!keepsWill) session.will = undefined;
    if (stored === undefined || expirySeconds === 0) {
      this.#endLater(session);
      return;
    }
    const nowMs = this.#parts.clock.nowMs();
    stored.expiresAtMs = nowMs + 1000 * expirySeconds;
    if (expirySeconds !== Number.POSITIVE_INFINITY) this.#expiring.add(session);
    const { will } = session;
    if (will !== undefined && will.delaySeconds === 0) this.#publishWill(session);
    else if (will !== undefined) this.#scheduleWill(session, nowMs + 1000 * will.delaySeconds);
    if (hadWill || session.replays !== undefined) this.#saveLater(session);
  }

  #saveLater(session: Session): void {
    void this.#alone(session.clientId, this.save(session)).catch((error: unknown) => {
      this.#parts.logger.error("a session could not be saved", { clientId: session.clientId, error });
    });
  }

  #endLater(session: Session): void {
    const ending = this.#end(session);
    if (ending === undefined) return;
    void this.#alone(session.clientId, ending).catch((error: unknown) => {
      this.#parts.logger.error("a session could not be removed", { clientId: session.clientId, error });
    });
  }

  /** Its will is published if it still waits [MQTT-3.1.2-10]; what shared subscriptions gave it goes to others. */
  #end(session: Session): Promise<void> | undefined {
    this.#forgetDeadlines(session);
    this.#sessions.delete(session.clientId);
    this.#replaying.delete(session);
    const { stored } = session;
    const isSharing =
      stored !== undefined && session.subscriptions.values().some(({ filter }) => isSharedFilter(filter));
    session.end();
    this.#publishWill(session);
    if (stored === undefined) return undefined;
    if (isSharing && stored.queuedCount > 0) return this.#empty(stored).then(() => this.#store.delete(stored));
    return this.#store.delete(stored);
  }

  /** Gives messages of shared subscriptions back: QoS 1, and QoS 2 that was never sent. */
  async #empty(stored: StoredSession): Promise<void> {
    const delivery = new Delivery();
    await new Promise<void>((resolve) => {
      const onDeliverable = (): void => {
        for (;;) {
          const outcome = stored.next(delivery);
          if (outcome === "none") resolve();
          if (outcome === "none" || outcome === "reading") return;
          if (outcome === "release") continue;
          const { shared } = decodeRecipient(delivery);
          if (shared !== undefined && !(delivery.qos === 2 && delivery.repeated))
            this.#parts.groups.get(shared)?.giveBackDelivery(delivery);
          if (delivery.qos > 0) stored.finish(delivery.sequence);
        }
      };
      stored.attach({ onDeliverable });
      onDeliverable();
    });
    stored.detach();
  }

  // --- deadlines -------------------------------------------------------------------------------------------------

  #forgetDeadlines(session: Session): void {
    this.#expiring.delete(session);
    this.#parts.clock.clearTimer(this.#willTimers.get(session));
    this.#willTimers.delete(session);
    session.willDueMs = undefined;
  }

  #scheduleWill(session: Session, dueMs: number): void {
    session.willDueMs = Math.min(dueMs, session.stored!.expiresAtMs);
    const wait = (): void => {
      const leftMs = session.willDueMs! - this.#parts.clock.nowMs();
      if (leftMs > 0) {
        this.#willTimers.set(session, this.#parts.clock.setTimer(wait, leftMs)); // Never before it is due.
        return;
      }
      this.#willTimers.delete(session);
      this.#publishWill(session);
      this.#saveLater(session);
    };
    wait();
  }

  #publishWill(session: Session): void {
    const { will } = session;
    session.will = undefined;
    session.willDueMs = undefined;
    if (will !== undefined) this.#publishPath.publishWill(will, session);
  }

  /** Called every second. */
  onTick(): void {
    this.#ticks++;
    if (this.#ticks % flappingTicks === 0) this.#takeOvers = new Map();
    this.#endExpired();
    this.#store.removeExpired(this.#parts.clock.nowMs(), expiredSessionsPerTick);
    for (const session of this.#replaying) this.#attendReplay(session);
  }

  #attendReplay(session: Session): void {
    const { replays, stored, clientId } = session;
    if (replays === undefined) {
      this.#replaying.delete(session);
      return;
    }
    session.schedulePump(); // A store that had no room does not say when it has.
    if (stored !== undefined && !this.#busy.has(clientId) && replays.takeMoved()) this.#saveLater(session);
  }

  #endExpired(): void {
    const nowMs = this.#parts.clock.nowMs();
    for (const session of this.#expiring) {
      if (session.stored!.expiresAtMs > nowMs || this.#busy.has(session.clientId)) continue;
      this.#parts.metrics.sessionsExpired.value++;
      this.#endLater(session);
    }
  }
}
