import * as v from "valibot";
import { describeChannel } from "./channel-list.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { channelEntries } from "./params.ts";

export const channelCreate = defineMethod({
  name: "channel.create",
  summary: "Makes a channel and answers once it is saved; one that exists is answered as it is.",
  params: v.strictObject({
    ...channelEntries,
    /** Default: the first channel of a log begins with what waits for it, others at the end. */
    from: v.optional(v.picklist(["earliest", "latest"])),
  }),
  result: "as in channel.list",
  async handle(context, { log: name, channel, from }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    return describeChannel(await catalog.ensureChannel(catalog.require(name), channel, from));
  },
});
