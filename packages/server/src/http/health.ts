/** `/health`: 200 while everything promised can be kept, 503 when a partition takes no records or the disk is full. */

import type { ServerResponse } from "node:http";
import type { Broker } from "@polylog/broker";
import type { DiskSpace } from "@polylog/log/embedded";
import { version } from "../version.ts";
import { sendJson } from "./routes.ts";

export interface Health {
  readonly status: "ok" | "degraded";
  readonly version: string;
  readonly uptimeSeconds: number;
  /** `log/partition` of each partition that an I/O error made read-only. */
  readonly readOnlyPartitions: readonly string[];
  readonly disk: DiskHealth;
}

export interface DiskHealth {
  /** Records are refused until there is room. */
  readonly full: boolean;
  /** As far as known; it is asked for while something is written. */
  readonly freeBytes: number | undefined;
  readonly floorBytes: number;
}

export function readHealth(broker: Broker, space: DiskSpace, uptimeMs: number): Health {
  const readOnlyPartitions: string[] = [];
  for (const log of broker.catalog.list())
    for (const partition of log.partitions)
      if (partition.status === "readOnly") readOnlyPartitions.push(`${log.name}/${partition.number}`);
  const full = space.error !== undefined;
  return {
    status: readOnlyPartitions.length === 0 && !full ? "ok" : "degraded",
    version,
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    readOnlyPartitions,
    disk: { full, freeBytes: space.freeBytes, floorBytes: space.floorBytes },
  };
}

export function sendHealth(response: ServerResponse, health: Health): void {
  sendJson(response, health.status === "ok" ? 200 : 503, health);
}
