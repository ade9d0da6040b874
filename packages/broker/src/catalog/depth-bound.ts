/**
 * A bound on what the channels of a log have not finished, per partition: `depthRecords`, or `depthBytes` by the mean size of
 * the records kept. With `whenFull: "refuse"` nothing is appended while the channel that has most to do, or what waits for a
 * first one, has reached it; one call may go beyond it. With `drop` each channel drops the oldest of what waits in it,
 * and counts them. Ephemeral channels refuse nothing.
 */

import type { Log, Partition } from "@polylog/log";

/** Records, at least one: else the newest would be dropped before anybody got it. Infinity when there is no bound. */
export function depthMax({ config }: Log, partition: Partition): number {
  const { depthRecords, depthBytes } = config;
  const recordsMax = depthRecords > 0 ? depthRecords : Number.POSITIVE_INFINITY;
  if (depthBytes === 0) return recordsMax;
  const { nextOffset, lowWatermark, storedBytes, pendingBytes } = partition;
  const kept = nextOffset - lowWatermark;
  if (kept === 0) return recordsMax;
  const inBytes = Math.floor(depthBytes / Math.max(1, (storedBytes + pendingBytes) / kept));
  return Math.max(1, Math.min(recordsMax, inBytes));
}

/** The first offset that channels keep where the oldest are dropped; 0: all. */
export function keptFrom(log: Log, partition: Partition): number {
  const { depthRecords, depthBytes, whenFull } = log.config;
  if (whenFull !== "drop" || (depthRecords === 0 && depthBytes === 0)) return 0;
  return Math.max(0, partition.highWatermark - depthMax(log, partition));
}
