/** What can be set of a channel, as params: one entry per row of `ChannelSettings`. */

import type { ChannelSettings } from "@polylog/broker";
import * as v from "valibot";
import { countSchema } from "./params.ts";

export const channelSettingsEntries = {
  /** Deliveries after which a record that is not finished goes to the log of dead letters; 0: no maximum. */
  maxAttempts: v.optional(countSchema),
  /** Of each key one record at a time, in the order of the log. */
  ordered: v.optional(v.boolean()),
  /** Records that expire go to the log of dead letters, too. */
  deadLetterExpired: v.optional(v.boolean()),
} satisfies Record<keyof ChannelSettings, v.GenericSchema>;

type Given = { readonly [Name in keyof ChannelSettings]?: ChannelSettings[Name] | undefined };

/** Which of the settings were given. */
export function givenSettings({ maxAttempts, ordered, deadLetterExpired }: Given): Partial<ChannelSettings> {
  return {
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(ordered !== undefined && { ordered }),
    ...(deadLetterExpired !== undefined && { deadLetterExpired }),
  };
}
