/** What publishing over TCP and over HTTP share beyond the broker's own calls. */

import {
  type Broker,
  type BrokerLog,
  type DurabilityWaiter,
  type Partition,
  partitionOfKey,
  type RecordFields,
} from "@polylog/broker";

/**
 * A partition of the log that has all the bytes waiting that it may have; wait with `whenDrained` before publishing. One
 * that refuses for another reason is not waited for: appending to it says why. Hot: no allocation.
 */
export function saturatedPartition(log: BrokerLog): Partition | undefined {
  const partitions = log.partitions;
  for (let i = 0; i < partitions.length; i++) {
    const partition = partitions[i]!;
    if (partition.saturated) return partition;
  }
  return undefined;
}

/** Bytes appended to the log that are not written yet. Hot: no allocation. */
export function pendingBytes(log: BrokerLog): number {
  const partitions = log.partitions;
  let bytes = 0;
  for (let i = 0; i < partitions.length; i++) bytes += partitions[i]!.pendingBytes;
  return bytes;
}

/** Bytes that may be appended to the log until one of its partitions has all that it may have waiting. Hot: no allocation. */
export function leastRoom(log: BrokerLog): number {
  const partitions = log.partitions;
  let room = Number.POSITIVE_INFINITY;
  for (let i = 0; i < partitions.length; i++) room = Math.min(room, partitions[i]!.room);
  return room;
}

/** As `Broker.produce`, for a record with more than a value. */
export function produceFields(
  broker: Broker,
  log: BrokerLog,
  fields: RecordFields,
  waiter: DurabilityWaiter,
  token: number,
): boolean {
  broker.askFirst(log, [fields]);
  const partition = partitionFor(log, fields.key);
  const offset = broker.produceRecord(log, partition, fields);
  const level = log.log.config.durability;
  if (level === "memory") return true;
  partition.whenDurable(offset + 1, level, waiter, token);
  return false;
}

/** Messages with the same key go to the same partition. */
function partitionFor(log: BrokerLog, key: Uint8Array | undefined): Partition {
  return key === undefined ? log.nextPartition() : log.partitions[partitionOfKey(key, log.partitions.length)]!;
}

/**
 * As `Broker.produceFramed`, for messages with more than a value, which is the same for each: all of them go to one partition,
 * and are answered together.
 */
export function produceFramedFields(
  broker: Broker,
  log: BrokerLog,
  { bytes, start, end }: { readonly bytes: Buffer; readonly start: number; readonly end: number },
  extras: Omit<RecordFields, "value">,
  waiter: DurabilityWaiter,
): boolean {
  const records: RecordFields[] = [];
  for (let at = start; at < end; ) {
    const valueStart = at + 4;
    at = valueStart + bytes.readUInt32BE(valueStart - 4);
    records.push({ ...extras, value: bytes, valueStart, valueEnd: at });
  }
  broker.askFirst(log, records);
  const partition = partitionFor(log, extras.key);
  let offset = 0;
  for (const fields of records) offset = broker.produceRecord(log, partition, fields);
  const level = log.log.config.durability;
  if (level === "memory") return true;
  partition.whenDurable(offset + 1, level, waiter, 0);
  return false;
}
