import * as v from "valibot";
import { describeChannel } from "./channel-list.ts";
import { channelSettingsEntries, givenSettings } from "./channel-settings-params.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { channelEntries } from "./params.ts";

export const channelConfigure = defineMethod({
  name: "channel.configure",
  summary: "Changes a channel's settings and answers once they are saved; those left out stay.",
  params: v.strictObject({
    ...channelEntries,
    ...channelSettingsEntries,
  }),
  result: "as in channel.list",
  async handle(context, { log: name, channel, ...settings }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    const log = catalog.require(name);
    await catalog.configureChannel(log, channel, givenSettings(settings));
    return describeChannel(catalog.requireChannel(log, channel));
  },
});
