/** POST /channel/…: all of them need a topic that exists; all but create need a channel that does. */

import { isCodedError } from "@polylog/base/errors";
import type { BrokerLog, Channel } from "@polylog/broker";
import { type HttpExchange, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { readPosition } from "./position.ts";
import { respondEmpty } from "./responses.ts";

export const channelActions: readonly HttpRoute[] = [
  { method: "POST", path: "/channel/create", handle: create },
  { method: "POST", path: "/channel/delete", handle: remove },
  { method: "POST", path: "/channel/empty", handle: empty },
  { method: "POST", path: "/channel/pause", handle: (exchange) => setPaused(exchange, true) },
  { method: "POST", path: "/channel/unpause", handle: (exchange) => setPaused(exchange, false) },
];

/**
 * Beyond nsqd: a new channel begins at `offset` (with several partitions also `partition`), `timestamp` (ms since 1970) or
 * `from` (`earliest`, `latest`); and `ordered`, which is also set when the channel exists.
 */
async function create(exchange: HttpExchange): Promise<void> {
  const { log, name } = managedLog(exchange);
  const { catalog } = exchange.context.broker;
  const position = readPosition(exchange, log);
  const ordered = exchange.argument("ordered") === undefined ? undefined : exchange.flag("ordered", true);
  if (position === undefined) await catalog.ensureChannel(log, name);
  else await catalog.ensureChannelAt(log, name, position);
  if (ordered !== undefined) await catalog.configureChannel(log, name, { ordered });
  respondEmpty(exchange.response);
}

async function remove(exchange: HttpExchange): Promise<void> {
  const { log, channel } = managedChannel(exchange);
  try {
    await exchange.context.broker.catalog.deleteChannel(log, channel.name);
  } catch (error) {
    if (!isCodedError(error, "broker.CHANNEL_NOT_FOUND")) throw error;
    throw new HttpRefusal(404, "CHANNEL_NOT_FOUND");
  }
  respondEmpty(exchange.response);
}

async function empty(exchange: HttpExchange): Promise<void> {
  const { log, channel } = managedChannel(exchange);
  channel.empty();
  await exchange.context.broker.catalog.saveChannel(log, channel);
  respondEmpty(exchange.response);
}

async function setPaused(exchange: HttpExchange, paused: boolean): Promise<void> {
  const { log, channel } = managedChannel(exchange);
  channel.setPaused(paused);
  await exchange.context.broker.catalog.saveChannel(log, channel);
  respondEmpty(exchange.response);
}

/** The order of the checks is nsqd's. */
function managedLog(exchange: HttpExchange): { log: BrokerLog; name: string } {
  const topic = exchange.requireName("topic", "INVALID_ARG_TOPIC");
  const name = exchange.requireName("channel", "INVALID_ARG_CHANNEL");
  const log = exchange.existingLog(topic);
  exchange.checkAccess("manage", topic);
  return { log, name };
}

function managedChannel(exchange: HttpExchange): { log: BrokerLog; channel: Channel } {
  const { log, name } = managedLog(exchange);
  const channel = log.channels.get(name);
  if (channel === undefined) throw new HttpRefusal(404, "CHANNEL_NOT_FOUND");
  return { log, channel };
}
