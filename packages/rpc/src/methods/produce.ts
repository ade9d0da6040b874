/**
 * Appends the records of one call to one partition, one after the other: they have consecutive offsets, and the answer
 * says the first. Everything the client can get wrong is found before the first is appended.
 *
 * With `producer` they are one batch, and a call that was sent before is answered as it was, with `duplicate`. It waits for
 * its level again: that the first answer did not come may have been because the records were not there yet.
 */

import { PolylogError } from "@polylog/base/errors";
import {
  type BrokerLog,
  type Durability,
  durabilities,
  type Partition,
  type ProducerStamp,
  partitionOfKey,
  type RecordFields,
} from "@polylog/broker";
import * as v from "valibot";
import { InvalidParams, type Problem } from "../error-object.ts";
import { rpcErrors } from "../errors.ts";
import { problemsMax, produceRecordsMax } from "../limits.ts";
import type { Encoding } from "../records/encoding.ts";
import { boundedList, decodeRecord, recordSchema } from "../records/record-fields.ts";
import { defineMethod, type MethodContext, requireAccess } from "./method.ts";
import {
  countSchema,
  encodingSchema,
  logSchema,
  partitionSchema,
  producerIdSchema,
  requirePartition,
} from "./params.ts";

export const produce = defineMethod({
  name: "produce",
  summary: "Appends records to one partition of a log and answers once they have the level that was asked for.",
  params: v.strictObject({
    log: logSchema,
    records: boundedList(recordSchema, 1, produceRecordsMax),
    partition: partitionSchema,
    ack: v.optional(v.picklist(durabilities)),
    encoding: encodingSchema,
    /** Of `producer.open`; `sequence`: the number of the first record, counted from 0 per id, epoch and partition. */
    producer: v.optional(v.strictObject({ id: producerIdSchema, epoch: countSchema, sequence: countSchema })),
  }),
  result: "{partition, baseOffset, ack, duplicate?}",
  handle(context, params) {
    requireAccess(context, "produce", params.log);
    const log = context.broker.catalog.require(params.log);
    const records = decodeRecords(params.records, params.encoding);
    const level = params.ack ?? log.log.config.durability;
    if (params.producer !== undefined) {
      const partition = choosePartition(log, params.partition, records, requirePartition);
      return produceOnce(context, log, partition, params.producer, records, level);
    }
    const partition = choosePartition(log, params.partition, records, () => log.nextPartition());
    const baseOffset = appendAll(context, log, partition, records);
    return acknowledge(log, partition, { baseOffset }, records.length, level);
  },
});

function decodeRecords(records: readonly v.InferOutput<typeof recordSchema>[], encoding: Encoding): RecordFields[] {
  const problems: Problem[] = [];
  const decoded: RecordFields[] = [];
  for (let i = 0; i < records.length && problems.length < problemsMax; i++) {
    const fields = decodeRecord(records[i]!, encoding, `records[${i}]`, problems);
    if (fields !== undefined) decoded.push(fields);
  }
  if (problems.length > 0) throw new InvalidParams(problems);
  return decoded;
}

/** The one asked for; else the one the keys belong to; else what `otherwise` says. KEYS_DIVERGE when the keys disagree. */
function choosePartition(
  log: BrokerLog,
  number: number | undefined,
  records: readonly RecordFields[],
  otherwise: (log: BrokerLog, number: undefined) => Partition,
): Partition {
  if (number !== undefined || log.partitions.length === 1) return requirePartition(log, number);
  let chosen = -1;
  for (const [index, { key }] of records.entries()) {
    if (key === undefined) continue;
    const partition = partitionOfKey(key, log.partitions.length);
    if (chosen >= 0 && partition !== chosen) throw rpcErrors.KEYS_DIVERGE({ index, partition, partitionFirst: chosen });
    chosen = partition;
  }
  return chosen >= 0 ? log.partitions[chosen]! : otherwise(log, undefined);
}

/** All or nothing, at most once. In another partition the call would not be known again, so it must not go round. */
function produceOnce(
  context: MethodContext,
  log: BrokerLog,
  partition: Partition,
  stamp: ProducerStamp,
  records: readonly RecordFields[],
  level: Durability,
) {
  const { baseOffset, duplicate } = context.broker.produceOnce(log, partition, stamp, records);
  return acknowledge(log, partition, { baseOffset, ...(duplicate && { duplicate }) }, records.length, level);
}

/** Returns the first offset. PARTLY_APPENDED when the log refused one in the middle, being full for example. */
function appendAll(context: MethodContext, log: BrokerLog, partition: Partition, records: RecordFields[]): number {
  context.broker.askFirst(log, records);
  const baseOffset = partition.nextOffset;
  for (let appended = 0; appended < records.length; appended++) {
    try {
      context.broker.produceRecord(log, partition, records[appended]!);
    } catch (error) {
      if (appended === 0 || !(error instanceof PolylogError)) throw error;
      const { message: reason } = error;
      throw rpcErrors.PARTLY_APPENDED({ appended, baseOffset, partition: partition.number, reason }, error);
    }
  }
  return baseOffset;
}

/** An ephemeral log lives in memory, so `memory` is what it reaches, whatever was asked. */
function acknowledge(
  log: BrokerLog,
  partition: Partition,
  place: { readonly baseOffset: number; readonly duplicate?: boolean },
  count: number,
  level: Durability,
) {
  const answer = (ack: Durability) => ({ partition: partition.number, ...place, ack });
  const end = place.baseOffset + count;
  if (log.log.ephemeral || level === "memory") return answer("memory");
  return new Promise((resolve, reject) => {
    const waiter = {
      onDurable(_token: number, error: Error | undefined): void {
        if (error !== undefined) reject(error);
        else resolve(answer(partition.syncedWatermark >= end ? "synced" : level));
      },
    };
    partition.whenDurable(end, level, waiter, 0);
  });
}
