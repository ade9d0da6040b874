/** Makes the payload of a batch that a producer with an id writes: all records of one call, and nothing else. */

import { batchHeaderSize } from "../batch.ts";
import { copyBytes } from "../bytes.ts";
import { logErrors } from "../errors.ts";
import { batchRecordsMax, batchSizeMax } from "../limits.ts";
import { type RecordFields, richAttributes, richFieldsSize, writeRichFields } from "../rich-record.ts";
import { isProducerId, type ProducerStamp, producerBlockSize, writeProducerBlock } from "./producer-block.ts";

export interface ProducedBatch {
  readonly payload: Buffer;
  readonly rich: boolean;
  readonly count: number;
}

/** Attributes and timestamp of a rich body: records of one call have the batch's timestamp. */
const richOverhead = 2;

/**
 * `timestampMs` of the records is not looked at: they get the time of the call. Throws PRODUCER_INVALID, RECORD_INVALID,
 * RECORD_TOO_LARGE, and PRODUCE_TOO_LARGE when several records would make a batch above `batchSizeMax`.
 */
export function encodeProducedBatch(stamp: ProducerStamp, records: readonly RecordFields[]): ProducedBatch {
  const { id, epoch, sequence } = stamp;
  const count = records.length;
  const numbersFit =
    Number.isSafeInteger(epoch) && Number.isSafeInteger(sequence + count) && epoch >= 0 && sequence >= 0;
  if (!isProducerId(id) || !numbersFit) throw logErrors.PRODUCER_INVALID({ id: id.slice(0, 100), epoch, sequence });
  if (count === 0) throw logErrors.RECORD_INVALID({ reason: "there is none in the call" });
  const rich = records.some((fields) => richAttributes(fields) !== 0);
  let size = producerBlockSize(stamp);
  for (const fields of records) size += 4 + bodySize(fields, rich);
  const sizeMax = batchSizeMax - batchHeaderSize;
  if (count > batchRecordsMax || (count > 1 && size > sizeMax))
    throw logErrors.PRODUCE_TOO_LARGE({ count, size, countMax: batchRecordsMax, sizeMax });
  const payload = Buffer.allocUnsafe(size);
  let at = writeProducerBlock(payload, 0, stamp);
  for (const fields of records) at = writeRecord(payload, at, fields, rich);
  return { payload, rich, count };
}

function bodySize(fields: RecordFields, rich: boolean): number {
  const start = fields.valueStart ?? 0;
  const end = fields.valueEnd ?? fields.value.length;
  if (!(start >= 0 && start <= end && end <= fields.value.length))
    throw logErrors.RECORD_INVALID({ reason: "its value does not lie inside the bytes given" });
  return richFieldsSize(fields, richAttributes(fields), end - start) + (rich ? richOverhead : 0);
}

function writeRecord(bytes: Buffer, at: number, fields: RecordFields, rich: boolean): number {
  const start = fields.valueStart ?? 0;
  const end = fields.valueEnd ?? fields.value.length;
  let position = at + 4;
  if (rich) {
    const attributes = richAttributes(fields);
    bytes[position] = attributes;
    bytes[position + 1] = 0;
    position = writeRichFields(bytes, position + richOverhead, fields, attributes);
  }
  copyBytes(fields.value, start, end, bytes, position);
  position += end - start;
  bytes.writeUInt32BE(position - at - 4, at);
  return position;
}
