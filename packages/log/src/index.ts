/** What every engine has. `./embedded` is the one that keeps logs in files. */

export type { Chunk } from "./chunk.ts";
export { type Durability, type DurabilityWaiter, durabilities } from "./durability.ts";
export { logErrors } from "./errors.ts";
export type { Log } from "./log.ts";
export { type LogConfig, logConfigChoices } from "./log-config.ts";
export { isLogName } from "./log-name.ts";
export type { LogStore } from "./log-store.ts";
export type { Partition, PartitionStatus, PartitionWatcher, Produced } from "./partition.ts";
export { isProducerId, type ProducerStamp } from "./producers/producer-block.ts";
export { decodeHeaders, RecordCursor } from "./record-cursor.ts";
export type { RecordFields } from "./rich-record.ts";
export type { StateOperation, StateStore, StateWriteOptions } from "./state/index.ts";
