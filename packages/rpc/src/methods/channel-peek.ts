import * as v from "valibot";
import { peekBytesMax, peekRecordsDefault, peekRecordsMax } from "../limits.ts";
import { recordSize, recordText } from "../records/record-text.ts";
import { defineMethod, ResultText, requireAccess } from "./method.ts";
import { channelEntries, countSchema, encodingSchema } from "./params.ts";

export const channelPeek = defineMethod({
  name: "channel.peek",
  summary: "Shows the records that a channel would deliver next, without taking them.",
  params: v.strictObject({
    ...channelEntries,
    maxRecords: v.optional(v.pipe(countSchema, v.minValue(1), v.maxValue(peekRecordsMax)), peekRecordsDefault),
    encoding: encodingSchema,
  }),
  result: "{records: [{partition, attempts, offset, timestamp, key, headers, topic, value}]}",
  async handle(context, params) {
    requireAccess(context, "consume", params.log);
    const { catalog } = context.broker;
    const log = catalog.require(params.log);
    const channel = catalog.requireChannel(log, params.channel);
    const records: string[] = [];
    let bytesLeft = peekBytesMax;
    await log.peek(channel, params.maxRecords, context.clock.nowMs(), (record, partition, attempts) => {
      records.push(`{"partition":${partition},"attempts":${attempts},${recordText(record, params.encoding).slice(1)}`);
      bytesLeft -= recordSize(record);
      return bytesLeft > 0;
    });
    return new ResultText(
      () => `{"records":[${records.join(",")}]}`,
      () => undefined,
    );
  },
});
