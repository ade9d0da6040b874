/** Where a channel begins, or a browser reads, as arguments of the query: `offset`, `timestamp` or `from`, and `partition`. */

import type { BrokerLog, SeekPosition } from "@polylog/broker";
import { type HttpExchange, HttpRefusal } from "./http-exchange.ts";

/**
 * Undefined without one. Refuses with INVALID_POSITION: more than one, none that there is, or an offset without a partition
 * where there are several; with INVALID_PARTITION and OFFSET_OUT_OF_RANGE.
 */
export function readPosition(exchange: HttpExchange, log: BrokerLog): SeekPosition | undefined {
  const offset = readCount(exchange, "offset", "INVALID_POSITION");
  const timestampMs = readCount(exchange, "timestamp", "INVALID_POSITION");
  const from = exchange.argument("from");
  const partition = readPartition(exchange, log);
  const given = [offset, timestampMs, from].filter((each) => each !== undefined).length;
  if (given === 0) return undefined;
  if (given > 1) throw new HttpRefusal(400, "INVALID_POSITION");
  if (timestampMs !== undefined) return { timestampMs, partition };
  if (from === "earliest" || from === "latest") return { from, partition };
  if (offset === undefined || (partition === undefined && log.partitions.length > 1))
    throw new HttpRefusal(400, "INVALID_POSITION");
  const { lowWatermark, highWatermark } = log.partitions[partition ?? 0]!;
  if (offset < lowWatermark || offset > highWatermark) throw new HttpRefusal(400, "OFFSET_OUT_OF_RANGE");
  return { offset, partition: partition ?? 0 };
}

/** Undefined when it is not given. Refuses with INVALID_PARTITION. */
export function readPartition(exchange: HttpExchange, log: BrokerLog): number | undefined {
  const partition = readCount(exchange, "partition", "INVALID_PARTITION");
  if (partition !== undefined && log.partitions[partition] === undefined)
    throw new HttpRefusal(400, "INVALID_PARTITION");
  return partition;
}

/** A number without a sign, of at most 2^53-1; undefined without the argument. Refuses with `code`. */
export function readCount(exchange: HttpExchange, name: string, code: string): number | undefined {
  const text = exchange.argument(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new HttpRefusal(400, code);
}
