import * as v from "valibot";
import { rpcErrors } from "../errors.ts";
import { creditsDefault, creditsMax } from "../limits.ts";
import { TailSubscription } from "../subscriptions/tail-subscription.ts";
import { defineMethod, requireAccess } from "./method.ts";
import {
  countSchema,
  encodingSchema,
  hasOnePosition,
  logSchema,
  offsetOf,
  onePositionMessage,
  partitionSchema,
  positionEntries,
  requirePartition,
} from "./params.ts";

export const subscribe = defineMethod({
  name: "subscribe",
  summary: "Sends the records of a log, or of one partition of it, as they come. WebSocket only.",
  params: v.pipe(
    v.strictObject({
      log: logSchema,
      partition: partitionSchema,
      ...positionEntries,
      encoding: encodingSchema,
      /** Notifications that may come before the first `subscription.credit`. */
      credits: v.optional(v.pipe(countSchema, v.maxValue(creditsMax)), creditsDefault),
    }),
    v.check((params) => hasOnePosition(params), onePositionMessage),
  ),
  result: "{subscription}; then the notifications subscription.records, subscription.error, subscription.end",
  async handle(context, params) {
    const { subscriptions } = context.peer;
    if (subscriptions === undefined) throw rpcErrors.WEBSOCKET_ONLY({ method: "subscribe" });
    requireAccess(context, "consume", params.log);
    const log = context.broker.catalog.require(params.log);
    // An offset belongs to one partition; a time and an end, to all.
    const isWhole = params.partition === undefined && params.offset === undefined;
    const partitions = isWhole ? log.partitions : [requirePartition(log, params.partition)];
    const offsets = await Promise.all(partitions.map((partition) => offsetOf(partition, params)));
    if (context.peer.ending.ended) throw rpcErrors.STOPPING();
    const subscription = subscriptions.open(
      (id, onEnd) =>
        new TailSubscription(
          {
            id,
            log,
            encoding: params.encoding,
            credits: params.credits,
            clock: context.clock,
            sink: subscriptions.sink,
            onEnd,
          },
          partitions,
          offsets,
        ),
    );
    // The client must know the subscription before its first records come.
    context.afterAnswer(() => subscription.start());
    return { subscription: subscription.id };
  },
});
