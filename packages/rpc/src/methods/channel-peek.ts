import * as v from "valibot";
import { peekBytesMax, peekRecordsDefault, peekRecordsMax } from "../limits.ts";
import { JsonParts, joinTexts } from "../records/json-parts.ts";
import { addRecord, recordSize } from "../records/record-text.ts";
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
    const parts = new JsonParts();
    let separator = "[";
    let bytesLeft = peekBytesMax;
    await log.peek(channel, params.maxRecords, context.clock.nowMs(), (record, partition, attempts) => {
      parts.add(separator);
      separator = ",";
      addRecord(parts, record, params.encoding, `"partition":${partition},"attempts":${attempts},`);
      bytesLeft -= recordSize(record);
      return bytesLeft > 0;
    });
    parts.add(separator === "[" ? "[]" : "]");
    return new ResultText(
      () => joinTexts([`{"records":`, parts.take(), "}"]),
      () => undefined,
    );
  },
});
