import type { Channel } from "@polylog/broker";
import * as v from "valibot";
import { defineMethod, requireAccess } from "./method.ts";
import { logSchema } from "./params.ts";

export const channelList = defineMethod({
  name: "channel.list",
  summary: "Lists the channels of a log, oldest first.",
  params: v.strictObject({ log: logSchema }),
  result: "{channels: [{channel, paused, maxAttempts, ordered, depth, inFlight, deferred, dead, consumers, …}]}",
  handle(context, { log: name }) {
    requireAccess(context, "consume", name);
    const log = context.broker.catalog.require(name);
    return { channels: [...log.channels.values()].map(describeChannel) };
  },
});

/** Counts are those since the server started. */
export interface ChannelDescription {
  readonly channel: string;
  readonly paused: boolean;
  readonly maxAttempts: number;
  readonly ordered: boolean;
  readonly deadLetterExpired: boolean;
  readonly depth: number;
  readonly inFlight: number;
  readonly deferred: number;
  readonly dead: number;
  readonly consumers: number;
  readonly timeouts: number;
  readonly requeues: number;
  readonly deadLettered: number;
  readonly expired: number;
}

export function describeChannel(channel: Channel): ChannelDescription {
  const { timeoutCount, requeueCount, deadLetterCount, expiredCount } = channel.counters;
  return {
    channel: channel.name,
    paused: channel.paused,
    ...channel.settings,
    depth: channel.depth,
    inFlight: channel.inFlightCount,
    deferred: channel.deferredCount,
    dead: channel.deadCount,
    consumers: channel.consumers.size,
    timeouts: timeoutCount,
    requeues: requeueCount,
    deadLettered: deadLetterCount,
    expired: expiredCount,
  };
}
