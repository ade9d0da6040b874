import * as v from "valibot";
import { delayedLengthMax } from "../limits.ts";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";
import { clientIdSchema, countSchema, listLimitSchema } from "./params.ts";

export const mqttDelayed = defineMethod({
  name: "mqtt.delayed",
  summary:
    "Lists the messages to `$delayed/` that wait; `more` says that there are others, with ids above the last one's: ask for those `after` it.",
  params: v.strictObject({
    filter: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(65_535))),
    clientId: v.optional(clientIdSchema),
    after: v.optional(countSchema),
    limit: listLimitSchema,
  }),
  result: "{delayed: [{id, topic, due, clientId, qos, retain, size}], more}",
  async handle(context, { filter, clientId, after = -1, limit }) {
    requireAccess(context, "manage", mqttResource);
    const delayed: DelayedDescription[] = [];
    let length = 0;
    for await (const message of context.mqtt.delayed({ after, filter, clientId })) {
      if (delayed.length === limit || length > delayedLengthMax) return { delayed, more: true };
      const { id, topic, dueMs, clientId: sender = null, qos = null, retain = null, size } = message;
      delayed.push({ id, topic, due: Number.isNaN(dueMs) ? null : dueMs, clientId: sender, qos, retain, size });
      length += topic.length + (sender?.length ?? 0);
    }
    return { delayed, more: false };
  },
});

/** What is null cannot be read: such a message is never published. */
export interface DelayedDescription {
  /** Until it is published; of one that waits for hours it may change, once an hour at most. */
  readonly id: number;
  /** What it is published to. */
  readonly topic: string;
  /** Milliseconds since 1970. */
  readonly due: number | null;
  readonly clientId: string | null;
  readonly qos: number | null;
  readonly retain: boolean | null;
  /** Bytes of the payload. */
  readonly size: number;
}
