import * as v from "valibot";
import { givenConfig, logConfigEntries } from "./log-config-params.ts";
import { defineMethod, requireAccess } from "./method.ts";
import { countSchema, logSchema } from "./params.ts";

const keysWarning =
  "keys are spread over more partitions from now on: records of a key may go to another partition than before, and their order holds within each of the two only";

export const logAlter = defineMethod({
  name: "log.alter",
  summary: "Changes how a log is set up; what is left out stays. Answers with all of it once it is saved.",
  params: v.strictObject({
    log: logSchema,
    /** Not fewer than there are. */
    partitions: v.optional(v.pipe(countSchema, v.minValue(1))),
    ...logConfigEntries,
  }),
  result: "{log, config: {partitions, durability, segmentSizeMax, retentionMs, …}, warning?}",
  async handle(context, { log: name, partitions, ...config }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    const log = catalog.require(name);
    const before = log.partitions.length;
    const altered = await catalog.alter(log, {
      ...givenConfig(config),
      ...(partitions !== undefined && { partitions }),
    });
    return { log: name, config: altered, ...(altered.partitions > before && { warning: keysWarning }) };
  },
});
