/** Which partitions have files, as the names of directories say; without the state store, which knows what they should be. */

import { parseLogDirectoryName } from "./log-name.ts";
import type { SegmentIdentity } from "./segment-identity.ts";
import type { Storage } from "./storage/storage.ts";
import { joinPath } from "./storage/storage.ts";

export interface StoredPartition extends SegmentIdentity {
  /** In the storage. */
  readonly directory: string;
}

/** By name of the log, then by number. */
export async function listStoredPartitions(storage: Storage): Promise<StoredPartition[]> {
  const found: StoredPartition[] = [];
  for (const name of (await storage.list("")) ?? []) {
    const log = parseLogDirectoryName(name);
    if (log === undefined) continue;
    const numbers = ((await storage.list(name)) ?? []).filter((entry) => /^\d{1,4}$/.test(entry)).map(Number);
    for (const partition of numbers.sort((a, b) => a - b))
      found.push({ log, partition, directory: joinPath(name, String(partition)) });
  }
  return found;
}
