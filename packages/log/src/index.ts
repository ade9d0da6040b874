export type { Chunk } from "./chunk.ts";
export { acquireDataDirLock, type DataDirLock } from "./data-dir-lock.ts";
export { DiskSpace } from "./disk/disk-space.ts";
export { type Durability, type DurabilityWaiter, durabilities } from "./durability.ts";
export { logErrors } from "./errors.ts";
export type { Log } from "./log.ts";
export { type Compression, compressions, type LogConfig, retentionUnfinishedChoices } from "./log-config.ts";
export { isEphemeral, isLogName } from "./log-name.ts";
export { LogStore, type LogStoreOptions } from "./log-store.ts";
export {
  Partition,
  type PartitionStatus,
  type PartitionWatcher,
  type Produced,
} from "./partition.ts";
export type { PartitionOptions } from "./partition-options.ts";
export { isProducerId, type ProducerStamp } from "./producers/producer-block.ts";
export { decodeHeaders, RecordCursor } from "./record-cursor.ts";
export type { RecoveryReport } from "./recovery.ts";
export type { RecordFields } from "./rich-record.ts";
export {
  LevelStateStore,
  MemoryStateStore,
  type StateOperation,
  type StateStore,
  type StateWriteOptions,
} from "./state/index.ts";
export { FileStorage } from "./storage/file-storage.ts";
export { MemoryStorage } from "./storage/memory-storage.ts";
export type { OpenMode, Storage, StorageFile, SyncListener, WriteListener } from "./storage/storage.ts";
export { TailCache } from "./tail-cache.ts";
