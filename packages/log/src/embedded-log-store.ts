/**
 * All logs of a server in files: which there are, and where they live. What it promises stands in `log-store.ts`.
 *
 * Coming into being: a log can be appended to as soon as `create` returns. Its directory and first segments are made and
 * synced, then its row is saved and synced, then its partitions begin to write. So nothing is acknowledged before the
 * log would be found again; if anything fails, its partitions are read-only and those who wait are told.
 *
 * Going away: the row is marked, the directory is removed, the row is removed. A start in the middle goes on with it.
 *
 * At start every row therefore has a directory. A directory without a row and without a record is a log whose creation was
 * interrupted; it is removed. One with records has lost its row; it is taken in again with the default configuration.
 *
 *     <storage>/<directory of the log>/<partition>/<first offset>.log
 */

import type { Clock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import { type Logger, type MetricRegistry, silentLogger } from "@polylog/base/telemetry";
import { BlockCache } from "./block-cache.ts";
import type { DiskSpace } from "./disk/disk-space.ts";
import { DiskTimings } from "./disk/disk-timings.ts";
import type { EmbeddedLog } from "./embedded-log.ts";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { logErrors } from "./errors.ts";
import { opensAtOnceMax } from "./limits.ts";
import {
  decodeLogRow,
  encodeLogRow,
  type LogConfig,
  type LogRow,
  logRowPrefix,
  resolveLogConfig,
} from "./log-config.ts";
import { isEphemeral, isLogName, logDirectoryName, parseLogDirectoryName } from "./log-name.ts";
import type { LogStore } from "./log-store.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { retention } from "./maintenance/retention.ts";
import { maintenanceTasks } from "./maintenance/tasks.ts";
import { PendingTotal } from "./pending-total.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { segmentHeaderSize } from "./segment.ts";
import { listSegmentFiles, segmentFileName } from "./segment-files.ts";
import { SegmentSet } from "./segment-set.ts";
import type { StateOperation, StateStore } from "./state/index.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import { joinPath, type Storage } from "./storage/storage.ts";
import { TailCache } from "./tail-cache.ts";
import { trimMarkFileName } from "./trim-mark.ts";

export interface EmbeddedLogStoreOptions {
  readonly storage: Storage;
  /** Open before the store opens, until it is closed. */
  readonly state: StateStore;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** For logs created without saying otherwise. */
  readonly defaults?: Partial<LogConfig>;
  /** Within this many milliseconds what is written is synced; default 1,000. */
  readonly syncIntervalMs?: number;
  /** Bytes that may wait to be written, per partition; default 32 MiB. */
  readonly pendingBytesMax?: number;
  /** As that, for all partitions together; default 256 MiB. */
  readonly pendingTotalMax?: number;
  /** Started before the store opens. Without it, a partition whose write has no room on the disk becomes read-only. */
  readonly space?: DiskSpace;
  /** Pause between two rounds of `maintenance/`; default 10 s. */
  readonly maintenanceIntervalMs?: number;
  /** Bytes of recent batches kept in memory, all logs together; default 64 MiB. */
  readonly tailCacheSizeMax?: number;
}

/** A log of this store, whose configuration it may replace. */
type OwnLog = { -readonly [Field in keyof EmbeddedLog]: EmbeddedLog[Field] };

export class EmbeddedLogStore implements LogStore {
  /** Where `#ephemeral` logs are. */
  readonly ephemeralStorage = new MemoryStorage();
  readonly #options: EmbeddedLogStoreOptions;
  readonly #logger: Logger;
  readonly #cache: TailCache;
  readonly #pendingTotal: PendingTotal;
  readonly #timings = new DiskTimings();
  readonly #blockCache = new BlockCache();
  readonly #readBuffers = new ReadBuffers();
  readonly #maintenance: Maintenance;
  readonly #logs = new Map<string, OwnLog>();
  readonly #rows = new Map<string, LogRow>();
  /** What is under way; neither rejects. */
  readonly #creations = new Map<EmbeddedLog, Promise<void>>();
  readonly #deletions = new Map<string, Promise<void>>();
  /** The last change of a configuration; they are made one after another. Never rejects. */
  #altering: Promise<unknown> = Promise.resolve();
  #status: "new" | "open" | "closed" = "new";

  constructor(options: EmbeddedLogStoreOptions) {
    this.#options = options;
    this.#logger = (options.logger ?? silentLogger).child("log");
    this.#cache = new TailCache(options.tailCacheSizeMax);
    this.#pendingTotal = new PendingTotal(options.pendingTotalMax);
    const { clock, maintenanceIntervalMs } = options;
    this.#maintenance = new Maintenance({
      logs: () => this.#logs.values(),
      tasks: maintenanceTasks,
      clock,
      logger: this.#logger,
      ...(maintenanceIntervalMs === undefined ? {} : { intervalMs: maintenanceIntervalMs }),
    });
  }

  get diskFull(): PolylogError | undefined {
    return this.#options.space?.error;
  }

  get(name: string): EmbeddedLog | undefined {
    return this.#logs.get(name);
  }

  list(): EmbeddedLog[] {
    return [...this.#logs.values()];
  }

  /** Lists what the store measures. */
  registerMetrics(metrics: MetricRegistry): void {
    const { write, sync } = this.#timings;
    metrics.collector("polylog_disk_write_seconds", "Writes of batches to segments.", "histogram", () => [write]);
    metrics.collector("polylog_disk_sync_seconds", "Calls of fdatasync on segments.", "histogram", () => [sync]);
    metrics.gauge(
      "polylog_log_pending_bytes",
      "Bytes appended to all logs and not yet written.",
      () => this.#pendingTotal.bytes,
    );
    this.#options.space?.registerMetrics(metrics);
  }

  async open(): Promise<void> {
    if (this.#status !== "new") throw logErrors.STORE_CLOSED({ status: this.#status });
    await this.#options.storage.makeDirectory("");
    await this.#loadRows();
    await this.#finishDeletions();
    await this.#takeInDirectories();
    await this.#raiseEpochs();
    for (const [name, row] of this.#rows) this.#logs.set(name, this.#build(name, row, "existing"));
    const partitions = this.list().flatMap((log) => log.partitions);
    await forEachAtOnce(partitions, opensAtOnceMax, async (partition) => {
      await partition.open().catch(() => undefined); // It is read-only then, and said so.
    });
    this.#status = "open";
    this.#maintenance.start();
  }

  async #loadRows(): Promise<void> {
    for await (const [key, value] of this.#options.state.entries(logRowPrefix)) {
      const name = key.slice(logRowPrefix.length);
      if (!isLogName(name)) throw logErrors.LOG_ROW_DAMAGED({ name });
      this.#rows.set(name, decodeLogRow(name, value));
    }
  }

  async #finishDeletions(): Promise<void> {
    for (const [name, row] of this.#rows) if (row.deleting) await this.#removeFiles(name);
  }

  async #takeInDirectories(): Promise<void> {
    for (const directory of (await this.#options.storage.list("")) ?? []) {
      const name = parseLogDirectoryName(directory);
      if (name === undefined || this.#rows.has(name)) continue;
      const found = await this.#countPartitions(directory);
      if (found.records) {
        const config = resolveLogConfig(name, this.#options.defaults ?? {}, { partitions: found.partitions });
        this.#rows.set(name, { config, epoch: 1, deleting: false });
        this.#logger.error("a log has lost its configuration and gets the default one", { log: name });
      } else await this.#options.storage.removeDirectory(directory);
    }
  }

  async #countPartitions(directory: string): Promise<{ partitions: number; records: boolean }> {
    const { storage } = this.#options;
    let partitions = 1;
    let records = false;
    for (const entry of (await storage.list(directory)) ?? []) {
      if (!/^\d{1,4}$/.test(entry)) continue;
      partitions = Math.max(partitions, Number(entry) + 1);
      const path = joinPath(directory, entry);
      const names = (await storage.list(path)) ?? [];
      records ||= names.includes(trimMarkFileName);
      for (const { baseOffset, form } of listSegmentFiles(names).segments)
        records ||= await this.#holdsRecords(joinPath(path, segmentFileName(baseOffset, form)));
    }
    return { partitions, records };
  }

  async #holdsRecords(path: string): Promise<boolean> {
    const file = await this.#options.storage.open(path, "read");
    return (await file.size().finally(() => file.close())) > segmentHeaderSize;
  }

  async #raiseEpochs(): Promise<void> {
    const operations: StateOperation[] = [];
    for (const [name, row] of this.#rows) {
      const raised = { ...row, epoch: row.epoch + 1 };
      this.#rows.set(name, raised);
      operations.push({ type: "put", key: logRowPrefix + name, value: encodeLogRow(raised) });
    }
    if (operations.length > 0) await this.#options.state.write(operations, { sync: true });
  }

  create(name: string, config: Partial<LogConfig> = {}): EmbeddedLog {
    if (this.#status !== "open") throw logErrors.STORE_CLOSED({ status: this.#status });
    if (!isLogName(name)) throw logErrors.LOG_NAME_INVALID({ name });
    if (this.#logs.has(name)) throw logErrors.LOG_EXISTS({ name });
    const row = { config: resolveLogConfig(name, this.#options.defaults ?? {}, config), epoch: 1, deleting: false };
    if (this.diskFull !== undefined && !isEphemeral(name)) throw this.diskFull;
    const log = this.#build(name, row, "new");
    this.#logs.set(name, log);
    const creation = this.#create(log, row).catch((error: unknown) => {
      this.#logger.error("a log could not be created", { log: name, error });
      for (const partition of log.partitions) partition.refuse("creating the log", error);
    });
    this.#creations.set(log, creation);
    void creation.then(() => this.#creations.delete(log));
    return log;
  }

  async whenCreated(name: string): Promise<void> {
    const log = this.#logs.get(name);
    if (log === undefined) throw logErrors.LOG_NOT_FOUND({ name });
    await this.#creations.get(log);
    const error = log.partitions.find((partition) => partition.error !== undefined)?.error;
    if (error !== undefined) throw error;
  }

  #build(name: string, row: LogRow, expect: "new" | "existing"): OwnLog {
    const log: OwnLog = { name, config: row.config, partitions: [], ephemeral: isEphemeral(name) };
    log.partitions = Array.from({ length: row.config.partitions }, (_, number) =>
      this.#buildPartition(log, number, row, expect),
    );
    return log;
  }

  #buildPartition(
    log: EmbeddedLog,
    number: number,
    { config, epoch }: Pick<LogRow, "config" | "epoch">,
    expect: "new" | "existing",
  ): EmbeddedPartition {
    const { clock, logger, syncIntervalMs, pendingBytesMax, space } = this.#options;
    const disk = log.ephemeral ? {} : { timings: this.#timings, ...(space === undefined ? {} : { space }) };
    const partition = new EmbeddedPartition({
      log: log.name,
      number,
      storage: this.#storageOf(log.name),
      directory: partitionDirectory(log.name, number),
      clock,
      cache: this.#cache,
      blockCache: this.#blockCache,
      readBuffers: this.#readBuffers,
      epoch,
      expect,
      pendingTotal: this.#pendingTotal,
      onSegmentBegun: () => this.#maintenance.runNow(retention, log, partition),
      ...disk,
      ...(logger === undefined ? {} : { logger }),
      ...(syncIntervalMs === undefined ? {} : { syncIntervalMs }),
      ...(pendingBytesMax === undefined ? {} : { pendingBytesMax }),
    });
    partition.configure(config);
    return partition;
  }

  alter(name: string, changes: Partial<LogConfig>): Promise<LogConfig> {
    const altered = this.#altering.then(() => this.#alter(name, changes));
    this.#altering = altered.catch(() => undefined);
    return altered;
  }

  async #alter(name: string, changes: Partial<LogConfig>): Promise<LogConfig> {
    const log = this.#logs.get(name);
    if (log === undefined) throw logErrors.LOG_NOT_FOUND({ name });
    const config = resolveLogConfig(name, log.config, changes);
    const { length } = log.partitions;
    if (config.partitions < length)
      throw logErrors.LOG_CONFIG_INVALID({ name, reason: `it has ${length} partitions, and their number only grows` });
    await this.whenCreated(name);
    const added = await this.#addPartitions(log, config);
    const row = this.#rows.get(name);
    if (row !== undefined) await this.#saveRow(name, { ...row, config });
    if (this.#logs.get(name) !== log) throw logErrors.LOG_NOT_FOUND({ name });
    for (const partition of added) await partition.open();
    log.config = config;
    log.partitions = [...log.partitions, ...added];
    for (const partition of log.partitions) partition.configure(config);
    return config;
  }

  /** Makes the partitions the log has not got yet. Until its row is saved they are files that nobody knows. */
  async #addPartitions(log: EmbeddedLog, config: LogConfig): Promise<EmbeddedPartition[]> {
    const added: EmbeddedPartition[] = [];
    const storage = this.#storageOf(log.name);
    for (let number = log.partitions.length; number < config.partitions; number++) {
      await storage.removeDirectory(partitionDirectory(log.name, number)); // Left by an attempt that was interrupted.
      await this.#createFirstSegment(storage, log.name, number);
      added.push(
        this.#buildPartition(log, number, { config, epoch: this.#rows.get(log.name)?.epoch ?? 1 }, "existing"),
      );
    }
    return added;
  }

  /** Does now what is done in the background; resolves when every partition had its turn. Never rejects. */
  runMaintenance(): Promise<void> {
    return this.#maintenance.runRound();
  }

  async #create(log: EmbeddedLog, row: LogRow): Promise<void> {
    await this.#deletions.get(log.name);
    if (this.#rows.get(log.name)?.deleting === true) await this.#removeFiles(log.name); // It failed before.
    const storage = this.#storageOf(log.name);
    await storage.makeDirectory(logDirectoryName(log.name));
    for (const partition of log.partitions) await this.#createFirstSegment(storage, log.name, partition.number);
    if (!log.ephemeral) await this.#saveRow(log.name, row);
    for (const partition of log.partitions) await partition.open();
  }

  async #createFirstSegment(storage: Storage, log: string, partition: number): Promise<void> {
    const directory = partitionDirectory(log, partition);
    await storage.makeDirectory(directory);
    const segments = new SegmentSet(storage, directory, { log, partition });
    await segments.create(0, this.#options.clock.nowMs());
    await segments.close();
  }

  async delete(name: string): Promise<void> {
    const log = this.#logs.get(name);
    if (log === undefined) throw logErrors.LOG_NOT_FOUND({ name });
    this.#logs.delete(name);
    const deletion = this.#delete(log);
    const settled = deletion.catch(() => undefined);
    this.#deletions.set(name, settled);
    await deletion.finally(() => {
      if (this.#deletions.get(name) === settled) this.#deletions.delete(name);
    });
  }

  async #delete(log: EmbeddedLog): Promise<void> {
    const closed = Promise.all(log.partitions.map((partition) => partition.discard()));
    await this.#creations.get(log);
    await closed;
    if (log.ephemeral) return this.ephemeralStorage.removeDirectory(logDirectoryName(log.name));
    const row = this.#rows.get(log.name);
    if (row !== undefined) await this.#saveRow(log.name, { ...row, deleting: true });
    await this.#removeFiles(log.name);
  }

  async #removeFiles(name: string): Promise<void> {
    await this.#options.storage.removeDirectory(logDirectoryName(name));
    await this.#options.state.write([{ type: "delete", key: logRowPrefix + name }], { sync: true });
    this.#rows.delete(name);
  }

  async #saveRow(name: string, row: LogRow): Promise<void> {
    await this.#options.state.write([{ type: "put", key: logRowPrefix + name, value: encodeLogRow(row) }], {
      sync: true,
    });
    this.#rows.set(name, row);
  }

  #storageOf(name: string): Storage {
    return isEphemeral(name) ? this.ephemeralStorage : this.#options.storage;
  }

  async close(): Promise<void> {
    this.#status = "closed";
    await this.#maintenance.stop();
    await this.#altering;
    await Promise.all([...this.#creations.values(), ...this.#deletions.values()]);
    const partitions = this.list().flatMap((log) => log.partitions);
    const failures: unknown[] = [];
    await forEachAtOnce(partitions, opensAtOnceMax, async (partition) => {
      await partition.close().catch((error: unknown) => failures.push(error));
    });
    this.#logs.clear();
    if (failures.length > 0) throw failures[0];
  }
}

function partitionDirectory(log: string, partition: number): string {
  return joinPath(logDirectoryName(log), String(partition));
}

/** Runs `task` for each item, `countMax` at a time. */
async function forEachAtOnce<Item>(
  items: readonly Item[],
  countMax: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) await task(items[next++]!);
  };
  await Promise.all(Array.from({ length: countMax }, work));
}
