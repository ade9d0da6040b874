/**
 * Compacts the partitions of logs that say so. With `retentionUnfinished` `keep` the records that a channel has not finished
 * stay; with `drop` it gets those that are left, and the others are counted.
 */

import type { MaintenanceTask } from "./maintenance.ts";

export const compactionTask: MaintenanceTask = {
  name: "compaction",
  async run(turn) {
    const { log, partition, clock, logger } = turn;
    const { cleanup, retentionUnfinished, tombstoneRetentionMs } = log.config;
    if (cleanup !== "compact") return;
    const keeps = retentionUnfinished === "keep" && !log.ephemeral;
    const startedMs = clock.monotonicMs();
    const report = await partition.compactor.run({
      clock,
      tombstoneRetentionMs,
      neededFrom: () => (keeps ? partition.neededFrom?.() : undefined) ?? Number.POSITIVE_INFINITY,
      unfinishedFrom: () => partition.neededFrom?.() ?? Number.POSITIVE_INFINITY,
      isEnding: () => turn.ending || partition.status !== "open",
    });
    if (report === undefined || report.segmentsRewritten === 0) return;
    const durationMs = Math.round(clock.monotonicMs() - startedMs);
    logger.info("compacted", { log: log.name, partition: partition.number, ...report, durationMs });
  },
};
