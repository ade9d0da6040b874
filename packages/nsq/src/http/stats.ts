/** GET /stats: as text, or as JSON with `format=json`. */

import { collectMemory } from "../stats/collect-memory.ts";
import { collectStats, type NodeStats } from "../stats/collect-stats.ts";
import { healthOf } from "../stats/health.ts";
import { renderStats } from "../stats/render-stats.ts";
import type { HttpExchange, HttpRoute } from "./http-exchange.ts";
import { respondJson, respondText } from "./responses.ts";

export const stats: HttpRoute = { method: "GET", path: "/stats", handle };

function handle(exchange: HttpExchange): void {
  const { context, node, response } = exchange;
  const { broker, clock, features } = context;
  const includeClients = exchange.flag("include_clients", true);
  const { topics, producers } = collectStats(context, node.clients, {
    topic: exchange.argument("topic") ?? "",
    channel: exchange.argument("channel") ?? "",
    includeClients,
  });
  const found: NodeStats = {
    version: features.version,
    health: healthOf(broker),
    start_time: Math.floor(context.startedAtMs / 1000),
    topics,
    ...(exchange.flag("include_mem", true) ? { memory: collectMemory() } : {}),
    producers,
  };
  if (exchange.argument("format") === "json") {
    respondJson(response, found);
    return;
  }
  const uptimeMs = clock.monotonicMs() - context.startedAtMonotonicMs;
  respondText(response, renderStats(found, { nowMs: clock.nowMs(), startedAtMs: context.startedAtMs, uptimeMs }));
}
