import * as v from "valibot";
import { defineMethod, requireAccess } from "./method.ts";
import { producerIdSchema } from "./params.ts";

export const producerOpen = defineMethod({
  name: "producer.open",
  summary: "Begins a life of a producer, ends those before it, and answers once that would survive a crash.",
  params: v.strictObject({ id: producerIdSchema }),
  result: "{id, epoch}",
  async handle(context, { id }) {
    requireAccess(context, "produce", id);
    return { id, epoch: await context.broker.producers.open(id) };
  },
});
