import * as v from "valibot";
import { defineMethod, requireAccess } from "./method.ts";
import { logSchema } from "./params.ts";

export const logEmpty = defineMethod({
  name: "log.empty",
  summary:
    "Removes every record the log has and frees the disk; offsets go on, and channels lose what they had not finished.",
  params: v.strictObject({ log: logSchema }),
  result: "{}",
  async handle(context, { log: name }) {
    requireAccess(context, "manage", name);
    const { catalog } = context.broker;
    await catalog.removeRecords(catalog.require(name));
    return {};
  },
});
