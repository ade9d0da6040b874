import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { Publisher } from "../testing/session-rig.ts";
import { MemorySessionStore } from "./memory-session-store.ts";
import { registerSessionMetrics } from "./session-metrics.ts";

test("tells what waits and what was dropped", async () => {
  const limits = { messagesMax: 2, bytesMax: 1000, whenFull: "drop-oldest" } as const;
  const store = new MemorySessionStore({ clock: new ManualClock(), limits });
  const metrics = new MetricRegistry();
  registerSessionMetrics(metrics, store);
  const session = await store.create("a", Buffer.alloc(0));
  const publisher = new Publisher();
  for (const text of ["1", "2", "3"]) publisher.publish(store, text, session);
  const lines = renderPrometheus(metrics).split("\n");
  for (const line of [
    "polylog_sessions 1",
    "polylog_session_messages 2",
    "polylog_session_bytes 20",
    "polylog_session_log_bytes 20",
    'polylog_session_messages_total{outcome="queued"} 3',
    'polylog_session_messages_total{outcome="dropped oldest"} 1',
    'polylog_session_messages_total{outcome="expired"} 0',
  ])
    assert.ok(lines.includes(line), `${line} in\n${lines.join("\n")}`);
});
