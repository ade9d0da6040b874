/** What a partition is made of, and its bounds. */

import type { Clock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { BlockCache } from "./block-cache.ts";
import type { DiskSpace } from "./disk/disk-space.ts";
import type { DiskTimings } from "./disk/disk-timings.ts";
import type { PendingTotal } from "./pending-total.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import type { Storage } from "./storage/storage.ts";
import type { TailCache } from "./tail-cache.ts";
import type { ZeroAheadOptions } from "./zero-ahead.ts";

export interface PartitionOptions {
  /** Name of its log; every segment's header has its checksum. */
  readonly log: string;
  readonly number: number;
  readonly storage: Storage;
  /** Directory of its segments in the storage. */
  readonly directory: string;
  readonly clock: Clock;
  readonly cache: TailCache;
  /** Shared by all partitions of a store; default: one of its own. */
  readonly blockCache?: BlockCache;
  /** Shared by all partitions of a store; default: its own. */
  readonly readBuffers?: ReadBuffers;
  readonly logger?: Logger;
  /** How often the log was opened, this time included; raised if the segments know better. Default 1. */
  readonly epoch?: number;
  readonly segmentSizeMax?: number;
  readonly syncIntervalMs?: number;
  readonly pendingBytesMax?: number;
  /** Producers with an id that are remembered. Default `producersPerPartitionMax`. */
  readonly producersMax?: number;
  /** Shared by the partitions of a store. Default: one of its own. */
  readonly pendingTotal?: PendingTotal;
  /** Without it, a full disk makes the partition read-only. */
  readonly space?: DiskSpace;
  readonly timings?: DiskTimings;
  readonly zeroAhead?: ZeroAheadOptions;
  /**
   * `new`: there is nothing yet; records are taken before it is open, and written after. `existing`: no segment there is
   * damage. Default: whatever is there is opened, and if nothing is, it is made.
   */
  readonly expect?: "new" | "existing" | "any";
  /** A segment is sealed and the next one begun. Must not throw. */
  readonly onSegmentBegun?: () => void;
}
