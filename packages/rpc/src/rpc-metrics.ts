/** What the package counts. */

import type { Counter, MetricRegistry } from "@polylog/base/telemetry";
import type { Method } from "./methods/method.ts";

export interface RpcMetrics {
  countRequest(method: string): void;
  readonly errors: Counter;
  readonly notifications: Counter;
}

export function rpcMetrics(
  metrics: MetricRegistry,
  methods: readonly Method[],
  read: { readonly connections: () => number; readonly subscriptions: () => number },
): RpcMetrics {
  const help = "JSON-RPC requests and notifications received, by method.";
  const requests = new Map(
    methods.map(({ name }) => [name, metrics.counter("polylog_rpc_requests_total", help, { method: name })]),
  );
  metrics.gauge("polylog_rpc_connections", "JSON-RPC WebSocket connections.", read.connections);
  metrics.gauge("polylog_rpc_subscriptions", "JSON-RPC subscriptions.", read.subscriptions);
  return {
    countRequest(method) {
      const counter = requests.get(method);
      if (counter !== undefined) counter.value++;
    },
    errors: metrics.counter("polylog_rpc_errors_total", "JSON-RPC requests and notifications that failed."),
    notifications: metrics.counter("polylog_rpc_notifications_total", "JSON-RPC notifications sent to clients."),
  };
}
