/** What /pub and /mpub share: the topic, what a message may have beside its body, back-pressure, and waiting until the log has the messages. */

import { isCodedError } from "@polylog/base/errors";
import type { BrokerLog, DurabilityWaiter, RecordFields } from "@polylog/broker";
import { ttlMsMax } from "../limits.ts";
import { saturatedPartition } from "../publishing.ts";
import { type HttpExchange, HttpRefusal } from "./http-exchange.ts";

const refusalCodes = new Map([
  ["log.DISK_FULL", "DISK_FULL"],
  ["broker.LOG_FULL", "LOG_FULL"],
  ["broker.SESSION_QUEUE_FULL", "SESSION_QUEUE_FULL"],
]);

/** The log of the query's topic, made when there is none. Refuses as nsqd does. */
export function logToPublishTo(exchange: HttpExchange): BrokerLog {
  const topic = exchange.requireName("topic", "INVALID_TOPIC");
  exchange.checkAccess("produce", topic);
  return exchange.context.broker.catalog.ensure(topic);
}

/**
 * Appends once the log has room, and resolves when what was appended reached the log's level. `append` answers as
 * `Broker.produce`. Refuses with EXITING whatever the log refuses with, which is nsqd's only word for that, except when the disk is full,
 * or the log, or an MQTT session: then with DISK_FULL, LOG_FULL or SESSION_QUEUE_FULL, so that the reason can be seen from outside.
 */
export async function publish(
  exchange: HttpExchange,
  log: BrokerLog,
  append: (waiter: DurabilityWaiter) => boolean,
): Promise<void> {
  const { logger, stopping } = exchange.context;
  if (stopping) throw new HttpRefusal(503, "EXITING");
  try {
    for (let full = saturatedPartition(log); full !== undefined; full = saturatedPartition(log)) {
      const partition = full;
      await new Promise<void>((resolve) => partition.whenDrained(resolve));
    }
    await acknowledged(append);
  } catch (error) {
    logger.warn("a message published over HTTP was not taken", { log: log.name, error });
    throw new HttpRefusal(503, refusalCodes.get(isCodedError(error) ? error.code : "") ?? "EXITING");
  }
}

export type MessageExtras = Pick<RecordFields, "key" | "headers" | "notBeforeMs" | "expiresMs">;

const headerPrefix = "x-polylog-header-";

/**
 * What nsqd has no place for, and a log has: `defer` and `ttl` of the query, both in ms; `X-Polylog-TTL`, the same as `ttl`;
 * `X-Polylog-Key`; and `X-Polylog-Header-NAME` for a header NAME, in lower case. Readers of the log see key and headers
 * (JSON-RPC `consume`); NSQ consumers get the body alone. Undefined when there is none of it. Refuses with INVALID_DEFER and
 * INVALID_TTL.
 */
export function readExtras(exchange: HttpExchange): MessageExtras | undefined {
  const { headers } = exchange.request;
  const deferMs = readDefer(exchange);
  const ttlMs = readTtl(exchange);
  const key = headers["x-polylog-key"];
  const found: [string, Uint8Array][] = [];
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(headerPrefix) && name.length > headerPrefix.length)
      found.push([name.slice(headerPrefix.length), Buffer.from(String(value), "latin1")]);
  if (deferMs === 0 && ttlMs === 0 && key === undefined && found.length === 0) return undefined;
  const firstMs = exchange.context.clock.nowMs() + deferMs;
  return {
    ...(key !== undefined && { key: Buffer.from(String(key), "latin1") }),
    ...(found.length > 0 && { headers: found }),
    ...(deferMs > 0 && { notBeforeMs: firstMs }),
    ...(ttlMs > 0 && { expiresMs: firstMs + ttlMs }),
  };
}

/** 0 without one. Counts from when the message may be delivered. */
function readTtl(exchange: HttpExchange): number {
  const text = exchange.argument("ttl") ?? exchange.request.headers["x-polylog-ttl"];
  if (text === undefined) return 0;
  const ttlMs = /^\d+$/.test(String(text)) ? Number(text) : Number.NaN;
  if (ttlMs >= 1 && ttlMs <= ttlMsMax) return ttlMs;
  throw new HttpRefusal(400, "INVALID_TTL");
}

/** The query's `defer` in ms; 0 without one. */
function readDefer(exchange: HttpExchange): number {
  const text = exchange.argument("defer");
  if (text === undefined) return 0;
  const deferMs = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (deferMs >= 0 && deferMs <= exchange.context.limits.reqTimeoutMaxMs) return deferMs;
  throw new HttpRefusal(400, "INVALID_DEFER");
}

function acknowledged(append: (waiter: DurabilityWaiter) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDurable: DurabilityWaiter["onDurable"] = (_token, error) => {
      if (error === undefined) resolve();
      else reject(error);
    };
    if (append({ onDurable })) resolve();
  });
}
