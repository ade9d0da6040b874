import * as v from "valibot";
import { describeChannel } from "./channel-list.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { channelEntries } from "./params.ts";

export const channelPause = defineMethod({
  name: "channel.pause",
  summary: "Holds a channel back: nothing is delivered until channel.unpause.",
  params: v.strictObject(channelEntries),
  result: "as in channel.list",
  async handle(context, params) {
    requireAccess(context, "manage", params.log);
    const { catalog } = context.broker;
    const log = catalog.require(params.log);
    const channel = catalog.requireChannel(log, params.channel);
    channel.setPaused(true);
    await catalog.saveChannel(log, channel);
    return describeChannel(channel);
  },
});
