/**
 * Gives the disk back what no session waits for. The session log can only be trimmed at its front, so what is still needed
 * of the oldest extent is appended once more, and then the extent goes.
 *
 *     survey the oldest extent ──nothing needed──────────────────────────────▶ save, synced ──▶ trim ──▶ the next one
 *              └──little needed──▶ append what is, synced ──▶ point the entries there ──┘
 *
 * - It is moved when less than half of it is needed, or when all that waits is less than half of the log, or when the log
 *   has grown by `growthPerMove` extents since the last move. So one session that stays away for a year keeps its own
 *   messages and not everybody's, and what is written twice stays in proportion to what is written.
 * - A crash at any step leaves both records or one that is needed: the old one goes only after the rows that point to the
 *   new one are synced, and a moved record that is replayed points the same entries to itself.
 *
 * What is looked at grows with all that waits; the work is done in pieces, and nobody waits for it.
 */

import type { Clock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import { type Chunk, type Partition, RecordCursor } from "@polylog/log";
import { sessionReadSize } from "../limits.ts";
import type { DurableSession } from "./durable-session.ts";
import type { LogExtents } from "./log-extents.ts";
import { recordKinds, SessionRecord } from "./session-record.ts";
import { whenDurable } from "./session-saver.ts";

/** A recipient that needs a record. */
export interface NeededBy {
  readonly session: DurableSession;
  readonly sequence: number;
}

export interface LogCleanerOptions {
  readonly log: Partition;
  readonly extents: LogExtents;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What waits, over all sessions. */
  readonly queued: { readonly count: number; readonly bytes: number };
  readonly sessions: () => Iterable<DurableSession>;
  /** Appends the record once more, for these recipients; returns its offset. */
  readonly append: (record: SessionRecord, movedFrom: number, neededBy: readonly NeededBy[]) => number;
  readonly onChanged: (session: DurableSession) => void;
  /** Resolves when all sessions are saved and synced. */
  readonly save: () => Promise<void>;
  readonly trim: (offset: number) => Promise<void>;
  /** So many extents are left alone, however little of them is needed. */
  readonly extentsKept: number;
}

const entriesPerPiece = 50_000;
const neededPerMove = 200_000;
const offsetsPerBucket = 1024;
const growthPerMove = 4;

/** About what a record has beside topic, properties and payload. Too much only means that less is moved. */
const recordOverhead = 64;

interface Survey {
  readonly from: number;
  readonly to: number;
  /** By offset, from `from` on: 1 when somebody needs it. */
  readonly needed: Uint8Array;
  /** Entries that need something in each run of `offsetsPerBucket` offsets. */
  readonly buckets: Uint32Array;
  count: number;
  bytes: number;
}

export class LogCleaner {
  readonly #options: LogCleanerOptions;
  #running: Promise<void> | undefined;
  #movedAtBytes = 0;
  #ending = false;

  constructor(options: LogCleanerOptions) {
    this.#options = options;
  }

  /** Cleans until what is oldest should stay; joins a run under way. What fails is logged and tried again next time. */
  run(): Promise<void> {
    this.#running ??= this.#run()
      .catch((error: unknown) => {
        if (!this.#ending) this.#options.logger.error("the session log could not be cleaned", { error });
      })
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#ending = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { extents, save, trim } = this.#options;
    // What is moved comes back at the end: each extent there is now is looked at once.
    for (let left = extents.list.length; left > 1 && !this.#ending; left--) {
      const extent = extents.list[0]!;
      const to = extents.list[1]!.offset;
      const survey = await this.#survey(extent.offset, to);
      if (this.#ending) return;
      if (survey.count > 0) {
        if (!this.#isWorthMoving(survey, extent.bytes)) return;
        if (!(await this.#moveAll(survey))) return;
        this.#movedAtBytes = extents.appendedBytes;
      }
      await save();
      await trim(to);
      extents.trimTo(to);
    }
  }

  #isWorthMoving(survey: Survey, bytes: number): boolean {
    const { extents, extentsKept, queued } = this.#options;
    if (extents.list.length <= extentsKept) return false;
    if (survey.bytes < bytes / 2) return true;
    if (queued.bytes + queued.count * recordOverhead < extents.size / 2) return true;
    return extents.appendedBytes - this.#movedAtBytes >= growthPerMove * bytes;
  }

  async #survey(from: number, to: number): Promise<Survey> {
    const needed = new Uint8Array(to - from);
    const buckets = new Uint32Array(Math.ceil((to - from) / offsetsPerBucket));
    const survey: Survey = { from, to, needed, buckets, count: 0, bytes: 0 };
    await this.#visit(from, to, (_session, _sequence, offset, size) => {
      const index = offset - from;
      survey.count++;
      buckets[Math.floor(index / offsetsPerBucket)]!++;
      if (needed[index] === 0) survey.bytes += size + recordOverhead;
      needed[index] = 1;
    });
    return survey;
  }

  /** Visits every entry that needs a record in `[from, to)`. What is finished meanwhile may be visited or not. */
  async #visit(
    from: number,
    to: number,
    visit: (session: DurableSession, sequence: number, offset: number, size: number) => void,
  ): Promise<void> {
    let left = entriesPerPiece;
    for (const session of this.#options.sessions()) {
      left -= 10 + session.queuedCount;
      session.visitNeeded((sequence, offset, size) => {
        if (offset >= from && offset < to) visit(session, sequence, offset, size);
      });
      if (left > 0) continue;
      left = entriesPerPiece;
      await new Promise<void>((resolve) => this.#options.clock.atTurnEnd(resolve));
      if (this.#ending) return;
    }
  }

  /** False: the store closes. */
  async #moveAll(survey: Survey): Promise<boolean> {
    const { buckets, from, to } = survey;
    for (let first = 0; first < buckets.length; ) {
      let entries = buckets[first]!;
      let next = first + 1;
      while (next < buckets.length && entries + buckets[next]! <= neededPerMove) entries += buckets[next++]!;
      const end = Math.min(to, from + next * offsetsPerBucket);
      if (entries > 0) await this.#move(from + first * offsetsPerBucket, end);
      if (this.#ending) return false;
      first = next;
    }
    return true;
  }

  async #move(from: number, to: number): Promise<void> {
    const { log } = this.#options;
    const neededBy = new Map<number, NeededBy[]>();
    await this.#visit(from, to, (session, sequence, offset) => {
      const those = neededBy.get(offset);
      if (those === undefined) neededBy.set(offset, [{ session, sequence }]);
      else those.push({ session, sequence });
    });
    if (this.#ending) return;
    const moves = await this.#appendAgain([...neededBy].sort(([a], [b]) => a - b));
    await whenDurable(log, log.nextOffset, "synced");
    for (const [session, offsets] of moves) {
      if (!session.exists) continue;
      session.moveEntries(offsets);
      this.#options.onChanged(session);
    }
  }

  /** Returns, for each session, the new offsets by sequence. */
  async #appendAgain(
    wanted: readonly (readonly [number, NeededBy[]])[],
  ): Promise<Map<DurableSession, Map<number, number>>> {
    const { append, logger } = this.#options;
    const moves = new Map<DurableSession, Map<number, number>>();
    const cursor = new RecordCursor();
    const record = new SessionRecord();
    let chunk: Chunk | undefined;
    for (const [offset, neededBy] of wanted) {
      if (chunk === undefined || offset >= chunk.offsetNext) {
        chunk = await this.#read(offset);
        if (chunk === undefined) continue;
        cursor.reset(chunk, offset);
        cursor.next();
      }
      while (cursor.offset < offset && cursor.next());
      const isMessage =
        record.read(cursor.bytes, cursor.valueStart, cursor.valueEnd) && record.kind === recordKinds.message;
      if (cursor.offset !== offset || !isMessage) {
        logger.error("a message that waits for sessions is damaged", { offset });
        continue;
      }
      neededBy.sort((a, b) => a.session.number - b.session.number);
      const those = neededBy.filter(({ session }) => session.exists && record.indexOf(session.number) >= 0);
      const movedTo = append(record, offset, those);
      for (const { session, sequence } of those) {
        const own = moves.get(session);
        if (own === undefined) moves.set(session, new Map([[sequence, movedTo]]));
        else own.set(sequence, movedTo);
      }
    }
    return moves;
  }

  /** Undefined: it cannot be read, and was said. */
  async #read(offset: number): Promise<Chunk | undefined> {
    const { log, logger } = this.#options;
    await new Promise<void>((resolve) => log.whenDrained(resolve));
    try {
      return await log.readChunk(offset, sessionReadSize);
    } catch (error) {
      logger.error("a message that waits for sessions could not be read", { offset, error });
      return undefined;
    }
  }
}
