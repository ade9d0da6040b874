/**
 * Looking at messages without taking them, which nsqd has no route for:
 *
 *     GET /channel/peek?topic=&channel=[&limit=]                       what the channel would deliver next
 *     GET /topic/browse?topic=[&offset=|&timestamp=|&from=][&limit=]   what the topic keeps, by default from its start
 *
 * Both answer `{"messages": [{"id", "partition", "offset", "timestamp", "key", "headers", "body", "encoding"}]}`, peek with
 * `attempts` (so far) of each, browse with `next_offset` to go on from and `high_watermark`, where the partition ends. Times are ms
 * since 1970. Key, header values and body are text, or all of them base64 when one is no UTF-8: `encoding` says which.
 */

import { isUtf8 } from "node:buffer";
import { decodeHeaders, type Partition, RecordCursor } from "@polylog/broker";
import { writeMessageId } from "@polylog/nsq-wire";
import { browseBytesMax, browseMessagesDefault, browseMessagesMax } from "../limits.ts";
import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { readCount, readPartition, readPosition } from "./position.ts";
import { respondJson } from "./responses.ts";

export const browseRoutes: readonly HttpRoute[] = [
  { method: "GET", path: "/channel/peek", handle: peek },
  { method: "GET", path: "/topic/browse", handle: browse },
];

async function peek(exchange: HttpExchange): Promise<void> {
  const topic = exchange.requireName("topic", "INVALID_ARG_TOPIC");
  const name = exchange.requireName("channel", "INVALID_ARG_CHANNEL");
  const log = exchange.existingLog(topic);
  exchange.checkAccess("consume", topic);
  const channel = log.channels.get(name);
  if (channel === undefined) throw new HttpRefusal(404, "CHANNEL_NOT_FOUND");
  const messages: object[] = [];
  let bytesLeft = browseBytesMax;
  const { clock } = exchange.context;
  await log.peek(channel, readLimit(exchange), clock.nowMs(), (record, partition, attempts) => {
    messages.push({ ...describeMessage(record, partition), attempts });
    bytesLeft -= record.valueEnd - record.frameStart;
    return bytesLeft > 0;
  });
  respondJson(exchange.response, { messages });
}

async function browse(exchange: HttpExchange): Promise<void> {
  const topic = exchange.requireName("topic", "INVALID_TOPIC");
  const log = exchange.existingLog(topic);
  exchange.checkAccess("consume", topic);
  const limit = readLimit(exchange);
  const position = readPosition(exchange, log) ?? { from: "earliest" };
  const named = readPartition(exchange, log);
  const number = named ?? 0;
  // One partition at a time: an offset means something in one of them only.
  if (named === undefined && log.partitions.length > 1) throw new HttpRefusal(400, "INVALID_PARTITION");
  const partition = log.partitions[number]!;
  const [offset = 0] = (await log.offsetsAt({ ...position, partition: number })).slice(number);
  const { messages, offsetNext } = await readMessages(partition, offset, limit);
  const { highWatermark } = partition;
  respondJson(exchange.response, { messages, next_offset: offsetNext, high_watermark: highWatermark });
}

async function readMessages(partition: Partition, offset: number, countMax: number) {
  const messages: object[] = [];
  const record = new RecordCursor();
  let bytesLeft = browseBytesMax;
  let offsetNext = offset;
  const end = partition.highWatermark;
  while (offsetNext < end) {
    const chunk = partition.cachedChunk(offsetNext) ?? (await partition.readChunk(offsetNext, browseBytesMax));
    if (chunk === undefined) break;
    record.reset(chunk, offsetNext);
    while (record.next() && record.offset < end) {
      messages.push(describeMessage(record, partition.number));
      offsetNext = record.offset + 1;
      bytesLeft -= record.valueEnd - record.frameStart;
      if (messages.length >= countMax || bytesLeft <= 0) return { messages, offsetNext };
    }
    offsetNext = Math.min(end, chunk.offsetNext);
  }
  return { messages, offsetNext };
}

/** Refuses with INVALID_LIMIT. */
function readLimit(exchange: HttpExchange): number {
  const limit = readCount(exchange, "limit", "INVALID_LIMIT") ?? browseMessagesDefault;
  if (limit < 1 || limit > browseMessagesMax) throw new HttpRefusal(400, "INVALID_LIMIT");
  return limit;
}

function describeMessage(record: RecordCursor, partition: number): object {
  const { bytes, offset, timestampMs: timestamp, keyStart, keyEnd, valueStart, valueEnd } = record;
  const id = Buffer.alloc(16);
  writeMessageId(id, 0, partition, offset);
  const key = keyStart < 0 ? undefined : bytes.subarray(keyStart, keyEnd);
  const headers = record.headerCount === 0 ? [] : decodeHeaders(record);
  const body = bytes.subarray(valueStart, valueEnd);
  const isText = isUtf8(body) && (key === undefined || isUtf8(key)) && headers.every(([, value]) => isUtf8(value));
  const encoding = isText ? "utf8" : "base64";
  return {
    id: id.toString("latin1"),
    partition,
    offset,
    timestamp,
    key: key === undefined ? null : key.toString(encoding),
    headers: headers.map(([name, value]) => [name, value.toString(encoding)]),
    body: body.toString(encoding),
    encoding,
  };
}
