import type { BrokerLog, SeekPosition } from "@polylog/broker";
import * as v from "valibot";
import { describeChannel } from "./channel-list.ts";
import { defineMethod, requireAccess } from "./method.ts";
import {
  channelEntries,
  hasOnePosition,
  onePositionMessage,
  type Position,
  partitionSchema,
  positionEntries,
  requirePartition,
} from "./params.ts";

export const channelSeek = defineMethod({
  name: "channel.seek",
  summary: "Moves a channel, forgetting what it has in flight there; answers once that is saved.",
  params: v.pipe(
    v.strictObject({ ...channelEntries, partition: partitionSchema, ...positionEntries }),
    v.check((params) => hasOnePosition(params), onePositionMessage),
  ),
  result: "as in channel.list",
  async handle(context, params) {
    requireAccess(context, "manage", params.log);
    const { catalog } = context.broker;
    const log = catalog.require(params.log);
    await catalog.seekChannel(log, params.channel, seekPosition(log, params.partition, params));
    return describeChannel(catalog.requireChannel(log, params.channel));
  },
});

/** An offset belongs to one partition, which need not be named when there is one. PARTITION_REQUIRED. */
export function seekPosition(log: BrokerLog, partition: number | undefined, position: Position): SeekPosition {
  const { offset, timestamp, from } = position;
  if (offset !== undefined) return { offset, partition: requirePartition(log, partition).number };
  if (timestamp !== undefined) return { timestampMs: timestamp, partition };
  return { from: from ?? "latest", partition };
}
