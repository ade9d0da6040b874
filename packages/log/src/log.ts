/** A log: its partitions and how it is set up. */

import type { LogConfig } from "./log-config.ts";
import type { Partition } from "./partition.ts";

export interface Log {
  readonly name: string;
  /** As of now; `LogStore.alter` replaces it. */
  readonly config: LogConfig;
  /** Replaced by `LogStore.alter` when there are more; those that were there stay. */
  readonly partitions: readonly Partition[];
  /** In memory only; its name ends with `#ephemeral`. */
  readonly ephemeral: boolean;
}
