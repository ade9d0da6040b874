import type { SessionCounters } from "./session-store.ts";

export function noCounters(): SessionCounters {
  return {
    queued: 0,
    finished: 0,
    droppedOldest: 0,
    droppedNewest: 0,
    refused: 0,
    expired: 0,
    damaged: 0,
    deletedWithSession: 0,
    fromMemory: 0,
    fromDisk: 0,
  };
}
