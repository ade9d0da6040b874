import * as v from "valibot";
import { describeChannel } from "./channel-list.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { channelEntries, countSchema } from "./params.ts";

export const channelConfigure = defineMethod({
  name: "channel.configure",
  summary: "Changes a channel's settings and answers once they are saved; those left out stay.",
  params: v.strictObject({
    ...channelEntries,
    /** Deliveries after which a record that is not finished goes to the log of dead letters; 0: no maximum. */
    maxAttempts: v.optional(countSchema),
  }),
  result: "as in channel.list",
  async handle(context, { log: name, channel, maxAttempts }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    const log = catalog.require(name);
    await catalog.configureChannel(log, channel, { ...(maxAttempts !== undefined && { maxAttempts }) });
    return describeChannel(catalog.requireChannel(log, channel));
  },
});
