/**
 * Saves sessions to the state store, late and together; `session-rows.ts` says what and why a crash is safe.
 *
 * - Progress of deliveries is saved within `sessionSaveIntervalMs`: it is all that a crash can forget.
 * - What only came in is in the session log already. Its sessions are saved less often, so that a message for a hundred
 *   thousand of them does not cost as many rows each time; the bound is what a start would have to read again.
 *
 * After a failed write nothing is saved any more in this life: the log has everything from the last checkpoint on.
 */

import type { Clock, Timer } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { Partition, StateOperation, StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import { checkpointBytesMax, checkpointIntervalMs, sessionSaveIntervalMs, sessionsPerSave } from "../limits.ts";
import type { DurableSession } from "./durable-session.ts";
import type { LogExtents } from "./log-extents.ts";
import {
  checkpointKey,
  encodeCheckpoint,
  encodePages,
  encodeQueue,
  pageEntries,
  pageKey,
  queueKey,
} from "./session-rows.ts";

export interface SessionSaverOptions {
  readonly state: StateStore;
  readonly log: Partition;
  readonly extents: LogExtents;
  readonly clock: Clock;
  readonly onFailure: (error: PolylogError) => void;
}

interface SavedSession {
  readonly session: DurableSession;
  readonly operations: readonly StateOperation[];
}

export class SessionSaver {
  readonly #options: SessionSaverOptions;
  readonly #progress = new Set<DurableSession>();
  /** By the offset from which on their saved row lacks something. */
  readonly #changed = new Set<DurableSession>();
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: PolylogError | undefined;
  #savedAtMs = 0;
  #savedAtBytes = 0;
  #status: "idle" | "saving" | "closed" = "idle";

  constructor(options: SessionSaverOptions) {
    this.#options = options;
  }

  /** What its client has got is not saved. */
  onProgress(session: DurableSession): void {
    if (session.hasProgress) return;
    session.hasProgress = true;
    this.#progress.add(session);
    this.#timer ??= this.#options.clock.setTimer(this.#onTimer, sessionSaveIntervalMs);
  }

  /** The record at `offset` changed it. */
  onChanged(session: DurableSession, offset: number): void {
    if (session.changedFrom >= 0) return;
    session.changedFrom = offset;
    this.#changed.add(session);
    this.#timer ??= this.#options.clock.setTimer(this.#onTimer, sessionSaveIntervalMs);
  }

  forget(session: DurableSession): void {
    this.#progress.delete(session);
    this.#changed.delete(session);
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    void this.#saveDue();
  };

  async #saveDue(): Promise<void> {
    if (this.#status === "idle") {
      this.#status = "saving";
      const isDue = this.#isCheckpointDue();
      await this.#saveAll(false, isDue).catch(() => undefined); // It was said to `onFailure`.
      if (this.#status === "saving") this.#status = "idle";
    }
    if (this.#status === "closed" || this.#failure !== undefined) return;
    if (this.#progress.size + this.#changed.size > 0)
      this.#timer ??= this.#options.clock.setTimer(this.#onTimer, sessionSaveIntervalMs);
  }

  #isCheckpointDue(): boolean {
    const { clock, extents } = this.#options;
    if (extents.appendedBytes - this.#savedAtBytes >= checkpointBytesMax) return true;
    return clock.monotonicMs() - this.#savedAtMs >= checkpointIntervalMs;
  }

  /** Resolves when everything up to now is saved; with `sync`, when it would survive the machine. */
  flush(sync: boolean): Promise<void> {
    return this.#saveAll(sync, true);
  }

  async #saveAll(sync: boolean, withChanged: boolean): Promise<void> {
    const { clock, extents, log } = this.#options;
    const end = log.nextOffset;
    if (withChanged) {
      this.#savedAtMs = clock.monotonicMs();
      this.#savedAtBytes = extents.appendedBytes;
    }
    let count = this.#progress.size;
    while (count > 0 && this.#progress.size > 0) {
      const sessions = take(this.#progress, Math.min(count, sessionsPerSave));
      count -= sessions.length;
      await this.#save(sessions, sync);
    }
    if (!withChanged) return;
    while (this.#isChangedUpTo(end)) await this.#save(take(this.#changed, sessionsPerSave), sync);
    await this.#save([], sync); // The checkpoint.
  }

  #isChangedUpTo(end: number): boolean {
    for (const session of this.#changed) return session.changedFrom <= end;
    return false;
  }

  /** Rows are made now, and written once the log has what they refer to. */
  #save(sessions: readonly DurableSession[], sync: boolean): Promise<void> {
    const { log, extents } = this.#options;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const applied = log.nextOffset;
    const saved: SavedSession[] = [];
    for (const session of sessions) saved.push({ session, operations: this.#operations(session, applied) });
    let offset = applied;
    for (const session of this.#changed) {
      offset = session.changedFrom;
      break;
    }
    const value = encodeCheckpoint({ offset, extentsEnd: applied, extents: extents.list });
    const checkpoint: StateOperation = { type: "put", key: checkpointKey, value };
    const written = this.#writing.then(() => this.#write(saved, checkpoint, applied, sync));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  #operations(session: DurableSession, applied: number): StateOperation[] {
    this.#progress.delete(session);
    this.#changed.delete(session);
    session.hasProgress = false;
    session.changedFrom = -1;
    const { number, activity } = session;
    const { queue } = activity;
    const operations: StateOperation[] = [];
    const firstPage = Math.floor(queue.first / pageEntries);
    const lastPage = Math.floor(queue.next / pageEntries);
    for (let page = activity.pagesSavedFrom; page < Math.min(firstPage, activity.pagesSavedTo); page++)
      operations.push({ type: "delete", key: pageKey(number, page) });
    const unsavedFrom = activity.pagesMoved ? firstPage : Math.max(firstPage, activity.pagesSavedTo);
    encodePages(queue, unsavedFrom, lastPage, (page, value) => {
      operations.push({ type: "put", key: pageKey(number, page), value });
    });
    if (queue.next > 0) {
      activity.pagesMoved = false;
      activity.pagesSavedFrom = firstPage;
      activity.pagesSavedTo = lastPage;
    }
    operations.push({ type: "put", key: queueKey(number), value: encodeQueue(activity, session.expiresAtMs, applied) });
    return operations;
  }

  async #write(saved: readonly SavedSession[], checkpoint: StateOperation, end: number, sync: boolean): Promise<void> {
    const { state, log, onFailure } = this.#options;
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await whenDurable(log, end, sync ? "synced" : "written");
      const operations: StateOperation[] = [];
      for (const each of saved) if (each.session.exists) operations.push(...each.operations);
      operations.push(checkpoint);
      await state.write(operations, { sync });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#failure = brokerErrors.STATE_WRITE_FAILED({ reason }, error);
      onFailure(this.#failure);
      throw this.#failure;
    }
  }

  /** Saves nothing by itself any more. */
  close(): void {
    this.#status = "closed";
    this.#options.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}

function take(sessions: ReadonlySet<DurableSession>, countMax: number): DurableSession[] {
  const taken: DurableSession[] = [];
  for (const session of sessions) {
    if (taken.length >= countMax) break;
    taken.push(session);
  }
  return taken;
}

/** Resolves when everything below `end` reached the level. */
export function whenDurable(log: Partition, end: number, level: "written" | "synced"): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDurable = (_token: number, error: PolylogError | undefined): void =>
      error === undefined ? resolve() : reject(error);
    log.whenDurable(end, level, { onDurable }, 0);
  });
}
