import * as v from "valibot";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";
import { describe, listSessions } from "./mqtt-clients.ts";
import { listLimitSchema } from "./params.ts";

export const mqttSessions = defineMethod({
  name: "mqtt.sessions",
  summary: "Lists the MQTT sessions, connected or not, oldest first; `more` says that there are others.",
  params: v.strictObject({ limit: listLimitSchema }),
  result: "{sessions: [{clientId, remote, persistent, subscriptions, inFlight, queued}], more}",
  handle(context, { limit }) {
    requireAccess(context, "manage", mqttResource);
    const { listed, more } = listSessions(context.mqtt, limit, () => true, describe);
    return { sessions: listed, more };
  },
});
