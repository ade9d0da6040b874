export { DurabilityJoin } from "../durability-join.ts";
export { DeferredQueue, type DeferredQueueOptions, type OnDue } from "./deferred-queue.ts";
export type { WaitingRecord } from "./read-waiting.ts";
