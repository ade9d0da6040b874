/**
 * Appends the records of one call to one partition, one after the other: they have consecutive offsets, and the answer
 * says the first. Everything the client can get wrong is found before the first is appended.
 */

import { PolylogError } from "@polylog/base/errors";
import {
  type BrokerLog,
  type Durability,
  durabilities,
  type Partition,
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
import { encodingSchema, logSchema, partitionSchema, requirePartition } from "./params.ts";

export const produce = defineMethod({
  name: "produce",
  summary: "Appends records to one partition of a log and answers once they have the level that was asked for.",
  params: v.strictObject({
    log: logSchema,
    records: boundedList(recordSchema, 1, produceRecordsMax),
    partition: partitionSchema,
    ack: v.optional(v.picklist(durabilities)),
    encoding: encodingSchema,
  }),
  result: "{partition, baseOffset, ack}",
  handle(context, params) {
    requireAccess(context, "produce", params.log);
    const log = context.broker.catalog.require(params.log);
    const records = decodeRecords(params.records, params.encoding);
    const partition = choosePartition(log, params.partition, records);
    const baseOffset = appendAll(context, log, partition, records);
    return acknowledge(log, partition, baseOffset, records.length, params.ack ?? log.log.config.durability);
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

/** The one asked for; else the one the keys belong to; else the next in turn. KEYS_DIVERGE when the keys disagree. */
function choosePartition(log: BrokerLog, number: number | undefined, records: readonly RecordFields[]): Partition {
  if (number !== undefined || log.partitions.length === 1) return requirePartition(log, number);
  let chosen = -1;
  for (const [index, { key }] of records.entries()) {
    if (key === undefined) continue;
    const partition = partitionOfKey(key, log.partitions.length);
    if (chosen >= 0 && partition !== chosen) throw rpcErrors.KEYS_DIVERGE({ index, partition, partitionFirst: chosen });
    chosen = partition;
  }
  return chosen >= 0 ? log.partitions[chosen]! : log.nextPartition();
}

/** Returns the first offset. PARTLY_APPENDED when the log refused one in the middle, being full for example. */
function appendAll(context: MethodContext, log: BrokerLog, partition: Partition, records: RecordFields[]): number {
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
function acknowledge(log: BrokerLog, partition: Partition, baseOffset: number, count: number, level: Durability) {
  const answer = (ack: Durability) => ({ partition: partition.number, baseOffset, ack });
  const end = baseOffset + count;
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
