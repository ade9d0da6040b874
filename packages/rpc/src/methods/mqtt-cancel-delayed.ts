import * as v from "valibot";
import { listRowsMax } from "../limits.ts";
import { boundedList } from "../records/record-fields.ts";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";
import { countSchema } from "./params.ts";

export const mqttCancelDelayed = defineMethod({
  name: "mqtt.cancelDelayed",
  summary:
    "Takes messages to `$delayed/` back, by the ids that `mqtt.delayed` tells; `cancelled` has those that waited and are never published.",
  params: v.strictObject({ ids: boundedList(countSchema, 1, listRowsMax) }),
  result: "{cancelled: [id]}",
  async handle(context, { ids }) {
    requireAccess(context, "manage", mqttResource);
    return { cancelled: await context.mqtt.cancelDelayed(ids) };
  },
});
