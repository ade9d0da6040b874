export { Delivery } from "./delivery.ts";
export { DurableSessionStore, type DurableSessionStoreOptions } from "./durable-session-store.ts";
export { MemorySessionStore, type MemorySessionStoreOptions } from "./memory-session-store.ts";
export { SessionMessage } from "./session-message.ts";
export { registerSessionMetrics } from "./session-metrics.ts";
export type { OnSession, SessionCounters, SessionLimits, SessionStore, WhenFull } from "./session-store.ts";
export { type NextOutcome, packetIdentifierOf, type SessionListener, type StoredSession } from "./stored-session.ts";
