import * as v from "valibot";
import { defineMethod, mqttResource, requireAccess } from "./method.ts";

export const mqttBridges = defineMethod({
  name: "mqtt.bridges",
  summary: "Lists the bridges to other MQTT brokers, and why one is not connected.",
  params: v.strictObject({}),
  result: "{bridges: [{name, remote, status, version, out, in, queued, dropped, connects, failures, reason}]}",
  handle(context) {
    requireAccess(context, "manage", mqttResource);
    const bridges: BridgeDescription[] = [];
    for (const {
      name,
      remote,
      status,
      version,
      reason,
      queuedCount,
      droppedCount,
      counters,
    } of context.mqtt.bridges()) {
      const { out, in: into, connects, failures } = counters;
      const counts = { out, in: into, queued: queuedCount, dropped: droppedCount, connects, failures };
      bridges.push({ name, remote, status, version: version ?? null, ...counts, reason: reason ?? null });
    }
    return { bridges };
  },
});

export interface BridgeDescription {
  readonly name: string;
  readonly remote: string;
  readonly status: string;
  /** Null while it is not connected. */
  readonly version: string | null;
  /** Messages handed to the other side. */
  readonly out: number;
  readonly in: number;
  /** Messages that wait to go out, and that did not for lack of room. */
  readonly queued: number;
  readonly dropped: number;
  readonly connects: number;
  readonly failures: number;
  /** Null while it is connected. */
  readonly reason: string | null;
}
