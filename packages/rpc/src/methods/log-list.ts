import type { BrokerLog } from "@polylog/broker";
import * as v from "valibot";
import { defineMethod } from "./method.ts";

export const logList = defineMethod({
  name: "log.list",
  summary: "Lists the logs that the caller may consume, oldest first.",
  params: v.strictObject({}),
  result: "{logs: [{log, partitions, durability, segmentSizeMax, compression, ephemeral}]}",
  handle({ broker, peer }) {
    const logs = [...broker.catalog.list()].filter((log) => broker.access.allows(peer.principal, "consume", log.name));
    return { logs: logs.map(describeLog) };
  },
});

export interface LogDescription {
  readonly log: string;
  readonly partitions: number;
  readonly durability: string;
  readonly segmentSizeMax: number;
  readonly compression: string;
  readonly ephemeral: boolean;
}

export function describeLog(log: BrokerLog): LogDescription {
  const { durability, segmentSizeMax, compression } = log.log.config;
  const { length: partitions } = log.partitions;
  return { log: log.name, partitions, durability, segmentSizeMax, compression, ephemeral: log.log.ephemeral };
}
