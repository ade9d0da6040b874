/** Params that several methods share, and what they mean. */

import { type BrokerLog, brokerErrors, type Partition } from "@polylog/broker";
import * as v from "valibot";
import { quote } from "../error-object.ts";
import { rpcErrors } from "../errors.ts";
import { listRowsDefault, listRowsMax } from "../limits.ts";
import { encodings } from "../records/encoding.ts";

/** Any text: the broker knows what a name is, and whether there is one. */
export const logSchema = v.pipe(v.string(), v.transform(quote));

/** Any text: the broker knows what an id is. */
export const producerIdSchema = logSchema;

/** A channel of a log. */
export const channelEntries = { log: logSchema, channel: logSchema };

export const countSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Of an MQTT client; as long as MQTT lets it be. */
export const clientIdSchema = v.pipe(v.string(), v.minLength(1), v.maxLength(65_535));

/** Rows of a list in one answer. */
export const listLimitSchema = v.optional(
  v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(listRowsMax)),
  listRowsDefault,
);

export const partitionSchema = v.optional(countSchema);

export const encodingSchema = v.optional(v.picklist(encodings), "base64");

/** Where to read from; `exactlyOnePosition` has to follow. */
export const positionEntries = {
  offset: v.optional(countSchema),
  /** Milliseconds since 1970: the first record that is not older. */
  timestamp: v.optional(countSchema),
  from: v.optional(v.picklist(["earliest", "latest"])),
};

export interface Position {
  readonly offset?: number | undefined;
  readonly timestamp?: number | undefined;
  readonly from?: "earliest" | "latest" | undefined;
}

export function hasOnePosition(position: Position): boolean {
  return positionsGiven(position) === 1;
}

export function hasNoPosition(position: Position): boolean {
  return positionsGiven(position) === 0;
}

function positionsGiven({ offset, timestamp, from }: Position): number {
  return [offset, timestamp, from].filter((each) => each !== undefined).length;
}

export const onePositionMessage = "Expected exactly one of offset, timestamp and from";

/** The partition of that number, or the only one. INVALID_PARTITION, PARTITION_REQUIRED. */
export function requirePartition(log: BrokerLog, number: number | undefined): Partition {
  const { partitions } = log;
  if (number === undefined && partitions.length > 1)
    throw rpcErrors.PARTITION_REQUIRED({ log: log.name, count: partitions.length });
  const partition = partitions[number ?? 0];
  if (partition !== undefined) return partition;
  const details = { log: log.name, partition: number ?? 0, last: partitions.length - 1 };
  throw brokerErrors.INVALID_PARTITION(details);
}

/** The offset of a position. One that was given is answered as it is: whether it can be read, reading tells. */
export function offsetOf(partition: Partition, position: Position): number | Promise<number> {
  if (position.offset !== undefined) return position.offset;
  if (position.timestamp !== undefined) return partition.offsetAt(position.timestamp);
  return position.from === "earliest" ? partition.lowWatermark : partition.highWatermark;
}
