/**
 * One partition of a log, as every engine has it: records go in at the end, get consecutive offsets, and are read by offset or
 * time as batches (`batch.ts`; an engine that stores something else makes them of it). What is promised at which level is in
 * `durability.ts`. `log-store.contract.ts` has the suite.
 *
 *     opening ──▶ open ──▶ closed
 *        └─────────┴──▶ readOnly ──▶ closed      what was appended could not be kept, or what is stored is damaged
 */

import type { PolylogError } from "@polylog/base/errors";
import type { Chunk } from "./chunk.ts";
import type { Durability, DurabilityWaiter } from "./durability.ts";
import type { ProducerStamp } from "./producers/producer-block.ts";
import type { RecordFields } from "./rich-record.ts";

/** Where the records of a call are. */
export interface Produced {
  readonly baseOffset: number;
  /** They were appended by an earlier call; nothing was appended now. */
  readonly duplicate: boolean;
}

export interface PartitionWatcher {
  /** The high watermark or the status changed. Called synchronously; must not throw. */
  onHighWatermark(partition: Partition): void;
  /** Records were trimmed. Called synchronously; must not throw. */
  onLowWatermark?(partition: Partition): void;
}

export type PartitionStatus = "opening" | "open" | "readOnly" | "closed";

export interface Partition {
  readonly number: number;
  readonly status: PartitionStatus;
  /** Why it takes no records although it can be read: it is read-only, or there is no room for more. */
  readonly error: PolylogError | undefined;
  /** First offset kept. */
  readonly lowWatermark: number;
  /** Every offset below is written and can be read. */
  readonly highWatermark: number;
  /** Every offset below survives the machine. */
  readonly syncedWatermark: number;
  /** Offset that the next record gets. */
  readonly nextOffset: number;
  /** Bytes appended and not yet written. */
  readonly pendingBytes: number;
  /** Bytes that may be appended until it is saturated. */
  readonly room: number;
  /** True when the next append throws APPEND_QUEUE_FULL; see `whenDrained`. One append may pass the bound. */
  readonly saturated: boolean;
  /** Bytes of all records kept, and what belongs to them. */
  readonly storedBytes: number;
  /** Offsets trimmed since it was opened. */
  readonly trimmedCount: number;
  /** Records that compaction removed since it was opened, at or behind the first that a channel had not finished. */
  readonly compactedUnfinishedCount: number;
  /** How often records had to wait because something that is needed to store them had run short. */
  readonly stallCount: number;
  /** Bytes that are beyond the limits of retention and needed, as of its last round. */
  readonly retentionHeldBytes: number;
  /** Highest epoch of the producers that wrote to it; -1: none did, or it is not open. */
  readonly producerEpochMax: number;
  /** The first offset that somebody still needs: retention keeps it if the log says so. Undefined: nobody needs anything. */
  neededFrom: (() => number) | undefined;

  /**
   * Adds one record and returns its offset. Throws PARTITION_READ_ONLY, PARTITION_CLOSED, DISK_FULL, APPEND_QUEUE_FULL,
   * RECORD_TOO_LARGE, RECORD_INVALID; nothing is added then. All bytes are copied.
   */
  append(fields: RecordFields): number;
  /** As `append` for a value alone, `bytes[start, end)`. */
  appendValue(bytes: Uint8Array, start: number, end: number): number;
  /** As `append` for a value and the MQTT topic it was published under. */
  appendTopicValue(topic: Uint8Array, bytes: Uint8Array, start: number, end: number): number;
  /**
   * Adds the `count` values framed as `[u32 BE size][value]` in `bytes[start, end)`, `gap` (default 0) other bytes between two
   * of them; returns the first one's offset. All or nothing; throws FRAMES_INVALID besides what `append` throws.
   */
  appendFramed(bytes: Uint8Array, start: number, end: number, count: number, gap?: number): number;
  /**
   * Adds the records of one call of a producer with an id, as one batch; all or nothing. A call that was taken before adds
   * nothing and tells where its records are: wait for them with `whenDurable` all the same. Throws what `append` throws,
   * PRODUCER_INVALID, PRODUCER_FENCED, PRODUCER_UNKNOWN, SEQUENCE_GAP, DUPLICATE_SEQUENCE, PRODUCE_TOO_LARGE.
   */
  appendProduced(stamp: ProducerStamp, records: readonly RecordFields[]): Produced;
  /**
   * What `appendProduced` answers to a call of `count` records that was taken before; undefined for the one to come next. Throws
   * what `appendProduced` throws for the stamp.
   */
  findProduced(stamp: ProducerStamp, count: number): Produced | undefined;
  /**
   * Throws what the next append would be refused with, but for faults of its own. If it does not throw, the next append is not
   * refused with APPEND_QUEUE_FULL, whatever is appended elsewhere meanwhile; so ask only before you append, in the same turn.
   */
  admit(): void;

  /**
   * Calls `waiter.onDurable(token, …)` once every offset below `endOffset`, which must not be above `nextOffset`, reached
   * `level`; before returning, if it already has. Waiters of a level hear in the order in which they came.
   */
  whenDurable(endOffset: number, level: Durability, waiter: DurabilityWaiter, token: number): void;
  /** Writes what was appended now, instead of at the end of the turn. */
  flush(): void;
  /** Resolves when everything appended so far is synced. */
  sync(): Promise<void>;
  /**
   * Calls `listener` once when the bound that was reached, the partition's or the store's, is half free, at once if it is; also
   * when records are refused for another reason. Ask `saturated` again then.
   */
  whenDrained(listener: () => void): void;

  /** Batches in memory from the one with `offset` on; undefined when they must be read, or are not written yet. */
  cachedChunk(offset: number): Chunk | undefined;
  /**
   * Whole batches from the one with `offset` on, about `bytesMax` and at least one; undefined at the end. Rejects with
   * OFFSET_OUT_OF_RANGE, CORRUPT_BATCH, PARTITION_CLOSED, or the system's error when what is stored cannot be read.
   */
  readChunk(offset: number, bytesMax: number): Promise<Chunk | undefined>;
  /**
   * As `readChunk`, for who needs the chunk for a while only: what has `borrowed` is to be handed to `giveBack` when it is not used
   * any more, and changes then. One that is not given back is the garbage collector's.
   */
  borrowChunk(offset: number, bytesMax: number): Promise<Chunk | undefined>;
  /** Takes any chunk, and does nothing with one that is not borrowed. */
  giveBack(chunk: Chunk): void;
  /** First offset whose timestamp is not before `timestampMs`; the high watermark when there is none. */
  offsetAt(timestampMs: number): Promise<number>;

  /**
   * Removes the records below `offset`, for good when this resolves; nobody begins to read them once it has been called.
   * `offset` is at most the high watermark; one that is not above the low watermark removes what an earlier call could not.
   * Rejects with OFFSET_OUT_OF_RANGE, PARTITION_READ_ONLY, PARTITION_CLOSED, or the system's error; what could not be removed goes
   * with a later call or the next start.
   */
  trimTo(offset: number): Promise<void>;
  /** Removes every record appended so far; what is appended meanwhile stays. Rejects as `trimTo`. */
  empty(): Promise<void>;

  /** Has `watcher` called after each change, until `unwatch`. */
  watch(watcher: PartitionWatcher): void;
  unwatch(watcher: PartitionWatcher): void;
}
