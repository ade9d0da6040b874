/**
 * Sessions that survive: messages in one partition of their own, the session log, whatever sessions wait for them; what
 * waits for whom in memory, as a few bytes each, and saved late; sessions themselves in the state store.
 *
 *     append ─▶ MessageWriter ─▶ session log ──durable──▶ publisher's waiter, listeners of the recipients
 *                   └─▶ RecentRecords ◀─ next() ─▶ StoredRecords (disk)
 *     queues ─▶ SessionSaver ─▶ state store            start: SessionRecovery        garbage: LogCleaner
 *
 * Formats: `session-record.ts`, `session-rows.ts`. Hot: `append`; `sessions.bench.ts` measures it.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import { type Logger, silentLogger } from "@polylog/base/telemetry";
import type { Durability, DurabilityWaiter, Partition, StateOperation, StateStore } from "@polylog/log";
import { EmbeddedPartition, type Storage, TailCache } from "@polylog/log/embedded";
import { brokerErrors } from "../errors.ts";
import {
  recentRecordsSizeMax,
  sessionChunksSizeMax,
  sessionCleanIntervalMs,
  sessionExtentSizeMax,
  sessionExtentsKept,
  sessionReadRetryMs,
  sessionReadSize,
  sessionReadsMax,
} from "../limits.ts";
import { DurableSession, type SessionOwner } from "./durable-session.ts";
import { BlockArena } from "./entry-queue.ts";
import { LogCleaner } from "./log-cleaner.ts";
import { LogExtents } from "./log-extents.ts";
import { MessageWriter, RecipientList } from "./message-writer.ts";
import { RecentRecords } from "./recent-records.ts";
import { SessionActivity } from "./session-activity.ts";
import { noCounters } from "./session-counters.ts";
import type { SessionMessage } from "./session-message.ts";
import { recordKinds, SessionRecord } from "./session-record.ts";
import { SessionRecovery } from "./session-recovery.ts";
import {
  decodeSession,
  encodeSession,
  encodeStop,
  numbersKey,
  pageKey,
  queueKey,
  sessionPrefix,
  stopKey,
} from "./session-rows.ts";
import { SessionSaver } from "./session-saver.ts";
import type { OnSession, SessionCounters, SessionLimits, SessionStore } from "./session-store.ts";
import { StoredRecords } from "./stored-records.ts";
import type { StoredSession } from "./stored-session.ts";

export interface DurableSessionStoreOptions {
  /** Where the session log lives: a directory of its own. */
  readonly storage: Storage;
  /** Open before the store opens, until it is closed. */
  readonly state: StateStore;
  readonly clock: Clock;
  readonly limits: SessionLimits;
  readonly logger?: Logger;
  /** Level of acknowledgements. Default `written`. What is given out to clients is at least `written`. */
  readonly durability?: Durability;
  /** Bytes of the whole session log beyond which `append` throws SESSION_LOG_FULL. Default: no bound. */
  readonly logBytesMax?: number;
  readonly segmentSizeMax?: number;
  readonly syncIntervalMs?: number;
  readonly pendingBytesMax?: number;
  /** Memory for the newest records, and size of extents; see `limits.ts`. */
  readonly recentRecordsSizeMax?: number;
  readonly extentSizeMax?: number;
  /** Removes the records below the offset from the log, durably. Without it nothing is ever removed. */
  readonly trim?: (log: Partition, offset: number) => Promise<void>;
  /** Extents that are left alone, however little of them is needed; default 4. */
  readonly extentsKept?: number;
}

export class DurableSessionStore implements SessionStore, SessionOwner {
  limits: SessionLimits;
  readonly counters: SessionCounters = noCounters();
  readonly totals = { count: 0, bytes: 0 };
  readonly arena = new BlockArena();
  readonly idle = new SessionActivity(this.arena);
  readonly record = new SessionRecord();

  readonly #options: DurableSessionStoreOptions;
  readonly #logger: Logger;
  readonly #state: StateStore;
  readonly #log: EmbeddedPartition;
  readonly #extents: LogExtents;
  readonly #saver: SessionSaver;
  readonly #stored: StoredRecords;
  readonly #cleaner: LogCleaner | undefined;
  #cleanTimer: Timer | undefined;
  readonly #level: Durability;
  /** At which entries may be given out. */
  readonly #isSynced: boolean;
  readonly #sessions = new Map<string, DurableSession>();
  readonly #list = new RecipientList();
  #recent!: RecentRecords;
  #writer!: MessageWriter;
  #nextNumber = 0;
  /** The one that `record` is filled with; -1: none. */
  #recordOffset = -1;
  #status: "new" | "open" | "closed" = "new";

