/** Stands for files and small state in tests; nothing survives the process. */

export { MemoryLogStore, type MemoryLogStoreOptions } from "./memory/memory-log-store.ts";
export { MemoryStateStore } from "./state/index.ts";
export { MemoryStorage } from "./storage/memory-storage.ts";
