/** `/health`: 200 while everything promised can be kept, 503 when a partition no longer takes records. */

import type { ServerResponse } from "node:http";
import type { Broker } from "@polylog/broker";
import { version } from "../version.ts";
import { sendJson } from "./routes.ts";

export interface Health {
  readonly status: "ok" | "degraded";
  readonly version: string;
  readonly uptimeSeconds: number;
  /** `log/partition` of each partition that an I/O error made read-only. */
  readonly readOnlyPartitions: readonly string[];
}

export function readHealth(broker: Broker, uptimeMs: number): Health {
  const readOnlyPartitions: string[] = [];
  for (const log of broker.catalog.list())
    for (const partition of log.partitions)
      if (partition.status === "readOnly") readOnlyPartitions.push(`${log.name}/${partition.number}`);
  return {
    status: readOnlyPartitions.length === 0 ? "ok" : "degraded",
    version,
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    readOnlyPartitions,
  };
}

export function sendHealth(response: ServerResponse, health: Health): void {
  sendJson(response, health.status === "ok" ? 200 : 503, health);
}
