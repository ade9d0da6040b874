import * as v from "valibot";
import { defineMethod, requireAccess } from "./method.ts";
import { channelEntries } from "./params.ts";

export const channelDelete = defineMethod({
  name: "channel.delete",
  summary: "Removes a channel; its consumers are told.",
  params: v.strictObject(channelEntries),
  result: "{}",
  async handle(context, { log: name, channel }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    await catalog.deleteChannel(catalog.require(name), channel);
    return {};
  },
});
