import * as v from "valibot";
import { defineMethod, requireAccess } from "./method.ts";
import { logSchema } from "./params.ts";

export const logDelete = defineMethod({
  name: "log.delete",
  summary: "Removes a log with its channels and records.",
  params: v.strictObject({ log: logSchema }),
  result: "{}",
  async handle(context, { log: name }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    await catalog.delete(name);
    return {};
  },
});
