/**
 * Sessions that end with the process: for tests and for servers without a data directory. Messages are held once, by
 * everything that waits for them, as objects; a million of them cost memory accordingly.
 */

import type { Clock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { DurabilityWaiter } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import type { QoS } from "../publication.ts";
import type { Delivery } from "./delivery.ts";
import { noCounters } from "./session-counters.ts";
import type { SessionMessage } from "./session-message.ts";
import type { OnSession, SessionCounters, SessionLimits, SessionStore } from "./session-store.ts";
import {
  identifierCount,
  type NextOutcome,
  packetIdentifierOf,
  type SessionListener,
  type StoredSession,
} from "./stored-session.ts";

interface MemoryMessage {
  readonly bytes: Buffer;
  readonly topicEnd: number;
  readonly propertiesEnd: number;
  readonly qos: QoS;
  readonly flags: number;
  readonly expiresAtMs: number;
  /** Entries that hold it. */
  holders: number;
}

interface MemoryEntry {
  readonly sequence: number;
  readonly message: MemoryMessage;
  readonly qos: QoS;
  readonly recipient: Buffer;
  released: boolean;
}

class MemorySession implements StoredSession {
  readonly clientId: string;
  readonly number: number;
  exists = true;
  expiresAtMs = Number.POSITIVE_INFINITY;
  queuedBytes = 0;
  droppedCount = 0;
  inboundNext = 0;
  readonly inboundBefore = 0;
  metadata: Buffer;
  waiting: MemoryEntry[] = [];
  readonly inFlight = new Map<number, MemoryEntry>();
  readonly inbound = new Map<number, number>();
  readonly #store: MemorySessionStore;
  #sequenceNext = 0;
  #inFlightBytes = 0;
  #listener: SessionListener | undefined;
  #repeating: Iterator<MemoryEntry> | undefined;
  #isHungry = false;

  constructor(store: MemorySessionStore, clientId: string, number: number, metadata: Uint8Array) {
    this.#store = store;
    this.clientId = clientId;
    this.number = number;
    this.metadata = Buffer.from(metadata);
  }

  get queuedCount(): number {
    return this.waiting.length + this.inFlight.size;
  }

  get inFlightCount(): number {
    return this.inFlight.size;
  }

  takes(size: number, limits: SessionLimits, aheadCount = 0, aheadBytes = 0): boolean {
    return limits.whenFull === "drop-oldest"
      ? fits(this.inFlight.size + aheadCount, this.#inFlightBytes + aheadBytes, size, limits)
      : fits(this.queuedCount + aheadCount, this.queuedBytes + aheadBytes, size, limits);
  }

  enqueue(message: MemoryMessage, size: number, qos: QoS, recipient: Uint8Array, limits: SessionLimits): void {
    while (this.waiting.length > 0 && !fits(this.queuedCount, this.queuedBytes, size, limits)) {
      this.#leave(this.waiting.shift()!);
      this.droppedCount++;
      this.#store.counters.droppedOldest++;
    }
    this.waiting.push({
      sequence: this.#sequenceNext++,
      message,
      qos,
      recipient: Buffer.from(recipient),
      released: false,
    });
    this.queuedBytes += size;
    this.#store.onJoined(size);
    if (!this.#isHungry) return;
    this.#isHungry = false;
    this.#store.wake(this);
  }

  attach(listener: SessionListener): void {
    if (!this.exists) return;
    this.#listener = listener;
    this.#repeating = this.inFlight.values();
    this.#isHungry = this.queuedCount === 0;
    if (!this.#isHungry) this.#store.wake(this);
  }

  detach(): void {
    this.#listener = undefined;
    this.#repeating = undefined;
    this.#isHungry = false;
  }

  tell(): void {
    this.#listener?.onDeliverable(this);
  }

  next(delivery: Delivery): NextOutcome {
    if (this.#listener === undefined) return "none";
    for (let step = this.#repeating?.next(); step !== undefined && step.done !== true; step = this.#repeating?.next())
      if (this.inFlight.has(step.value.sequence)) return fill(delivery, step.value, true);
    this.#repeating = undefined;
    for (;;) {
      const entry = this.waiting[0];
      if (entry === undefined) {
        this.#isHungry = true;
        return "none";
      }
      const [oldest] = this.inFlight.keys();
      if (entry.qos > 0 && oldest !== undefined && entry.sequence - oldest >= identifierCount) return "none";
      this.waiting.shift();
      const { expiresAtMs } = entry.message;
      if (expiresAtMs !== 0 && expiresAtMs <= this.#store.nowMs()) {
        this.#leave(entry);
        this.#store.counters.expired++;
        continue;
      }
      if (entry.qos === 0) {
        this.#leave(entry);
        this.#store.counters.finished++;
      } else {
        this.inFlight.set(entry.sequence, entry);
        this.#inFlightBytes += entry.message.bytes.length;
      }
      this.#store.counters.fromMemory++;
      return fill(delivery, entry, false);
    }
  }

  finish(sequence: number): boolean {
    const entry = this.inFlight.get(sequence);
    if (entry === undefined) return false;
    this.inFlight.delete(sequence);
    this.#inFlightBytes -= entry.message.bytes.length;
    this.#leave(entry);
    this.#store.counters.finished++;
    return true;
  }

  received(sequence: number): boolean {
    const entry = this.inFlight.get(sequence);
    if (entry !== undefined) entry.released = true;
    return true;
  }

  removeExpired(nowMs: number): number {
    let removed = 0;
    for (let entry = this.waiting[0]; entry !== undefined; entry = this.waiting[0]) {
      const { expiresAtMs } = entry.message;
      if (expiresAtMs === 0 || expiresAtMs > nowMs) break;
      this.#leave(this.waiting.shift()!);
      removed++;
    }
    this.#store.counters.expired += removed;
    return removed;
  }

  isReceived(packetIdentifier: number): boolean {
    return this.inbound.has(packetIdentifier);
  }

  inboundNumber(packetIdentifier: number): number | undefined {
    return this.inbound.get(packetIdentifier);
  }

  release(packetIdentifier: number): boolean {
    this.inbound.delete(packetIdentifier);
    return true;
  }

  end(): void {
    this.detach();
    this.exists = false;
    const left = [...this.waiting, ...this.inFlight.values()];
    this.#store.counters.deletedWithSession += left.length;
    for (const entry of left) this.#leave(entry);
    this.waiting = [];
    this.inFlight.clear();
    this.inbound.clear();
  }

  #leave(entry: MemoryEntry): void {
    this.queuedBytes -= entry.message.bytes.length;
    this.#store.onLeft(entry.message);
  }
}

function fits(count: number, bytes: number, size: number, { messagesMax, bytesMax }: SessionLimits): boolean {
  return count < messagesMax && (count === 0 || bytes + size <= bytesMax);
}

function fill(delivery: Delivery, entry: MemoryEntry, repeated: boolean): NextOutcome {
  const { message, recipient } = entry;
  delivery.sequence = entry.sequence;
  delivery.packetIdentifier = packetIdentifierOf(entry.sequence);
  delivery.qos = entry.qos;
  delivery.repeated = repeated;
  delivery.maybeRepeated = false;
  if (entry.released) return "release";
  delivery.messageQos = message.qos;
  delivery.flags = message.flags;
  delivery.expiresAtMs = message.expiresAtMs;
  delivery.bytes = message.bytes;
  delivery.topicStart = 0;
  delivery.topicEnd = delivery.propertiesStart = message.topicEnd;
  delivery.propertiesEnd = delivery.payloadStart = message.propertiesEnd;
  delivery.payloadEnd = message.bytes.length;
  delivery.recipientStart = 0;
  delivery.recipientEnd = 0;
  if (recipient.length > 0) {
    // Everything is in one buffer, so a message for several kinds of recipients is copied here.
    delivery.bytes = Buffer.concat([message.bytes, recipient]);
    delivery.recipientStart = message.bytes.length;
    delivery.recipientEnd = delivery.bytes.length;
  }
  return "message";
}

export interface MemorySessionStoreOptions {
  readonly clock: Clock;
  readonly limits: SessionLimits;
}

export class MemorySessionStore implements SessionStore {
  limits: SessionLimits;
  readonly counters: SessionCounters = noCounters();
  queuedCount = 0;
  queuedBytes = 0;
  storedBytes = 0;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, MemorySession>();
  #nextNumber = 0;
  #waking: MemorySession[] = [];
  #sweepFrom: Iterator<MemorySession> | undefined;

  constructor(options: MemorySessionStoreOptions) {
    this.#clock = options.clock;
    this.limits = options.limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  async open(_onSession?: OnSession): Promise<void> {}

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) session.detach();
  }

  async flush(): Promise<void> {}

  get(clientId: string): MemorySession | undefined {
    return this.#sessions.get(clientId);
  }

  sessions(): Iterable<MemorySession> {
    return this.#sessions.values();
  }

  expiredSessions(nowMs: number): MemorySession[] {
    return [...this.#sessions.values()].filter((session) => session.expiresAtMs <= nowMs);
  }

  async create(clientId: string, metadata: Uint8Array): Promise<MemorySession> {
    if (this.#sessions.has(clientId)) throw brokerErrors.SESSION_EXISTS({ clientId });
    const session = new MemorySession(this, clientId, this.#nextNumber++, metadata);
    this.#sessions.set(clientId, session);
    return session;
  }

  async delete(session: StoredSession): Promise<void> {
    const own = session as MemorySession;
    if (!own.exists) return;
    this.#sessions.delete(own.clientId);
    own.end();
  }

  async saveMetadata(session: StoredSession, metadata: Uint8Array): Promise<void> {
    (session as MemorySession).metadata = Buffer.from(metadata);
  }

  async readMetadata(session: StoredSession): Promise<Buffer> {
    return Buffer.from((session as MemorySession).metadata);
  }

  append(message: SessionMessage, _waiter: DurabilityWaiter | undefined, _token: number): boolean {
    const size = message.size;
    const kept = this.#choose(message, size);
    if (kept.length > 0) {
      const stored = copyMessage(message, kept.length);
      this.storedBytes += size;
      for (const index of kept) {
        const session = message.recipients[index] as MemorySession;
        session.enqueue(stored, size, message.recipientQos[index]!, message.recipientBytes[index]!, this.limits);
      }
      this.counters.queued += kept.length;
    }
    const publisher = message.publisher as MemorySession | undefined;
    publisher?.inbound.set(message.packetIdentifier, publisher.inboundNext++);
    return true;
  }

  admit(session: StoredSession, size: number, aheadCount: number, aheadBytes: number): void {
    const own = session as MemorySession;
    if (this.limits.whenFull !== "refuse" || !own.exists) return;
    if (own.takes(size, this.limits, aheadCount, aheadBytes)) return;
    throw this.#refuse(own);
  }

  #refuse({ clientId, queuedCount: messages, queuedBytes: bytes }: MemorySession): PolylogError {
    this.counters.refused++;
    return brokerErrors.SESSION_QUEUE_FULL({ clientId, messages, bytes });
  }

  #choose(message: SessionMessage, size: number): number[] {
    const kept: number[] = [];
    const dropped: MemorySession[] = [];
    for (let i = 0; i < message.recipientCount; i++) {
      const session = message.recipients[i] as MemorySession;
      if (!session.exists) continue;
      if (session.takes(size, this.limits)) kept.push(i);
      else if (this.limits.whenFull === "refuse") throw this.#refuse(session);
      else dropped.push(session);
    }
    for (const session of dropped) session.droppedCount++;
    this.counters.droppedNewest += dropped.length;
    return kept;
  }

  whenDrained(listener: () => void): void {
    listener();
  }

  wait(): boolean {
    return true;
  }

  removeExpired(nowMs: number, sessionsMax: number): number {
    let removed = 0;
    for (let left = Math.min(sessionsMax, this.#sessions.size); left > 0; left--) {
      this.#sweepFrom ??= this.#sessions.values();
      const step = this.#sweepFrom.next();
      if (step.done === true) this.#sweepFrom = undefined;
      else removed += step.value.removeExpired(nowMs);
    }
    return removed;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wake(session: MemorySession): void {
    this.#waking.push(session);
    if (this.#waking.length === 1) this.#clock.atTurnEnd(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    const woken = this.#waking;
    this.#waking = [];
    for (const session of woken) session.tell();
  };

  onJoined(size: number): void {
    this.queuedCount++;
    this.queuedBytes += size;
  }

  onLeft(message: MemoryMessage): void {
    this.queuedCount--;
    this.queuedBytes -= message.bytes.length;
    if (--message.holders === 0) this.storedBytes -= message.bytes.length;
  }
}

function copyMessage(message: SessionMessage, holders: number): MemoryMessage {
  const { topic, properties, propertiesStart, propertiesEnd, payload, payloadStart, payloadEnd } = message;
  const bytes = Buffer.concat([
    topic,
    properties.subarray(propertiesStart, propertiesEnd),
    payload.subarray(payloadStart, payloadEnd),
  ]);
  return {
    bytes,
    topicEnd: topic.length,
    propertiesEnd: topic.length + propertiesEnd - propertiesStart,
    qos: message.qos,
    flags: message.flags,
    expiresAtMs: message.expiresAtMs,
    holders,
  };
}
