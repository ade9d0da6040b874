/** What /pub and /mpub share: the topic, back-pressure, and waiting until the log has the messages. */

import { isCodedError } from "@polylog/base/errors";
import type { BrokerLog, DurabilityWaiter } from "@polylog/broker";
import { saturatedPartition } from "../publishing.ts";
import { type HttpExchange, HttpRefusal } from "./http-exchange.ts";

/** The log of the query's topic, made when there is none. Refuses as nsqd does. */
export function logToPublishTo(exchange: HttpExchange): BrokerLog {
  const topic = exchange.requireName("topic", "INVALID_TOPIC");
  exchange.checkAccess("produce", topic);
  return exchange.context.broker.catalog.ensure(topic);
}

/**
 * Appends once the log has room, and resolves when what was appended reached the log's level. `append` answers as
 * `Broker.produce`. Refuses with EXITING whatever the log refuses with, which is nsqd's only word for that, except when the disk is full:
 * then with DISK_FULL, so that the reason can be seen from outside.
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
    throw new HttpRefusal(503, isCodedError(error, "log.DISK_FULL") ? "DISK_FULL" : "EXITING");
  }
}

/** The query's `defer` in ms; 0 without one. Refuses with INVALID_DEFER. */
export function readDefer(exchange: HttpExchange): number {
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
