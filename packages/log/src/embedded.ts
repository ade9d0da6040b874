/** The engine that keeps logs in files and small state in LevelDB, for who puts a server together. */

export { acquireDataDirLock, type DataDirLock } from "./data-dir-lock.ts";
export { DiskSpace } from "./disk/disk-space.ts";
export { EmbeddedLogStore, type EmbeddedLogStoreOptions } from "./embedded-log-store.ts";
export { EmbeddedPartition } from "./embedded-partition.ts";
export { LevelStateStore } from "./state/index.ts";
export { FileStorage } from "./storage/file-storage.ts";
export type { Storage } from "./storage/storage.ts";
export { TailCache } from "./tail-cache.ts";
