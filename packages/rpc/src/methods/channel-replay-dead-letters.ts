import * as v from "valibot";
import { defineMethod, requireAccess } from "./method.ts";
import { countSchema, logSchema } from "./params.ts";

export const channelReplayDeadLetters = defineMethod({
  name: "channel.replayDeadLetters",
  summary:
    "Appends dead letters of all channels of a log to that log once more: those since the last time, or a range.",
  params: v.pipe(
    v.strictObject({
      log: logSchema,
      /** In the log of dead letters: from `offset` to before `endOffset`, as often as asked. */
      offset: v.optional(countSchema),
      endOffset: v.optional(countSchema),
      /** Of the log of dead letters, which has one unless somebody made it with more. */
      partition: v.optional(countSchema, 0),
    }),
    v.check(
      ({ offset, endOffset }) => (offset === undefined) === (endOffset === undefined),
      "Expected both or none of offset and endOffset",
    ),
  ),
  result: "{replayed}",
  async handle(context, { log: name, partition, offset, endOffset }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    const range = offset === undefined || endOffset === undefined ? undefined : { partition, offset, endOffset };
    return { replayed: await catalog.replayDeadLetters(catalog.require(name), range) };
  },
});
