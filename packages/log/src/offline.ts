/** What looks at a data directory without opening it as a server does. */

export { findDataDirHolder } from "./data-dir-lock.ts";
export { isDamaged, type RepairAction, type RepairOptions, type RepairReport, repairPartition } from "./repair.ts";
export { listStoredPartitions, type StoredPartition } from "./stored-partitions.ts";
export { type VerifiedSegment, type VerifyOptions, type VerifyReport, verifyPartition } from "./verify.ts";
export { type LogRows, type PartitionReport, readLogRows, type VerifyLogsOptions, verifyLogs } from "./verify-store.ts";
