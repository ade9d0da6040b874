/** Compresses the older segments of logs that are configured so, one after the other. */

import type { MaintenanceTask } from "./maintenance.ts";

export const compression: MaintenanceTask = {
  name: "compression",
  async run(turn) {
    const { log, partition, logger } = turn;
    if (log.ephemeral || log.config.compression === "none") return;
    const isEnding = (): boolean => turn.ending || partition.status !== "open" || log.config.compression === "none";
    for (;;) {
      const report = isEnding() ? undefined : await partition.compressNext(isEnding);
      if (report === undefined || report.result === "ended" || report.result === "no space") return;
      if (report.result === "compressed") {
        const { size, storedSize } = report;
        logger.info("compressed a segment", { log: log.name, partition: partition.number, size, storedSize });
      }
    }
  },
};
