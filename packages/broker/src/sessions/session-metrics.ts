/** What a store of sessions tells a scraper; read at scrape time from what is counted anyway. */

import { Counter, type MetricRegistry } from "@polylog/base/telemetry";
import type { SessionCounters, SessionStore } from "./session-store.ts";

const gauges: readonly (readonly [name: string, help: string, read: (store: SessionStore) => number])[] = [
  ["polylog_sessions", "Sessions that outlive their connection.", (store) => store.size],
  ["polylog_session_messages", "Messages that wait for sessions, once per session.", (store) => store.queuedCount],
  ["polylog_session_bytes", "Bytes of messages that wait, once per session.", (store) => store.queuedBytes],
  ["polylog_session_log_bytes", "Bytes of the session log.", (store) => store.storedBytes],
];

/** What became of messages, by the label it gets. */
const outcomes: Readonly<Record<keyof SessionCounters, string>> = {
  queued: "queued",
  finished: "finished",
  droppedOldest: "dropped oldest",
  droppedNewest: "dropped newest",
  refused: "refused",
  expired: "expired",
  damaged: "damaged",
  deletedWithSession: "deleted with session",
  fromMemory: "given out from memory",
  fromDisk: "given out from disk",
};

export function registerSessionMetrics(metrics: MetricRegistry, store: SessionStore): void {
  for (const [name, help, read] of gauges) metrics.gauge(name, help, () => read(store));
  const help = "Messages of sessions, once per session, by what became of them.";
  metrics.collector("polylog_session_messages_total", help, "counter", () =>
    Object.entries(outcomes).map(([name, outcome]) =>
      Object.assign(new Counter({ outcome }), { value: store.counters[name as keyof SessionCounters] }),
    ),
  );
}
