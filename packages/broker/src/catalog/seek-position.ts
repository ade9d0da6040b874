/** Where a channel is moved to, and which offsets that is. */

import { type Log, logErrors } from "@polylog/log";
import { brokerErrors } from "../errors.ts";

/**
 * An offset belongs to one partition; a time (ms since 1970: the first record that is not older), the start and the end
 * are those of every partition, or of the one that is named.
 */
export type SeekPosition =
  | { readonly offset: number; readonly partition: number }
  | { readonly timestampMs: number; readonly partition?: number | undefined }
  | { readonly from: "earliest" | "latest"; readonly partition?: number | undefined };

/**
 * The offset of each partition; undefined: it stays. `latest` is after everything that was appended, written or not.
 * Rejects with INVALID_PARTITION, log.OFFSET_OUT_OF_RANGE (the end itself is in range), or when the log cannot be read.
 */
export async function offsetsOfPosition(
  log: Pick<Log, "name" | "partitions">,
  position: SeekPosition,
): Promise<readonly (number | undefined)[]> {
  const { partition: only } = position;
  if (only !== undefined && log.partitions[only] === undefined)
    throw brokerErrors.INVALID_PARTITION({ log: log.name, partition: only, last: log.partitions.length - 1 });
  return Promise.all(
    log.partitions.map((partition) => {
      if (only !== undefined && partition.number !== only) return undefined;
      if ("timestampMs" in position) return partition.offsetAt(position.timestampMs);
      if ("from" in position) return position.from === "earliest" ? partition.lowWatermark : partition.nextOffset;
      const { lowWatermark: low, highWatermark: high } = partition;
      const { offset } = position;
      if (!(offset >= low && offset <= high)) throw logErrors.OFFSET_OUT_OF_RANGE({ offset, low, high });
      return offset;
    }),
  );
}
