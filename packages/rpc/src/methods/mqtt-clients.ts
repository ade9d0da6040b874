import * as v from "valibot";
import type { MqttAdmin, MqttClient } from "../mqtt-admin.ts";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";
import { listLimitSchema } from "./params.ts";

export const mqttClients = defineMethod({
  name: "mqtt.clients",
  summary: "Lists the MQTT clients that are connected; `more` says that there are others.",
  params: v.strictObject({ limit: listLimitSchema }),
  result:
    "{clients: [{clientId, remote, persistent, subscriptions, inFlight, queued, messagesIn, messagesOut, bytesIn, bytesOut, " +
    "messagesInPerSecond, messagesOutPerSecond, bytesInPerSecond, bytesOutPerSecond}], more}",
  handle(context, { limit }) {
    requireAccess(context, "manage", mqttResource);
    const { listed, more } = listSessions(
      context.mqtt,
      limit,
      ({ remote }) => remote !== undefined,
      (client) => ({ ...describe(client), ...client.traffic }),
    );
    return { clients: listed, more };
  },
});

export interface ClientDescription {
  readonly clientId: string;
  /** Null when it is not connected. */
  readonly remote: string | null;
  readonly persistent: boolean;
  readonly subscriptions: number;
  readonly inFlight: number;
  readonly queued: number;
}

export function listSessions<Description>(
  mqtt: MqttAdmin,
  limit: number,
  isWanted: (client: MqttClient) => boolean,
  describeClient: (client: MqttClient) => Description,
): { readonly listed: readonly Description[]; readonly more: boolean } {
  const listed: Description[] = [];
  for (const client of mqtt.clients()) {
    if (!isWanted(client)) continue;
    if (listed.length === limit) return { listed, more: true };
    listed.push(describeClient(client));
  }
  return { listed, more: false };
}

export function describe(client: MqttClient): ClientDescription {
  const { clientId, remote = null, persistent, subscriptionCount, inFlightCount, queuedCount } = client;
  const counts = { subscriptions: subscriptionCount, inFlight: inFlightCount, queued: queuedCount };
  return { clientId, remote, persistent, ...counts };
}
