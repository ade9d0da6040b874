/** A log as the embedded engine has it. */

import type { EmbeddedPartition } from "./embedded-partition.ts";
import type { Log } from "./log.ts";

export interface EmbeddedLog extends Log {
  readonly partitions: readonly EmbeddedPartition[];
}
