import * as v from "valibot";
import { describeChannel } from "./channel-list.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { channelEntries } from "./params.ts";

export const channelUnpause = defineMethod({
  name: "channel.unpause",
  summary: "Lets a paused channel go on.",
  params: v.strictObject(channelEntries),
  result: "as in channel.list",
  async handle(context, params) {
    requireAccess(context, "manage", params.log);
    const { catalog } = context.broker;
    const log = catalog.require(params.log);
    const channel = catalog.requireChannel(log, params.channel);
    channel.setPaused(false);
    await catalog.saveChannel(log, channel);
    return describeChannel(channel);
  },
});
