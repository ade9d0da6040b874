/**
 * Reads records of one partition, and waits for the first one when asked to. Nobody's place is kept: the client asks for
 * the offset after the last record next, or for the same one when it got none.
 */

import { spareTurn } from "@polylog/base/clock";
import type { Chunk, Partition } from "@polylog/broker";
import * as v from "valibot";
import { rpcErrors } from "../errors.ts";
import {
  consumeBytesDefault,
  consumeBytesMax,
  consumeHeldBytesMax,
  consumeRecordsDefault,
  consumeRecordsMax,
  consumeWaitMsMax,
} from "../limits.ts";
import { joinTexts } from "../records/json-parts.ts";
import { chunkAt, countRecords, RecordRun, type RunBounds } from "../records/record-run.ts";
import { defineMethod, type MethodContext, ResultText, requireAccess } from "./method.ts";
import {
  countSchema,
  encodingSchema,
  hasOnePosition,
  logSchema,
  offsetOf,
  onePositionMessage,
  partitionSchema,
  positionEntries,
  requirePartition,
} from "./params.ts";

const boundedCount = (min: number, max: number) => v.pipe(countSchema, v.minValue(min), v.maxValue(max));

export const consume = defineMethod({
  name: "consume",
  summary: "Reads records of a partition from an offset, a time, or an end.",
  params: v.pipe(
    v.strictObject({
      log: logSchema,
      partition: partitionSchema,
      ...positionEntries,
      maxRecords: v.optional(boundedCount(1, consumeRecordsMax), consumeRecordsDefault),
      /** Of keys, headers and values before encoding; one record is answered even when it has more. */
      maxBytes: v.optional(boundedCount(1, consumeBytesMax), consumeBytesDefault),
      /** How long to wait for the first record when there is none. */
      waitMs: v.optional(boundedCount(0, consumeWaitMsMax), 0),
      encoding: encodingSchema,
    }),
    v.check((params) => hasOnePosition(params), onePositionMessage),
  ),
  result: "{records: [{offset, timestamp, key, headers, topic, value}], highWatermark}",
  async handle(context, params) {
    requireAccess(context, "consume", params.log);
    const log = context.broker.catalog.require(params.log);
    const partition = requirePartition(log, params.partition);
    const offset = await offsetOf(partition, params);
    const bounds = { recordsMax: params.maxRecords, bytesMax: params.maxBytes };
    let answer = isAtEnd(partition, offset) ? undefined : await takeChunks(context, partition, offset, bounds);
    if ((answer === undefined || answer.chunks.length === 0) && params.waitMs > 0) {
      answer?.release();
      await firstRecord(context, partition, Math.max(offset, partition.highWatermark), params.waitMs);
      answer = undefined;
    }
    answer ??= await takeChunks(context, partition, offset, bounds);
    const { chunks, highWatermark, release } = answer;
    return new ResultText(async () => {
      const run = new RecordRun(offset, params.encoding, bounds);
      for (const chunk of chunks) {
        if (run.count > 0) await spareTurn(context.clock);
        while (!run.isFull && run.take(chunk, highWatermark)) await spareTurn(context.clock);
        partition.giveBack(chunk);
      }
      return joinTexts([`{"records":`, run.text(), `,"highWatermark":${highWatermark}}`]);
    }, release);
  },
});

/** Records that were accepted and cannot be read yet count as not there; beyond them an offset is out of range. */
function isAtEnd(partition: Partition, offset: number): boolean {
  return offset >= partition.highWatermark && offset <= partition.nextOffset;
}

/** Resolves when there is a record at `offset`, the time is up, or the peer is gone. */
function firstRecord(context: MethodContext, partition: Partition, offset: number, waitMs: number): Promise<void> {
  const { clock, peer } = context;
  return new Promise((resolve) => {
    const watcher = {
      onHighWatermark(): void {
        if (partition.highWatermark > offset || partition.status === "closed") finish();
      },
    };
    const finish = (): void => {
      partition.unwatch(watcher);
      clock.clearTimer(timer);
      peer.ending.delete(finish);
      resolve();
    };
    const timer = clock.setTimer(finish, waitMs);
    partition.watch(watcher);
    peer.ending.add(finish);
  });
}

/** Counts what an answer will hold until it is sent; the returned function uncounts it. TOO_MANY_BYTES. */
function holdBytes({ peer }: MethodContext, size: number): () => void {
  const bytes = peer.heldBytes + size;
  if (bytes > consumeHeldBytesMax) throw rpcErrors.TOO_MANY_BYTES({ bytes, bytesMax: consumeHeldBytesMax });
  peer.heldBytes = bytes;
  return () => {
    peer.heldBytes -= size;
  };
}

interface TakenChunks {
  /** Each with a record to answer; the last may hold more. */
  readonly chunks: readonly Chunk[];
  readonly highWatermark: number;
  readonly release: () => void;
}

/** Holds and reads what to answer; the caller releases. TOO_MANY_BYTES, OFFSET_OUT_OF_RANGE. */
async function takeChunks(
  context: MethodContext,
  partition: Partition,
  offset: number,
  bounds: RunBounds,
): Promise<TakenChunks> {
  const highWatermark = partition.highWatermark;
  const release = holdBytes(context, bounds.bytesMax);
  try {
    return { chunks: await readChunks(partition, offset, highWatermark, bounds), highWatermark, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Batches without records, which compaction and repair leave, are passed over. */
async function readChunks(
  partition: Partition,
  offset: number,
  highWatermark: number,
  { recordsMax, bytesMax }: RunBounds,
): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  if (isAtEnd(partition, offset)) return chunks;
  let bytesLeft = bytesMax;
  let recordsLeft = recordsMax;
  for (let next = offset; bytesLeft > 0 && recordsLeft > 0; ) {
    const chunk = await chunkAt(partition, next, bytesLeft);
    if (chunk === undefined) break;
    const count = countRecords(chunk, next, recordsLeft);
    if (count > 0) {
      chunks.push(chunk);
      bytesLeft -= chunk.end - chunk.start;
      recordsLeft -= count;
    }
    next = chunk.offsetNext;
    if (next >= highWatermark) break;
  }
  return chunks;
}
