/**
 * Sessions as they were: what was saved, and then every record of the session log from the checkpoint on, once more for
 * each session whose saved row does not have it. No limit is applied to what is replayed: it was accepted.
 *
 * After a power cut the saved rows may refer to records that the log has lost (they had not reached `synced`). Such entries
 * become holes, so that their packet identifiers are not given to other messages at once.
 *
 * After a crash nobody knows which of those that wait were sent in the last 100 ms: all of them may have been.
 */

import { isCodedError } from "@polylog/base/errors";
import type { Logger } from "@polylog/base/telemetry";
import { type Partition, RecordCursor, type StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import { readAheadSize } from "../limits.ts";
import type { QoS } from "../publication.ts";
import type { DurableSession } from "./durable-session.ts";
import type { LogExtents } from "./log-extents.ts";
import { recordKinds, SessionRecord } from "./session-record.ts";
import {
  type Checkpoint,
  checkpointKey,
  decodeCheckpoint,
  decodeQueue,
  decodeSession,
  decodeStop,
  numbersKey,
  pageEntries,
  parseQueueKey,
  queuePrefix,
  sessionPrefix,
  stopKey,
} from "./session-rows.ts";
import type { OnSession } from "./session-store.ts";

export interface SessionRecoveryParts {
  readonly state: StateStore;
  /** Open. */
  readonly log: Partition;
  readonly logger: Logger;
  readonly extents: LogExtents;
  readonly build: (clientId: string, number: number) => DurableSession;
  readonly onSession: OnSession | undefined;
  /** A record changed the session. */
  readonly onChanged: (session: DurableSession, offset: number) => void;
}

export interface RecoveredSessions {
  readonly sessions: readonly DurableSession[];
  readonly nextNumber: number;
  /** Saved rows referred to records that are lost: save all of them, before anything is appended. */
  readonly clamped: boolean;
  readonly replayedCount: number;
  /** The row that an orderly stop leaves is there. */
  readonly hasStop: boolean;
}

export class SessionRecovery {
  readonly #parts: SessionRecoveryParts;
  readonly #sessions = new Map<number, DurableSession>();
  /** Where the saved row of a session ends; nothing: it has none. */
  readonly #applied = new Map<number, number>();
  readonly #moves = new Map<DurableSession, Map<number, number>>();
  readonly #record = new SessionRecord();
  #clamped = false;
  #replayedCount = 0;

  constructor(parts: SessionRecoveryParts) {
    this.#parts = parts;
  }

  async run(): Promise<RecoveredSessions> {
    const { state, log, extents } = this.#parts;
    const numbers = await state.get(numbersKey);
    const row = await state.get(checkpointKey);
    const checkpoint: Checkpoint = row === undefined ? noCheckpoint : decodeCheckpoint(row);
    extents.restore(checkpoint.extents, log.nextOffset);
    await this.#loadSessions();
    await this.#loadQueues();
    if (checkpoint.offset > log.nextOffset || checkpoint.extentsEnd > log.nextOffset) this.#clamped = true;
    await this.#replay(checkpoint);
    for (const [session, moves] of this.#moves) session.moveEntries(moves);
    const stop = await state.get(stopKey);
    const maybeSent = stop === undefined ? undefined : decodeStop(stop);
    for (const session of this.#sessions.values()) {
      const own = session.own();
      own.maybeSentBelow = maybeSent === undefined ? own.queue.next : (maybeSent.get(session.number) ?? 0);
      own.inboundBefore = own.inboundNext;
      session.rest();
    }
    const sessions = [...this.#sessions.values()].sort((a, b) => a.number - b.number);
    const nextNumber = readNextNumber(numbers, sessions);
    return {
      sessions,
      nextNumber,
      clamped: this.#clamped,
      replayedCount: this.#replayedCount,
      hasStop: stop !== undefined,
    };
  }

  async #loadSessions(): Promise<void> {
    const { state, build, onSession } = this.#parts;
    for await (const [key, row] of state.entries(sessionPrefix)) {
      const { number, metadata } = decodeSession(key, row);
      // Two with one number would get each other's messages.
      if (this.#sessions.has(number)) throw brokerErrors.STATE_DAMAGED({ key });
      const session = build(key.slice(sessionPrefix.length), number);
      this.#sessions.set(number, session);
      onSession?.(session, metadata);
    }
  }

  async #loadQueues(): Promise<void> {
    let pages: Buffer[] = [];
    let pageFirst = -1;
    for await (const [key, row] of this.#parts.state.entries(queuePrefix)) {
      const { session: number, page } = parseQueueKey(key);
      if (page >= 0) {
        if (pages.length === 0) pageFirst = page;
        pages.push(row);
        continue;
      }
      const session = this.#sessions.get(number);
      if (session !== undefined) this.#loadQueue(session, key, row, pages, pageFirst);
      pages = [];
      pageFirst = -1;
    }
  }

  #loadQueue(session: DurableSession, key: string, row: Buffer, pages: readonly Buffer[], pageFirst: number): void {
    const end = this.#parts.log.nextOffset;
    const own = session.own();
    const { queue } = own;
    let isEmpty = true;
    const saved = decodeQueue(key, row, pages, (sequence, offset, size, qos, expiresAtS) => {
      if (isEmpty) queue.clear(sequence);
      isEmpty = false;
      if (qos === 3) queue.pushHole();
      else if (offset < end) session.restoreEntry(offset, size, qos as QoS, expiresAtS);
      else {
        queue.pushHole();
        this.#clamped = true;
      }
    });
    if (isEmpty) queue.clear(saved.next);
    for (const [sequence, entry] of saved.inFlight ?? [])
      if (entry.offset >= end && !entry.released) {
        saved.inFlight!.delete(sequence);
        this.#clamped = true;
      }
    session.restore(saved);
    own.pagesSavedFrom = pageFirst >= 0 ? pageFirst : Math.floor(saved.first / pageEntries);
    own.pagesSavedTo = Math.floor(saved.next / pageEntries);
    if (saved.applied > end) this.#clamped = true;
    this.#applied.set(session.number, Math.min(end, saved.applied));
  }

  async #replay(checkpoint: Checkpoint): Promise<void> {
    const { log, extents, logger } = this.#parts;
    const cursor = new RecordCursor();
    const record = this.#record;
    let at = Math.max(log.lowWatermark, Math.min(checkpoint.offset, log.nextOffset));
    while (at < log.highWatermark) {
      const chunk = await this.#readChunk(at);
      if (typeof chunk === "number") {
        at = chunk;
        continue;
      }
      cursor.reset(chunk, at);
      while (cursor.next()) {
        const { offset, valueStart, valueEnd } = cursor;
        if (offset >= checkpoint.extentsEnd) extents.add(offset, valueEnd - valueStart);
        if (record.read(cursor.bytes, valueStart, valueEnd)) this.#apply(offset);
        else logger.error("a record of the session log is not one of ours", { offset });
        this.#replayedCount++;
      }
      at = chunk.offsetNext;
    }
  }

  /** The chunk, or where to go on behind damage. */
  async #readChunk(offset: number) {
    const { log, logger } = this.#parts;
    try {
      const chunk = await log.readChunk(offset, readAheadSize);
      return chunk ?? log.highWatermark;
    } catch (error) {
      if (!isCodedError(error, "log.CORRUPT_BATCH")) throw error;
      logger.error("messages that wait for sessions are damaged", { error });
      return Math.max(offset + 1, Number(error.details["offsetNext"]));
    }
  }

  #apply(offset: number): void {
    const record = this.#record;
    if (record.kind === recordKinds.message) {
      this.#applyMessage(offset);
      return;
    }
    const session = this.#concerned(record.session, offset);
    if (session === undefined) return;
    if (record.kind === recordKinds.received) session.restoreReceived(record.sequence);
    else session.activity.inbound?.delete(record.packetIdentifier);
  }

  #applyMessage(offset: number): void {
    const record = this.#record;
    const size = record.messageSize;
    const expiresAtS = Math.ceil(record.expiresAtMs / 1000);
    for (let i = 0; i < record.recipientCount; i++) {
      const session = this.#concerned(record.recipient(i), offset);
      if (session === undefined) continue;
      if (record.movedFrom < 0) session.restoreEntry(offset, size, record.recipientQos(i), expiresAtS);
      else this.#noteMove(session, record.recipientSequence(i), offset);
    }
    if (record.publisher < 0) return;
    this.#concerned(record.publisher, offset)?.noteInbound(record.packetIdentifier, record.inboundNumber);
  }

  /** Moves are made at the end, all of a session's at once. */
  #noteMove(session: DurableSession, sequence: number, offset: number): void {
    const moves = this.#moves.get(session);
    if (moves === undefined) this.#moves.set(session, new Map([[sequence, offset]]));
    else moves.set(sequence, offset);
  }

  /** The session, unless it is gone or has the record already. */
  #concerned(number: number, offset: number): DurableSession | undefined {
    const session = this.#sessions.get(number);
    if (session === undefined || offset < (this.#applied.get(number) ?? 0)) return undefined;
    this.#parts.onChanged(session, offset);
    return session;
  }
}

/** Above the number of every session that is there: a number that is given again gets what waits for another. */
function readNextNumber(row: Buffer | undefined, sessions: readonly DurableSession[]): number {
  if (row !== undefined && row.length !== 4) throw brokerErrors.STATE_DAMAGED({ key: numbersKey });
  const nextNumber = row?.readUInt32LE(0) ?? 0;
  if ((sessions.at(-1)?.number ?? -1) >= nextNumber) throw brokerErrors.STATE_DAMAGED({ key: numbersKey });
  return nextNumber;
}

const noCheckpoint: Checkpoint = { offset: 0, extentsEnd: 0, extents: [] };
