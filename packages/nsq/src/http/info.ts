/** GET /info: what the node is. Keys in nsqd's order; durations are nanoseconds. */

import { hostname } from "node:os";
import type { HttpExchange, HttpRoute } from "./http-exchange.ts";
import { respondJson } from "./responses.ts";

export const info: HttpRoute = { method: "GET", path: "/info", handle };

const nsPerMs = 1_000_000;

function handle({ context, node, request, response }: HttpExchange): void {
  const { features, limits } = context;
  respondJson(response, {
    version: features.version,
    broadcast_address: node.broadcastAddress(),
    hostname: hostname(),
    http_port: request.socket.localPort ?? -1,
    tcp_port: node.tcpPort(),
    start_time: Math.floor(context.startedAtMs / 1000),
    max_heartbeat_interval: limits.heartbeatIntervalMaxMs * nsPerMs,
    max_output_buffer_size: limits.outputBufferSizeMax,
    max_output_buffer_timeout: limits.outputBufferTimeoutMaxMs * nsPerMs,
    max_deflate_level: limits.deflateLevelMax,
    topology_zone: features.topologyZone,
    topology_region: features.topologyRegion,
  });
}
