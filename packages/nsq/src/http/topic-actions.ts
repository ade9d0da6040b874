/** POST /topic/…: a topic is a log. */

import type { BrokerLog } from "@polylog/broker";
import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { respondEmpty } from "./responses.ts";

export const topicActions: readonly HttpRoute[] = [
  { method: "POST", path: "/topic/create", handle: create },
  { method: "POST", path: "/topic/delete", handle: remove },
  { method: "POST", path: "/topic/empty", handle: empty },
  { method: "POST", path: "/topic/pause", handle: (exchange) => setPaused(exchange, true) },
  { method: "POST", path: "/topic/unpause", handle: (exchange) => setPaused(exchange, false) },
];

async function create(exchange: HttpExchange): Promise<void> {
  const topic = exchange.requireName("topic", "INVALID_TOPIC");
  exchange.checkAccess("manage", topic);
  if (exchange.context.stopping) throw new HttpRefusal(503, "EXITING");
  await exchange.context.broker.catalog.ensure(topic).whenSaved();
  respondEmpty(exchange.response);
}

async function remove(exchange: HttpExchange): Promise<void> {
  const log = managedLog(exchange, exchange.require("topic"));
  await exchange.context.broker.catalog.delete(log.name);
  respondEmpty(exchange.response);
}

/** Drops what waits for a first channel; what channels have is theirs. */
async function empty(exchange: HttpExchange): Promise<void> {
  const log = managedLog(exchange, exchange.requireName("topic", "INVALID_TOPIC"));
  await exchange.context.broker.catalog.empty(log);
  respondEmpty(exchange.response);
}

async function setPaused(exchange: HttpExchange, paused: boolean): Promise<void> {
  const log = managedLog(exchange, exchange.require("topic"));
  await exchange.context.broker.catalog.setPaused(log, paused);
  respondEmpty(exchange.response);
}

function managedLog(exchange: HttpExchange, topic: string): BrokerLog {
  const log = exchange.existingLog(topic);
  exchange.checkAccess("manage", topic);
  return log;
}
