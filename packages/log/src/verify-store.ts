/**
 * Checks what a log store has on disk without opening it: every partition of every log (`verify.ts`), and that rows and
 * directories belong together. Changes nothing.
 */

import type { PolylogError } from "@polylog/base/errors";
import { logErrors } from "./errors.ts";
import { decodeLogRow, type LogRow, logRowPrefix } from "./log-config.ts";
import { isLogName, logDirectoryName, parseLogDirectoryName } from "./log-name.ts";
import type { StateStore } from "./state/index.ts";
import { joinPath, type Storage } from "./storage/storage.ts";
import { type VerifyReport, verifyPartition } from "./verify.ts";

export interface LogRows {
  readonly rows: ReadonlyMap<string, LogRow>;
  /** LOG_ROW_DAMAGED. */
  readonly faults: readonly PolylogError[];
}

/** The configurations that the state store keeps; one that cannot be read is a fault and stops nothing. */
export async function readLogRows(state: StateStore): Promise<LogRows> {
  const rows = new Map<string, LogRow>();
  const faults: PolylogError[] = [];
  for await (const [key, value] of state.entries(logRowPrefix)) {
    const name = key.slice(logRowPrefix.length);
    try {
      if (!isLogName(name)) throw logErrors.LOG_ROW_DAMAGED({ name });
      rows.set(name, decodeLogRow(name, value));
    } catch (error) {
      faults.push(error as PolylogError);
    }
  }
  return { rows, faults };
}

export interface VerifyLogsOptions {
  /** Begins where the log store's does. */
  readonly storage: Storage;
  /** Undefined: not known, and then nothing is missed that has no directory. */
  readonly rows: ReadonlyMap<string, LogRow> | undefined;
  /** Only this log. */
  readonly log?: string | undefined;
  readonly inUse?: boolean;
  readonly onProgress?: (log: string, partition: number, bytesRead: number) => void;
}

export interface PartitionReport extends VerifyReport {
  readonly log: string;
  readonly partition: number;
}

/** One report per partition, by name and number. Rejects with the system's error when a directory cannot be listed. */
export async function* verifyLogs(options: VerifyLogsOptions): AsyncGenerator<PartitionReport> {
  for (const log of await listLogs(options)) {
    const row = options.rows?.get(log);
    for (const partition of await listPartitions(options.storage, log, row)) {
      const report = await verifyOne(options, log, partition);
      const isMissing = report.segments.length === 0 && row !== undefined && options.inUse !== true;
      const directory = partitionDirectory(log, partition);
      const faults = isMissing ? [logErrors.PARTITION_MISSING({ log, partition, directory })] : report.faults;
      yield { log, partition, ...report, faults };
    }
  }
}

function verifyOne(options: VerifyLogsOptions, log: string, partition: number): Promise<VerifyReport> {
  const { storage, inUse = false, onProgress } = options;
  return verifyPartition(
    storage,
    partitionDirectory(log, partition),
    { log, partition },
    { inUse, onProgress: (bytesRead) => onProgress?.(log, partition, bytesRead) },
  );
}

/** Logs with a row or a directory; those whose files are being removed are left out. */
async function listLogs({ storage, rows, log }: VerifyLogsOptions): Promise<string[]> {
  const directories = (await storage.list("")) ?? [];
  const found = directories.map(parseLogDirectoryName).filter((name) => name !== undefined);
  const names = [...new Set([...found, ...(rows?.keys() ?? [])])].sort();
  return names.filter((name) => rows?.get(name)?.deleting !== true && (log === undefined || name === log));
}

async function listPartitions(storage: Storage, log: string, row: LogRow | undefined): Promise<number[]> {
  const numbers = new Set<number>();
  for (let number = 0; number < (row?.config.partitions ?? 0); number++) numbers.add(number);
  for (const entry of (await storage.list(logDirectoryName(log))) ?? [])
    if (/^\d{1,4}$/.test(entry)) numbers.add(Number(entry));
  return [...numbers].sort((one, other) => one - other);
}

function partitionDirectory(log: string, partition: number): string {
  return joinPath(logDirectoryName(log), String(partition));
}