  /** Sessions whose listeners hear when what was appended before is durable, and at the end of the turn. */
  #waking: DurableSession[] = [];
  #isWaiting = false;
  #atTurnEnd: DurableSession[] = [];
  #sweepFrom: Iterator<DurableSession> | undefined;

  constructor(options: DurableSessionStoreOptions) {
    const { storage, state, clock, limits, durability = "written" } = options;
    this.#options = options;
    this.#logger = (options.logger ?? silentLogger).child("sessions");
    this.limits = limits;
    this.#state = state;
    this.#level = durability;
    this.#isSynced = durability === "synced";
    const optional: { -readonly [Name in "segmentSizeMax" | "syncIntervalMs" | "pendingBytesMax"]?: number } = {};
    for (const name of ["segmentSizeMax", "syncIntervalMs", "pendingBytesMax"] as const)
      if (options[name] !== undefined) optional[name] = options[name];
    this.#log = new EmbeddedPartition({
      ...optional,
      log: "sessions",
      number: 0,
      storage,
      directory: "0",
      clock,
      cache: new TailCache(recentRecordsSizeMax),
      logger: this.#logger,
    });
    this.#extents = new LogExtents(options.extentSizeMax ?? sessionExtentSizeMax);
    const log = this.#log;
    const onFailure = (error: PolylogError): void =>
      this.#logger.error("progress of sessions cannot be saved until the next start", { error });
    this.#saver = new SessionSaver({ state, log, extents: this.#extents, clock, onFailure });
    this.#stored = new StoredRecords({
      log,
      clock,
      logger: this.#logger,
      chunksSizeMax: sessionChunksSizeMax,
      chunkSize: sessionReadSize,
      readsMax: sessionReadsMax,
      retryMs: sessionReadRetryMs,
    });
    this.#cleaner = options.trim === undefined ? undefined : this.#buildCleaner(options.trim);
  }

  #buildCleaner(trim: NonNullable<DurableSessionStoreOptions["trim"]>): LogCleaner {
    return new LogCleaner({
      log: this.#log,
      extents: this.#extents,
      clock: this.#options.clock,
      logger: this.#logger,
      queued: this.totals,
      sessions: () => this.#sessions.values(),
      append: (record, movedFrom, neededBy) => {
        const offset = this.#writer.writeMoved(record, movedFrom, neededBy);
        this.#noteAppended(offset);
        for (const { session } of neededBy) this.#saver.onChanged(session, offset);
        return offset;
      },
      onChanged: (session) => this.#saver.onChanged(session, this.#log.nextOffset),
      save: () => this.#saver.flush(true),
      trim: (offset) => trim(this.#log, offset),
      extentsKept: this.#options.extentsKept ?? sessionExtentsKept,
    });
  }

  /** The session log, for metrics and health. */
  get log(): Partition {
    return this.#log;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get queuedCount(): number {
    return this.totals.count;
  }

  get queuedBytes(): number {
    return this.totals.bytes;
  }

  get storedBytes(): number {
    return this.#extents.size;
  }

  // --- life ------------------------------------------------------------------------------------------------------

  /** Rejects with what opening a partition or the state store rejects with. */
  async open(onSession?: OnSession): Promise<void> {
    const { storage } = this.#options;
    await storage.makeDirectory("0");
    await this.#log.open();
    this.#recent = new RecentRecords(this.#options.recentRecordsSizeMax ?? recentRecordsSizeMax, this.#log.nextOffset);
    this.#writer = new MessageWriter(this.#log, this.#recent);
    const recovery = new SessionRecovery({
      state: this.#state,
      log: this.#log,
      logger: this.#logger,
      extents: this.#extents,
      build: (clientId, number) => new DurableSession(this, clientId, number),
      onSession,
      onChanged: (session, offset) => this.#saver.onChanged(session, offset),
    });
    const { sessions, nextNumber, clamped, replayedCount, hasStop } = await recovery.run();
    for (const session of sessions) this.#sessions.set(session.clientId, session);
    this.#nextNumber = nextNumber;
    if (hasStop) await this.#state.write([{ type: "delete", key: stopKey }], { sync: true });
    this.#status = "open";
    if (clamped) for (const session of sessions) this.#saver.onChanged(session, 0);
    if (clamped || replayedCount > 0) await this.#saver.flush(clamped);
    if (clamped) this.#logger.warn("messages that were not synced are lost", { sessions: sessions.length });
    this.#cleanLater();
  }

  #cleanLater(): void {
    if (this.#cleaner === undefined || this.#status !== "open") return;
    this.#cleanTimer = this.#options.clock.setTimer(() => {
      void this.clean().then(() => this.#cleanLater());
    }, sessionCleanIntervalMs);
  }

  /** Gives the disk back what nobody waits for; done every `sessionCleanIntervalMs` anyway. Never rejects. */
  async clean(): Promise<void> {
    await this.#cleaner?.run();
  }

  async flush(): Promise<void> {
    await this.#saver.flush(this.#isSynced);
  }

  async close(): Promise<void> {
    if (this.#status !== "open") return;
    this.#status = "closed";
    this.#options.clock.clearTimer(this.#cleanTimer);
    await this.#cleaner?.stop();
    this.#stored.close();
    this.#saver.close();
    for (const session of this.#sessions.values()) session.detach();
    if (this.#log.status === "open") {
      await this.#log.sync();
      await this.#saveStop().catch(() => undefined); // It was logged; the log has everything.
    }
    await this.#log.close();
  }

  /** Nothing is given out any more. Without this row the next start is as after a crash. */
  async #saveStop(): Promise<void> {
    await this.#saver.flush(this.#isSynced);
    const value = encodeStop(this.#sessions.values());
    await this.#state.write([{ type: "put", key: stopKey, value }], { sync: true });
  }

  // --- sessions --------------------------------------------------------------------------------------------------

  get(clientId: string): DurableSession | undefined {
    return this.#sessions.get(clientId);
  }

  sessions(): Iterable<DurableSession> {
    return this.#sessions.values();
  }

  expiredSessions(nowMs: number): DurableSession[] {
    const expired: DurableSession[] = [];
    for (const session of this.#sessions.values()) if (session.expiresAtMs <= nowMs) expired.push(session);
    return expired;
  }

  async create(clientId: string, metadata: Uint8Array): Promise<DurableSession> {
    if (this.#sessions.has(clientId)) throw brokerErrors.SESSION_EXISTS({ clientId });
    const session = new DurableSession(this, clientId, this.#nextNumber++);
    this.#sessions.set(clientId, session);
    const numbers = Buffer.alloc(4);
    numbers.writeUInt32LE(this.#nextNumber);
    try {
      await this.#write([
        { type: "put", key: sessionPrefix + clientId, value: encodeSession(session.number, metadata) },
        { type: "put", key: numbersKey, value: numbers },
      ]);
    } catch (error) {
      this.#remove(session);
      throw error;
    }
    return session;
  }

  async delete(session: DurableSession): Promise<void> {
    if (!session.exists) return;
    const { number } = session;
    const { pagesSavedFrom, pagesSavedTo } = session.activity;
    this.#remove(session);
    const operations: StateOperation[] = [
      { type: "delete", key: sessionPrefix + session.clientId },
      { type: "delete", key: queueKey(number) },
    ];
    for (let page = pagesSavedFrom; page < pagesSavedTo; page++)
      operations.push({ type: "delete", key: pageKey(number, page) });
    await this.#write(operations);
  }

  #remove(session: DurableSession): void {
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
    this.#saver.forget(session);
    session.end();
  }

  async saveMetadata(session: StoredSession, metadata: Uint8Array): Promise<void> {
    if (!session.exists) return;
    const value = encodeSession(session.number, metadata);
    await this.#write([{ type: "put", key: sessionPrefix + session.clientId, value }]);
  }

  async readMetadata(session: StoredSession): Promise<Buffer> {
    const key = sessionPrefix + session.clientId;
    const row = await this.#state.get(key);
    return row === undefined ? Buffer.alloc(0) : decodeSession(key, row).metadata;
  }

  async #write(operations: readonly StateOperation[]): Promise<void> {
    try {
      await this.#state.write(operations, { sync: this.#isSynced });
    } catch (error) {
      throw brokerErrors.STATE_WRITE_FAILED({ reason: error instanceof Error ? error.message : String(error) }, error);
    }
  }

  // --- messages --------------------------------------------------------------------------------------------------

  append(message: SessionMessage, waiter: DurabilityWaiter | undefined, token: number): boolean {
    const list = this.#list;
    const { publisher } = message;
    const size = message.size;
    this.#choose(message, size);
    if (list.count === 0 && publisher === undefined) return true;
    if (list.count > 0) this.#requireRoom();
    const offset = this.#writer.write(message, list);
    this.#noteAppended(offset);
    const expiresAtS = Math.ceil(message.expiresAtMs / 1000);
    for (let i = 0; i < list.count; i++) {
      const index = list.indices[i]!;
      const session = message.recipients[index] as DurableSession;
      session.makeRoom(size, this.limits);
      session.enqueue(offset, size, message.recipientQos[index]!, expiresAtS);
      this.#saver.onChanged(session, offset);
    }
    this.counters.queued += list.count;
    if (publisher?.exists === true) this.#notePublisher(publisher as DurableSession, message.packetIdentifier, offset);
    return waiter === undefined || this.wait(waiter, token);
  }

  admit(session: StoredSession, size: number, aheadCount: number, aheadBytes: number): void {
    (session as DurableSession).admit(size, this.limits, aheadCount, aheadBytes);
  }

  #requireRoom(): void {
    const sizeMax = this.#options.logBytesMax;
    const { size } = this.#extents;
    if (sizeMax === undefined || size < sizeMax) return;
    void this.clean();
    throw brokerErrors.SESSION_LOG_FULL({ size, sizeMax });
  }

  /** Lists the recipients that get the message. Throws SESSION_QUEUE_FULL. */
  #choose(message: SessionMessage, size: number): void {
    const list = this.#list;
    const limits = this.limits;
    list.clear();
    let dropped = 0;
    for (let i = 0; i < message.recipientCount; i++) {
      const session = message.recipients[i] as DurableSession;
      if (!session.exists) continue;
      if (session.takes(size, limits)) list.add(i, session.number);
      else if (limits.whenFull === "refuse") throw session.refusal();
      else {
        dropped++;
        session.noteDropped();
      }
    }
    this.counters.droppedNewest += dropped;
  }

  #notePublisher(publisher: DurableSession, packetIdentifier: number, offset: number): void {
    publisher.noteInbound(packetIdentifier, publisher.inboundNext);
    this.#saver.onChanged(publisher, offset);
  }

  #noteAppended(offset: number): void {
    this.#extents.add(offset, this.#recent.end - this.#recent.start);
  }

  appendReceived(session: DurableSession, sequence: number): void {
    const offset = this.#writer.writeReceived(session.number, sequence);
    this.#noteAppended(offset);
    this.#saver.onChanged(session, offset);
  }

  appendRelease(session: DurableSession, packetIdentifier: number): void {
    const offset = this.#writer.writeRelease(session.number, packetIdentifier);
    this.#noteAppended(offset);
    this.#saver.onChanged(session, offset);
  }

  whenDrained(listener: () => void): void {
    this.#log.whenDrained(listener);
  }

  wait(waiter: DurabilityWaiter, token: number): boolean {
    const log = this.#log;
    const end = log.nextOffset;
    if (this.#level === "memory" || end <= (this.#isSynced ? log.syncedWatermark : log.highWatermark)) return true;
    log.whenDurable(end, this.#level, waiter, token);
    return false;
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

  // --- what sessions need ----------------------------------------------------------------------------------------

  nowMs(): number {
    return this.#options.clock.nowMs();
  }

  isDeliverable(offset: number): boolean {
    return offset < (this.#isSynced ? this.#log.syncedWatermark : this.#log.highWatermark);
  }

  find(offset: number, session: DurableSession): "there" | "damaged" | "reading" {
    if (offset === this.#recordOffset) {
      this.counters.fromMemory++;
      return "there";
    }
    let source: RecentRecords | StoredRecords = this.#recent;
    if (this.#recent.find(offset)) this.counters.fromMemory++;
    else {
      source = this.#stored;
      const found = this.#stored.find(offset, session);
      if (found !== "there") return found;
      this.counters.fromDisk++;
    }
    this.#recordOffset = -1;
    if (!this.record.read(source.bytes, source.start, source.end) || this.record.kind !== recordKinds.message)
      return "damaged";
    this.#recordOffset = offset;
    return "there";
  }

  forget(session: DurableSession): void {
    this.#stored.forget(session);
  }

  onProgress(session: DurableSession): void {
    this.#saver.onProgress(session);
  }

  wake(session: DurableSession): void {
    const own = session.own();
    if (own.isWaking) return;
    own.isWaking = true;
    this.#waking.push(session);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#log.whenDurable(this.#log.nextOffset, this.#isSynced ? "synced" : "written", this, 0);
  }

  /** What was appended before the first of those that wait may be given out. Not for others to call. */
  onDurable(_token: number, error: PolylogError | undefined): void {
    this.#isWaiting = false;
    const woken = this.#waking;
    this.#waking = [];
    for (let i = 0; i < woken.length; i++) woken[i]!.woken();
    if (error === undefined) for (let i = 0; i < woken.length; i++) woken[i]!.tell();
  }

  wakeAtTurnEnd(session: DurableSession): void {
    this.#atTurnEnd.push(session);
    if (this.#atTurnEnd.length === 1) this.#options.clock.atTurnEnd(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    const woken = this.#atTurnEnd;
    this.#atTurnEnd = [];
    for (const session of woken) session.tell();
  };
}
