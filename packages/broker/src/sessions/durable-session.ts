/**
 * One session of a `DurableSessionStore`: its queue, what is in flight, what came from its client at QoS 2. It decides what
 * is given out next; where bytes come from and how they get to the log is its store's.
 *
 * Hot: `enqueue`, `next`, `finish`; `sessions.bench.ts` measures them. One that nothing has happened to costs 112 bytes.
 */

import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import type { QoS } from "../publication.ts";
import type { Delivery } from "./delivery.ts";
import { type BlockArena, QueueEntry } from "./entry-queue.ts";
import { SessionActivity } from "./session-activity.ts";
import type { SessionRecord } from "./session-record.ts";
import type { DecodedQueue, InFlightEntry } from "./session-rows.ts";
import type { SessionCounters, SessionLimits } from "./session-store.ts";
import type { RecordReadListener } from "./stored-records.ts";
import {
  identifierCount,
  type NextOutcome,
  packetIdentifierOf,
  type SessionListener,
  type StoredSession,
} from "./stored-session.ts";

/** What a session needs of its store. */
export interface SessionOwner {
  readonly arena: BlockArena;
  /** Of all sessions that nothing has happened to. */
  readonly idle: SessionActivity;
  readonly counters: SessionCounters;
  /** Over all sessions. */
  readonly totals: { count: number; bytes: number };
  /** What `find` found. */
  readonly record: SessionRecord;
  nowMs(): number;
  /** Its record reached the level at which entries may be given out. */
  isDeliverable(offset: number): boolean;
  find(offset: number, session: DurableSession): "there" | "damaged" | "reading";
  /** The session waits for no read any more. */
  forget(session: DurableSession): void;
  /** Calls `session.tell` when what is appended now may be given out, or at the end of the turn. */
  wake(session: DurableSession): void;
  wakeAtTurnEnd(session: DurableSession): void;
  onProgress(session: DurableSession): void;
  appendReceived(session: DurableSession, sequence: number): void;
  appendRelease(session: DurableSession, packetIdentifier: number): void;
  /** When everything appended so far reached the level. True: it has. */
  wait(waiter: DurabilityWaiter, token: number): boolean;
}

const scratch = new QueueEntry();

export class DurableSession implements StoredSession, RecordReadListener {
  readonly clientId: string;
  readonly number: number;
  exists = true;
  /** For the saver: the first record that its saved row does not have, or -1; whether deliveries are unsaved. */
  changedFrom = -1;
  hasProgress = false;

  readonly #owner: SessionOwner;
  #expiresAtMs = Number.POSITIVE_INFINITY;
  /** `#owner.idle` until something is to be noted; that one is nobody's, and never written to. */
  #activity: SessionActivity;

  constructor(owner: SessionOwner, clientId: string, number: number) {
    this.#owner = owner;
    this.clientId = clientId;
    this.number = number;
    this.#activity = owner.idle;
  }

  /** To be read. */
  get activity(): SessionActivity {
    return this.#activity;
  }

