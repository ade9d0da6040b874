/**
 * What outlives a connection: sessions, the messages that wait for each, and what a QoS 2 exchange has come to. Two
 * implementations, `MemorySessionStore` and `DurableSessionStore`; `session-store.contract.ts` is this file as tests.
 *
 *     append(message with recipients) ──▶ one record, however many sessions wait ──▶ waiter: acknowledge the publisher
 *                                              └──▶ one entry per recipient ──▶ listener.onDeliverable ──▶ next()
 *
 *     entry   waiting ──next──▶ sent ──finish──▶ gone                  QoS 1; QoS 0 is gone when `next` gave it
 *                                 └─received──▶ released ──finish──▶ gone   QoS 2: PUBREC, then PUBCOMP
 *
 * - Entries have a `sequence`: how many came before it in the life of its session. `packetIdentifierOf` makes the packet
 *   identifier of it, so a message that is repeated after a restart carries the one it had, and a receiver of QoS 2 knows it.
 * - An entry is given out once its record reached the store's level, never before: what a client saw is not forgotten.
 * - What `finish` and `next` did is saved up to 100 ms late: a crash repeats messages, it loses none. So what waited at a
 *   crash is given out as `maybeRepeated`, whether it was sent or not. What `received` and `release` did is durable before their waiter hears: no PUBLISH is repeated after it, no message published twice.
 *
 * The store knows no packets. Topic, properties, flags and the bytes of a recipient are the protocol's; it gives them back
 * as it got them. All calls but the ones that return a promise take effect at once; none may be made before `open` resolved.
 */

import type { DurabilityWaiter } from "@polylog/log";
import type { SessionMessage } from "./session-message.ts";
import type { StoredSession } from "./stored-session.ts";

/** What happens to a message for a session whose queue has no room. Always counted. */
export type WhenFull =
  /** The oldest messages that were not sent yet make room; if none is left, the new one is not queued. */
  | "drop-oldest"
  | "drop-newest"
  /** `append` throws SESSION_QUEUE_FULL, and nobody has the message. */
  | "refuse";

/** Bounds on what waits for one session, messages in flight included. */
export interface SessionLimits {
  readonly messagesMax: number;
  /** Bytes of records: topic, properties and payload. A single larger message is taken when nothing else waits. */
  readonly bytesMax: number;
  readonly whenFull: WhenFull;
}

/** What became of messages, all sessions together, since the store was opened. A message counts once per session. */
export interface SessionCounters {
  queued: number;
  finished: number;
  droppedOldest: number;
  droppedNewest: number;
  /** Calls of `append` that threw SESSION_QUEUE_FULL. */
  refused: number;
  expired: number;
  /** Their record could not be read: it is damaged. */
  damaged: number;
  /** Went with their session. */
  deletedWithSession: number;
  /** Given out without a read of the disk, and after one. */
  fromMemory: number;
  fromDisk: number;
}

/**
 * `onSession` is told each session that was there, in any order, with its metadata (valid for the call), before `open`
 * resolves. What waits for the session may not be known yet.
 * Metadata is the protocol's: subscriptions, expiry interval, will. The store does not keep it in memory.
 */
export type OnSession = (session: StoredSession, metadata: Buffer) => void;

export interface SessionStore {
  /** Limits for every session; a new value holds from the next `append` on. */
  limits: SessionLimits;
  readonly counters: Readonly<SessionCounters>;
  /** Sessions there are. */
  readonly size: number;
  /** Over all sessions. */
  readonly queuedCount: number;
  readonly queuedBytes: number;
  /** Bytes that the messages take on disk (in memory, for the store in memory), garbage included. */
  readonly storedBytes: number;

  open(onSession?: OnSession): Promise<void>;
  /** Saves everything and ends. Listeners hear nothing any more. */
  close(): Promise<void>;
  /** Resolves when everything done so far is saved at the store's level. */
  flush(): Promise<void>;

  get(clientId: string): StoredSession | undefined;
  /** In order of creation. */
  sessions(): Iterable<StoredSession>;
  /** Sessions whose `expiresAtMs` is not after `nowMs`. Looks at every session. */
  expiredSessions(nowMs: number): StoredSession[];
  /** Resolves when the session would be found after a crash. Rejects with SESSION_EXISTS, STATE_WRITE_FAILED. */
  create(clientId: string, metadata: Uint8Array): Promise<StoredSession>;
  /** The session is gone, with its queue, when this returns; resolves when it would not be found after a crash. */
  delete(session: StoredSession): Promise<void>;
  /** Resolves when the new metadata would be found after a crash. Calls take effect in their order. */
  saveMetadata(session: StoredSession, metadata: Uint8Array): Promise<void>;
  readMetadata(session: StoredSession): Promise<Buffer>;

  /**
   * Queues the message for each of its recipients and notes it for its publisher; everything in `message` is copied. True:
   * acknowledge now (nobody waits for it); false: `waiter` hears with `token` when it has reached the store's level, or
   * never will. Throws SESSION_QUEUE_FULL, SESSION_LOG_FULL, log.APPEND_QUEUE_FULL, log.PARTITION_READ_ONLY,
   * log.RECORD_TOO_LARGE; nobody has it then.
   */
  append(message: SessionMessage, waiter: DurabilityWaiter | undefined, token: number): boolean;
  /**
   * Throws SESSION_QUEUE_FULL, and counts it, where `append` would for a message of `size` bytes to this session, behind
   * `aheadCount` others of `aheadBytes` bytes together: when `whenFull` is `refuse` and there is no room.
   */
  admit(session: StoredSession, size: number, aheadCount: number, aheadBytes: number): void;
  /** After log.APPEND_QUEUE_FULL: calls `listener` once when there is room, at once if there is; also when it never will be. */
  whenDrained(listener: () => void): void;
  /** True: everything done so far has reached the store's level; false: `waiter` hears. For a PUBLISH that is repeated. */
  wait(waiter: DurabilityWaiter, token: number): boolean;
  /**
   * Finishes messages that expired at the front of queues, so that they take no room for those who stay away. Looks at up
   * to `sessionsMax` sessions, going round from call to call; returns how many messages went. Expired messages behind one
   * that has not expired are found when it is their turn.
   */
  removeExpired(nowMs: number, sessionsMax: number): number;
}
