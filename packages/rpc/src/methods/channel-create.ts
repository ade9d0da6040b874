import * as v from "valibot";
import { describeChannel } from "./channel-list.ts";
import { seekPosition } from "./channel-seek.ts";
import { channelSettingsEntries, givenSettings } from "./channel-settings-params.ts";
import { defineMethod, requireAccess } from "./method.ts";
import {
  channelEntries,
  hasNoPosition,
  hasOnePosition,
  onePositionMessage,
  partitionSchema,
  positionEntries,
} from "./params.ts";

export const channelCreate = defineMethod({
  name: "channel.create",
  summary: "Makes a channel and answers once it is saved; one that exists stays where it is and gets the settings.",
  params: v.pipe(
    v.strictObject({
      ...channelEntries,
      partition: partitionSchema,
      /** Default: the first channel of a log begins with what waits for it, others at the end. */
      ...positionEntries,
      ...channelSettingsEntries,
    }),
    v.check((params) => hasNoPosition(params) || hasOnePosition(params), onePositionMessage),
  ),
  result: "as in channel.list",
  async handle(context, params) {
    requireAccess(context, "manage", params.log);
    const { catalog } = context.broker;
    const log = catalog.require(params.log);
    const settings = givenSettings(params);
    if (Object.keys(settings).length > 0) catalog.checkSettings(log, settings);
    if (hasNoPosition(params)) await catalog.ensureChannel(log, params.channel);
    else await catalog.ensureChannelAt(log, params.channel, seekPosition(log, params.partition, params));
    if (Object.keys(settings).length > 0) await catalog.configureChannel(log, params.channel, settings);
    return describeChannel(catalog.requireChannel(log, params.channel));
  },
});
