/** Checks, without starting a broker, what the state store keeps of deferred messages against their partition. Changes nothing. */

import type { StateStore } from "@polylog/log";
import type { OffsetRange } from "../channels/channel-store.ts";
import { type VerifiedChannel, verifyChannels } from "../channels/verify-channels.ts";
import { StateBelow } from "./state-below.ts";

/** As its segments and channel rows say. */
export const deferredLogName = "deferred";
/** Of the keys of those rows. */
export const deferredStatePrefix = "deferred/";

/** `kept`: what the partition has; undefined: there is none. Resolves with undefined when nothing was ever saved. */
export async function verifyDeferred(
  state: StateStore,
  kept: OffsetRange | undefined,
): Promise<VerifiedChannel | undefined> {
  for await (const channel of verifyChannels(new StateBelow(state, deferredStatePrefix), () => kept)) return channel;
  return undefined;
}
