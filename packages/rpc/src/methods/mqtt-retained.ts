import * as v from "valibot";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";
import { listLimitSchema } from "./params.ts";

export const mqttRetained = defineMethod({
  name: "mqtt.retained",
  summary: "Lists the retained messages whose topic matches a filter; `more` says that there are others.",
  params: v.strictObject({
    filter: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(65_535)), "#"),
    limit: listLimitSchema,
  }),
  result: "{retained: [{topic, qos, size, published, expires}], more}",
  async handle(context, { filter, limit }) {
    requireAccess(context, "manage", mqttResource);
    const { broker, clock } = context;
    const retained: RetainedDescription[] = [];
    for (const message of broker.retained.matchPaced(filter)) {
      if (message === undefined) {
        await new Promise<void>((resolve) => clock.atTurnEnd(resolve)); // Others have their turn.
        continue;
      }
      if (retained.length === limit) return { retained, more: true };
      const { topic, qos, payload, publishedMs, expiresMs } = message;
      const expires = expiresMs === 0 ? null : expiresMs;
      retained.push({ topic, qos, size: payload.length, published: publishedMs, expires });
    }
    return { retained, more: false };
  },
});

/** Times are milliseconds since 1970. */
export interface RetainedDescription {
  readonly topic: string;
  readonly qos: number;
  /** Bytes of the payload. */
  readonly size: number;
  readonly published: number;
  /** Null: never. */
  readonly expires: number | null;
}
