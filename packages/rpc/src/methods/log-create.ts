import type { Partition } from "@polylog/broker";
import * as v from "valibot";
import { givenConfig, logConfigEntries } from "./log-config-params.ts";
import { describeLog } from "./log-list.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { countSchema, logSchema } from "./params.ts";

export const logCreate = defineMethod({
  name: "log.create",
  summary: "Makes a log and answers once it would survive a crash.",
  params: v.strictObject({
    log: logSchema,
    partitions: v.optional(v.pipe(countSchema, v.minValue(1))),
    ...logConfigEntries,
  }),
  result: "{log, partitions, durability, segmentSizeMax, compression, ephemeral}",
  handle(context, { log: name, ...config }) {
    requireAccess(context, "manage", name);
    const log = context.broker.catalog.create(name, givenConfig(config));
    return Promise.all(log.partitions.map(whenOpen)).then(() => describeLog(log));
  },
});

/** Resolves when the partition, and so its log, would be found again after a crash; rejects when it cannot be made. */
function whenOpen(partition: Partition): Promise<void> {
  return new Promise((resolve, reject) => {
    const watcher = {
      onHighWatermark(): void {
        if (partition.status === "opening") return;
        partition.unwatch(watcher);
        if (partition.error === undefined) resolve();
        else reject(partition.error);
      },
    };
    partition.watch(watcher);
    watcher.onHighWatermark();
  });
}
