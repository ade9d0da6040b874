import * as v from "valibot";
import { subscriptionsPerTurn } from "../limits.ts";
import type { MqttSubscription } from "../mqtt-admin.ts";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";
import { clientIdSchema, listLimitSchema } from "./params.ts";

export const mqttSubscriptions = defineMethod({
  name: "mqtt.subscriptions",
  summary: "Lists the MQTT subscriptions, of one client or of all; `more` says that there are others.",
  params: v.strictObject({ clientId: v.optional(clientIdSchema), limit: listLimitSchema }),
  result: "{subscriptions: [{clientId, filter, qos}], more}",
  async handle(context, { clientId: wanted, limit }) {
    requireAccess(context, "manage", mqttResource);
    const { mqtt, clock } = context;
    const subscriptions: MqttSubscription[] = [];
    let seenCount = 0;
    for (const { clientId, filter, qos } of mqtt.subscriptions()) {
      if (++seenCount % subscriptionsPerTurn === 0) await new Promise<void>((resolve) => clock.atTurnEnd(resolve)); // Others have their turn.
      if (wanted !== undefined && clientId !== wanted) continue;
      if (subscriptions.length === limit) return { subscriptions, more: true };
      subscriptions.push({ clientId, filter, qos });
    }
    return { subscriptions, more: false };
  },
});
