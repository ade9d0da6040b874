/** Checks, without starting a broker, what the state store keeps of channels against what the logs have. Changes nothing. */

import type { PolylogError } from "@polylog/base/errors";
import type { StateStore } from "@polylog/log";
import { brokerErrors } from "../errors.ts";
import { channelKey, decodePage, decodeWindow, pagePrefix, windowRowPrefix } from "./channel-rows.ts";
import type { OffsetRange } from "./channel-store.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

/** What a channel's rows say of one partition. */
export interface VerifiedChannel {
  readonly log: string;
  readonly channel: string;
  readonly partition: number;
  /** All below is finished; undefined when its row cannot be read. */
  readonly floor: number | undefined;
  /** First offset never delivered. */
  readonly cursor: number | undefined;
  /** Delivered and not finished. */
  readonly unfinishedCount: number;
  /** CHANNEL_OUTSIDE_LOG, CHANNEL_WITHOUT_LOG, STATE_DAMAGED. */
  readonly faults: readonly PolylogError[];
}

/** Offsets that a partition has; undefined: there is no such partition. */
export type KeptOffsets = (log: string, partition: number) => OffsetRange | undefined;

/** Only channels of `log`, where that is given. */
export async function* verifyChannels(
  state: StateStore,
  kept: KeptOffsets,
  only?: string,
): AsyncGenerator<VerifiedChannel> {
  for await (const [key, row] of state.entries(windowRowPrefix)) {
    const [log = "", channel = "", partition = ""] = key.slice(windowRowPrefix.length).split("/");
    if (only !== undefined && log !== only) continue;
    yield await verifyWindow(state, { key, row, log, channel, partition: Number(partition) }, kept);
  }
}

interface WindowRow {
  readonly key: string;
  readonly row: Buffer;
  readonly log: string;
  readonly channel: string;
  readonly partition: number;
}

async function verifyWindow(state: StateStore, saved: WindowRow, kept: KeptOffsets): Promise<VerifiedChannel> {
  const { key, row, log, channel, partition } = saved;
  const faults: PolylogError[] = [];
  let floor: number | undefined;
  let cursor: number | undefined;
  let unfinishedCount = 0;
  try {
    ({ floor, cursor } = decodeWindow(key, row));
    const window = new UnfinishedWindow(floor, cursor);
    for await (const [page, entries] of state.entries(pagePrefix(log, channel, partition)))
      decodePage(page, entries, window, 0);
    unfinishedCount = window.readyCount + window.deferredCount + window.deadCount;
    const range = kept(log, partition);
    if (range === undefined) faults.push(brokerErrors.CHANNEL_WITHOUT_LOG({ log, channel }));
    else if (!(range.low <= floor && floor <= cursor && cursor <= range.high))
      faults.push(brokerErrors.CHANNEL_OUTSIDE_LOG({ log, channel, partition, floor, cursor, ...range }));
    if ((await state.get(channelKey(log, channel))) === undefined)
      faults.push(brokerErrors.STATE_DAMAGED({ key: channelKey(log, channel) }));
  } catch (error) {
    faults.push(error as PolylogError);
  }
  return { log, channel, partition, floor, cursor, unfinishedCount, faults };
}
