import type { BrokerLog, LogConfig } from "@polylog/broker";
import * as v from "valibot";
import { describeLog, type LogDescription } from "./log-list.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { logSchema } from "./params.ts";

export const logDescribe = defineMethod({
  name: "log.describe",
  summary: "Tells about one log, its partitions and channels.",
  params: v.strictObject({ log: logSchema }),
  result:
    "as in log.list, and {paused, depth, captures, channels, watermarks: [{partition, low, high, status}], config: as in log.alter}",
  handle(context, { log: name }) {
    requireAccess(context, "consume", name);
    return describeWhole(context.broker.catalog.require(name));
  },
});

export interface WholeLogDescription extends LogDescription {
  readonly paused: boolean;
  /** Records that wait for a first channel. */
  readonly depth: number;
  /** MQTT topic filters. */
  readonly captures: readonly string[];
  readonly channels: readonly string[];
  readonly watermarks: readonly WatermarkDescription[];
  readonly config: LogConfig;
}

interface WatermarkDescription {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
  readonly status: string;
}

function describeWhole(log: BrokerLog): WholeLogDescription {
  return {
    ...describeLog(log),
    paused: log.paused,
    depth: log.depth,
    captures: log.captureFilters,
    channels: [...log.channels.keys()],
    watermarks: log.partitions.map(({ number, lowWatermark, highWatermark, status }) => {
      return { partition: number, low: lowWatermark, high: highWatermark, status };
    }),
    config: log.log.config,
  };
}
