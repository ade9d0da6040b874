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
  async handle(context, { log: name, ...config }) {
    requireAccess(context, "manage", name);
    const log = context.broker.catalog.create(name, givenConfig(config));
    await log.whenSaved();
    return describeLog(log);
  },
});