  /** Its own, to be written to. */
  own(): SessionActivity {
    if (this.#activity === this.#owner.idle) this.#activity = new SessionActivity(this.#owner.arena);
    return this.#activity;
  }

  /** Gives it up when it says nothing. */
  rest(): void {
    if (this.#activity.isBlank) this.#activity = this.#owner.idle;
  }

  get inboundNext(): number {
    return this.#activity.inboundNext;
  }

  get inboundBefore(): number {
    return this.#activity.inboundBefore;
  }

  get queuedBytes(): number {
    return this.#activity.queuedBytes;
  }

  get droppedCount(): number {
    return this.#activity.droppedCount;
  }

  get expiresAtMs(): number {
    return this.#expiresAtMs;
  }

  set expiresAtMs(value: number) {
    this.#expiresAtMs = value;
    if (this.exists) this.#owner.onProgress(this);
  }

  get queuedCount(): number {
    return this.#activity.queuedCount;
  }

  get inFlightCount(): number {
    return this.#activity.inFlightCount;
  }

  // --- coming in -------------------------------------------------------------------------------------------------

  /** True when a message of this size fits behind others, perhaps after waiting ones were dropped. */
  takes(size: number, limits: SessionLimits, aheadCount = 0, aheadBytes = 0): boolean {
    return limits.whenFull === "drop-oldest"
      ? fits(this.inFlightCount + aheadCount, this.#activity.inFlightBytes + aheadBytes, size, limits)
      : fits(this.queuedCount + aheadCount, this.#activity.queuedBytes + aheadBytes, size, limits);
  }

  /** As `SessionStore.admit`. */
  admit(size: number, limits: SessionLimits, aheadCount: number, aheadBytes: number): void {
    if (limits.whenFull !== "refuse" || !this.exists || this.takes(size, limits, aheadCount, aheadBytes)) return;
    throw this.refusal();
  }

  /** Counts it. */
  refusal(): PolylogError {
    this.#owner.counters.refused++;
    const { clientId, queuedCount: messages, queuedBytes: bytes } = this;
    return brokerErrors.SESSION_QUEUE_FULL({ clientId, messages, bytes });
  }

  /** Drops the oldest waiting ones until a message of this size fits, or nothing waits. */
  makeRoom(size: number, limits: SessionLimits): void {
    const entry = scratch;
    while (!fits(this.queuedCount, this.#activity.queuedBytes, size, limits) && this.#activity.queue.peek(entry)) {
      this.#activity.queue.shift(entry);
      if (entry.isHole) continue;
      this.#leave(entry.size);
      this.#activity.droppedCount++;
      this.#owner.counters.droppedOldest++;
    }
  }

  /** A limit dropped a message for it. */
  noteDropped(): void {
    this.own().droppedCount++;
  }

  enqueue(offset: number, size: number, qos: QoS, expiresAtS: number): void {
    const own = this.own();
    own.queue.push(offset, size, qos, expiresAtS);
    this.#join(size);
    if (own.isHungry) {
      own.isHungry = false;
      this.#owner.wake(this);
    }
  }

  // --- going out -------------------------------------------------------------------------------------------------

  attach(listener: SessionListener): void {
    if (!this.exists) return;
    const own = this.own();
    own.listener = listener;
    own.repeatNext = undefined;
    own.repeating = own.inFlight?.values();
    own.isHungry = own.queuedCount === 0;
    if (!own.isHungry) this.#owner.wakeAtTurnEnd(this);
  }

  detach(): void {
    const activity = this.#activity;
    if (activity.listener === undefined) return;
    activity.listener = undefined;
    activity.repeating = activity.repeatNext = undefined;
    activity.isHungry = false;
    if (activity.isReading) this.#owner.forget(this);
    activity.isReading = false;
    this.rest();
  }

  tell(): void {
    this.#activity.listener?.onDeliverable(this);
  }

  /** It is in no list of those to be told any more. */
  woken(): void {
    if (!this.#activity.isWaking) return; // It has ended.
    this.#activity.isWaking = false;
    this.rest();
  }

  onRecordRead(): void {
    this.#activity.isReading = false;
    this.tell();
  }

  next(delivery: Delivery): NextOutcome {
    if (this.#activity.listener === undefined) return "none";
    if (this.#activity.isReading) return "reading";
    return (this.#activity.repeating === undefined ? undefined : this.#repeat(delivery)) ?? this.#send(delivery);
  }

  /** What was sent to an earlier connection [MQTT-4.4.0-1]. Undefined: that was all. */
  #repeat(delivery: Delivery): NextOutcome | undefined {
    for (;;) {
      const entry = this.#activity.repeatNext ?? this.#activity.repeating!.next().value;
      if (entry === undefined) {
        this.#activity.repeating = undefined;
        return undefined;
      }
      this.#activity.repeatNext = undefined;
      if (this.#activity.inFlight?.get(entry.sequence) !== entry) continue;
      delivery.repeated = true;
      delivery.maybeRepeated = false;
      delivery.sequence = entry.sequence;
      delivery.packetIdentifier = packetIdentifierOf(entry.sequence);
      delivery.qos = entry.qos;
      if (entry.released) return "release";
      const found = this.#find(entry.offset, delivery);
      if (found === "reading") this.#activity.repeatNext = entry;
      if (found !== "damaged") return found;
      this.#removeInFlight(entry);
      this.#owner.counters.damaged++;
    }
  }

  #send(delivery: Delivery): NextOutcome {
    const owner = this.#owner;
    const entry = scratch;
    while (this.#activity.queue.peek(entry)) {
      if (entry.isHole) {
        this.#activity.queue.shift(entry);
        continue;
      }
      if (!owner.isDeliverable(entry.offset)) {
        owner.wake(this);
        return "none";
      }
      if (entry.qos > 0 && this.#isTooFar(entry.sequence)) return "none";
      const found = this.#findUnexpired(entry, delivery);
      if (found === "reading") return found;
      this.#activity.queue.shift(entry);
      owner.onProgress(this);
      if (found === "message") {
        delivery.repeated = false;
        delivery.maybeRepeated = entry.sequence < this.#activity.maybeSentBelow;
        delivery.sequence = entry.sequence;
        delivery.packetIdentifier = packetIdentifierOf(entry.sequence);
        delivery.qos = entry.qos;
        this.#sent(entry.sequence, entry.offset, entry.size, entry.qos);
        return found;
      }
      this.#leave(entry.size);
      owner.counters[found]++;
    }
    this.#activity.isHungry = true;
    return "none";
  }

  /** An expired message is not sent [MQTT-3.3.2-5]; whether it is can often be said without its record. */
  #findUnexpired(entry: QueueEntry, delivery: Delivery): "message" | "damaged" | "reading" | "expired" {
    if (entry.expiresAtS === 0) return this.#find(entry.offset, delivery);
    const nowMs = this.#owner.nowMs();
    if (entry.expiresAtS * 1000 <= nowMs) return "expired";
    const found = this.#find(entry.offset, delivery);
    return found === "message" && delivery.expiresAtMs <= nowMs ? "expired" : found;
  }

  #sent(sequence: number, offset: number, size: number, qos: QoS): void {
    if (qos === 0) {
      this.#leave(size);
      this.#owner.counters.finished++;
      return;
    }
    this.#activity.inFlight ??= new Map();
    this.#activity.inFlight.set(sequence, { sequence, offset, size, qos, released: false });
    this.#activity.inFlightBytes += size;
  }

  /** The packet identifier may be that of the oldest one in flight, which is that far back. */
  #isTooFar(sequence: number): boolean {
    if (sequence - this.#activity.oldestSent < identifierCount) return false;
    const [oldest] = this.#activity.inFlight?.keys() ?? [];
    this.#activity.oldestSent = oldest ?? sequence;
    return sequence - this.#activity.oldestSent >= identifierCount;
  }

  #find(offset: number, delivery: Delivery): "message" | "damaged" | "reading" {
    const found = this.#owner.find(offset, this);
    if (found === "reading") this.#activity.isReading = true;
    if (found !== "there") return found;
    const record = this.#owner.record;
    const index = record.indexOf(this.number);
    if (index < 0) return "damaged";
    delivery.messageQos = record.qos;
    delivery.flags = record.flags;
    delivery.expiresAtMs = record.expiresAtMs;
    delivery.bytes = record.bytes;
    delivery.topicStart = record.topicStart;
    delivery.topicEnd = delivery.propertiesStart = record.propertiesStart;
    delivery.propertiesEnd = delivery.payloadStart = record.payloadStart;
    delivery.payloadEnd = record.payloadEnd;
    delivery.recipientStart = record.recipientBytesFrom(index);
    delivery.recipientEnd = record.recipientBytesTo(index);
    return "message";
  }

  finish(sequence: number): boolean {
    const entry = this.#activity.inFlight?.get(sequence);
    if (entry === undefined) return false;
    this.#removeInFlight(entry);
    this.#owner.counters.finished++;
    this.#owner.onProgress(this);
    return true;
  }

  #removeInFlight(entry: InFlightEntry): void {
    this.#activity.inFlight!.delete(entry.sequence);
    this.#activity.inFlightBytes -= entry.size;
    this.#leave(entry.size);
  }

  received(sequence: number, waiter: DurabilityWaiter, token: number): boolean {
    const entry = this.#activity.inFlight?.get(sequence);
    if (entry !== undefined && !entry.released) {
      this.#owner.appendReceived(this, sequence);
      entry.released = true;
    }
    return this.#owner.wait(waiter, token);
  }

  /** Finishes what expired at the front; returns how many messages that were. */
  removeExpired(nowMs: number): number {
    const entry = scratch;
    let removed = 0;
    while (this.#activity.queue.peek(entry)) {
      const isExpired = entry.expiresAtS !== 0 && entry.expiresAtS * 1000 <= nowMs;
      if (!isExpired && !entry.isHole) break;
      this.#activity.queue.shift(entry);
      if (entry.isHole) continue;
      removed++;
      this.#leave(entry.size);
    }
    this.#owner.counters.expired += removed;
    if (removed > 0) this.#owner.onProgress(this);
    return removed;
  }

  // --- from its client -------------------------------------------------------------------------------------------

  isReceived(packetIdentifier: number): boolean {
    return this.#activity.inbound?.has(packetIdentifier) === true;
  }

  inboundNumber(packetIdentifier: number): number | undefined {
    return this.#activity.inbound?.get(packetIdentifier);
  }

  noteInbound(packetIdentifier: number, number: number): void {
    const own = this.own();
    own.inbound ??= new Map();
    own.inbound.set(packetIdentifier, number);
    own.inboundNext = number + 1;
  }

  release(packetIdentifier: number, waiter: DurabilityWaiter, token: number): boolean {
    if (this.isReceived(packetIdentifier)) {
      this.#owner.appendRelease(this, packetIdentifier);
      this.#activity.inbound!.delete(packetIdentifier);
    }
    return this.#owner.wait(waiter, token);
  }

  // --- between two lives -----------------------------------------------------------------------------------------

  /** What was saved, but the entries. */
  restore(saved: DecodedQueue): void {
    this.#expiresAtMs = saved.expiresAtMs;
    const own = this.own();
    own.droppedCount = saved.droppedCount;
    own.inboundNext = saved.inboundNext;
    own.inFlight = saved.inFlight;
    own.inbound = saved.inbound;
    for (const { size } of saved.inFlight?.values() ?? []) {
      own.inFlightBytes += size;
      this.#join(size);
    }
  }

  restoreEntry(offset: number, size: number, qos: QoS, expiresAtS: number): void {
    this.own().queue.push(offset, size, qos, expiresAtS);
    this.#join(size);
  }

  /** A PUBREC is in the log. The entry, and those before it, were sent if they still wait. */
  restoreReceived(sequence: number): void {
    const entry = new QueueEntry();
    while (
      this.#activity.queue.first <= sequence &&
      sequence < this.#activity.queue.next &&
      this.#activity.queue.peek(entry)
    ) {
      this.#activity.queue.shift(entry);
      if (!entry.isHole) this.#sent(entry.sequence, entry.offset, entry.size, entry.qos);
    }
    const inFlight = this.#activity.inFlight?.get(sequence);
    if (inFlight !== undefined) inFlight.released = true;
  }

  /** Visits every entry whose record is needed still. */
  visitNeeded(visit: (sequence: number, offset: number, size: number) => void): void {
    if (this.#activity.inFlight !== undefined)
      for (const { sequence, offset, size, released } of this.#activity.inFlight.values())
        if (!released) visit(sequence, offset, size);
    if (this.#activity.queue.isEmpty) return;
    this.#activity.queue.walk(this.#activity.queue.first, this.#activity.queue.next, (entry) => {
      if (!entry.isHole) visit(entry.sequence, entry.offset, entry.size);
    });
  }

  /** The records of some entries are at other offsets now, by sequence. Those of entries that are gone do not matter. */
  moveEntries(offsets: ReadonlyMap<number, number>): void {
    let last = -1;
    for (const [sequence, offset] of offsets) {
      const entry = this.#activity.inFlight?.get(sequence);
      if (entry !== undefined) entry.offset = offset;
      else if (sequence > last && sequence < this.#activity.queue.next) last = sequence;
    }
    if (last < this.#activity.queue.first) return;
    this.#activity.queue.replaceOffsets(last, (entry) => offsets.get(entry.sequence) ?? entry.offset);
    this.#activity.pagesMoved = true;
  }

  /** Its store deleted it. */
  end(): void {
    this.detach();
    this.exists = false;
    const { totals, counters } = this.#owner;
    totals.count -= this.queuedCount;
    totals.bytes -= this.#activity.queuedBytes;
    counters.deletedWithSession += this.queuedCount;
    this.#activity.queue.clear(0); // Its blocks go back to the arena.
    this.#activity = this.#owner.idle;
  }

  #join(size: number): void {
    this.#activity.queuedBytes += size;
    this.#owner.totals.count++;
    this.#owner.totals.bytes += size;
  }

  #leave(size: number): void {
    this.#activity.queuedBytes -= size;
    this.#owner.totals.count--;
    this.#owner.totals.bytes -= size;
  }
}

function fits(count: number, bytes: number, size: number, { messagesMax, bytesMax }: SessionLimits): boolean {
  return count < messagesMax && (count === 0 || bytes + size <= bytesMax);
}
