import * as v from "valibot";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";
import { clientIdSchema } from "./params.ts";

export const mqttKick = defineMethod({
  name: "mqtt.kick",
  summary: "Ends the connection of an MQTT client, which may connect again; `kicked` is false when it has none.",
  params: v.strictObject({ clientId: clientIdSchema }),
  result: "{kicked}",
  handle(context, { clientId }) {
    requireAccess(context, "manage", mqttResource);
    return { kicked: context.mqtt.kick(clientId) };
  },
});
