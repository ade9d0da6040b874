import * as v from "valibot";
import { defineMethod, requireAccess } from "./method.ts";
import { logSchema } from "./params.ts";

export const logEmpty = defineMethod({
  name: "log.empty",
  summary: "Drops what waits for a first channel; the records stay, and channels keep what they have.",
  params: v.strictObject({ log: logSchema }),
  result: "{}",
  async handle(context, { log: name }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    await catalog.empty(catalog.require(name));
    return {};
  },
});
