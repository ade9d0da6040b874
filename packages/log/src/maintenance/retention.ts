/**
 * Removes the oldest records of a partition by age and by bytes, as whole segments.
 *
 * - Age: a segment goes when its last record is older than `retentionMs`. The newest segment is sealed once its first record
 *   is a part (`segmentsPerBound`) of that old, so that the records of a log at rest go too.
 * - Bytes: the oldest segments go while all of them together are larger than `retentionBytes`. Segments are made small enough
 *   for that (`segmentBounds`). Looked at every round and whenever a segment is begun.
 * - What a channel has not finished stays with `keep`, and is said when it exceeds a limit; with `drop` it goes, and whoever
 *   needed it hears from the partition's watcher. What waits for a first channel to come is not needed by one.
 * - An `#ephemeral` log is bounded by `ephemeralBytes` and `ephemeralRecords` too, and drops.
 */

import type { Clock } from "@polylog/base/clock";
import type { EmbeddedLog } from "../embedded-log.ts";
import { segmentsPerBound } from "../limits.ts";
import { type LogConfig, segmentBounds } from "../log-config.ts";
import type { SegmentSummary } from "../segment.ts";
import type { MaintenanceTask, MaintenanceTurn } from "./maintenance.ts";

export const retention: MaintenanceTask = {
  name: "retention",
  async run(turn) {
    const { log, partition, clock } = turn;
    const { retentionMs } = log.config;
    const sinceMs = partition.newestSegmentSinceMs;
    if (retentionMs > 0 && sinceMs !== undefined && clock.nowMs() - sinceMs >= retentionMs / segmentsPerBound)
      await partition.roll();
    if (partition.status !== "open") return;
    // From here until `trimTo` has raised the low watermark nobody else runs, and so nobody begins to need a record.
    const { segments } = partition;
    const expired = expiredSegments(segments, limitsOf(log, clock));
    const keeps = log.config.retentionUnfinished === "keep" && !log.ephemeral;
    const needed = keeps ? (partition.neededFrom?.() ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
    const removable = expired.filter((segment) => segment.offsetNext <= needed);
    noteHeld(turn, expired.slice(removable.length));
    await partition.trimTo(segments[removable.length]!.baseOffset);
  },
};

export interface RetentionLimits {
  /** What is older goes; ms since 1970. */
  readonly oldestMs: number;
  readonly bytesMax: number;
  readonly recordsMax: number;
}

/** For a log in memory, what the newest segment may still take counts as taken, so that the bounds hold at every moment. */
function limitsOf({ config, ephemeral }: EmbeddedLog, clock: Clock): RetentionLimits {
  const oldestMs = config.retentionMs === 0 ? Number.NEGATIVE_INFINITY : clock.nowMs() - config.retentionMs;
  const bytesMax = config.retentionBytes || Number.POSITIVE_INFINITY;
  if (!ephemeral) return { oldestMs, bytesMax, recordsMax: Number.POSITIVE_INFINITY };
  return { oldestMs, ...ephemeralLimits(config, bytesMax) };
}

function ephemeralLimits(config: LogConfig, bytesMax: number): { bytesMax: number; recordsMax: number } {
  const { sizeMax, recordsMax } = segmentBounds(config, true);
  return {
    bytesMax: Math.min(bytesMax, config.ephemeralBytes - sizeMax),
    recordsMax: config.ephemeralRecords - recordsMax,
  };
}

/** The segments that are beyond the limits, oldest first; never the newest one. */
export function expiredSegments<Summary extends SegmentSummary>(
  segments: readonly Summary[],
  { oldestMs, bytesMax, recordsMax }: RetentionLimits,
): readonly Summary[] {
  let bytes = 0;
  let records = 0;
  for (const segment of segments) {
    bytes += segment.size;
    records += segment.offsetNext - segment.baseOffset;
  }
  let count = 0;
  for (; count < segments.length - 1; count++) {
    const { size, baseOffset, offsetNext, timestampLast } = segments[count]!;
    if (bytes <= bytesMax && records <= recordsMax && timestampLast >= oldestMs) break;
    bytes -= size;
    records -= offsetNext - baseOffset;
  }
  return segments.slice(0, count);
}

/** Says once that the limits are exceeded, until they are not. */
function noteHeld({ log, partition, logger }: MaintenanceTurn, held: readonly SegmentSummary[]): void {
  const heldBytes = held.reduce((sum, segment) => sum + segment.size, 0);
  if (heldBytes > 0 && partition.retentionHeldBytes === 0) {
    const neededFrom = partition.neededFrom?.();
    const fields = { log: log.name, partition: partition.number, heldBytes, neededFrom };
    logger.warn("records stay beyond the limits of retention, because channels have not finished them", fields);
  }
  partition.retentionHeldBytes = heldBytes;
}
