/**
 * A log store without files, for tests: nothing of `EmbeddedLogStore` is in it. What it keeps outlives its closing and may be
 * given to the next one. It does nothing in the background: limits of retention, compaction and compression are taken and
 * never applied.
 */

import type { Clock } from "@polylog/base/clock";
import { logErrors } from "../errors.ts";
import { pendingBytesMax as pendingBytesDefault } from "../limits.ts";
import type { Log } from "../log.ts";
import { type LogConfig, resolveLogConfig } from "../log-config.ts";
import { isEphemeral, isLogName } from "../log-name.ts";
import type { LogStore } from "../log-store.ts";
import { KeptPartition, MemoryPartition } from "./memory-partition.ts";

interface KeptLog {
  config: LogConfig;
  readonly partitions: KeptPartition[];
}

export interface MemoryLogStoreOptions {
  readonly clock: Clock;
  /** As an earlier store left it. */
  readonly kept?: Map<string, KeptLog>;
  readonly pendingBytesMax?: number;
}

interface OwnLog extends Log {
  config: LogConfig;
  partitions: readonly MemoryPartition[];
}

export class MemoryLogStore implements LogStore {
  readonly diskFull = undefined;
  readonly kept: Map<string, KeptLog>;
  readonly #clock: Clock;
  readonly #pendingBytesMax: number;
  readonly #logs = new Map<string, OwnLog>();
  #status: "new" | "open" | "closed" = "new";

  constructor({ clock, kept = new Map(), pendingBytesMax = pendingBytesDefault }: MemoryLogStoreOptions) {
    this.#clock = clock;
    this.kept = kept;
    this.#pendingBytesMax = pendingBytesMax;
  }

  async open(): Promise<void> {
    if (this.#status !== "new") throw logErrors.STORE_CLOSED({ status: this.#status });
    this.#status = "open";
    for (const [name, kept] of this.kept) this.#build(name, kept);
  }

  get(name: string): Log | undefined {
    return this.#logs.get(name);
  }

  list(): readonly Log[] {
    return [...this.#logs.values()];
  }

  create(name: string, config: Partial<LogConfig> = {}): Log {
    if (this.#status !== "open") throw logErrors.STORE_CLOSED({ status: this.#status });
    if (!isLogName(name)) throw logErrors.LOG_NAME_INVALID({ name });
    if (this.#logs.has(name)) throw logErrors.LOG_EXISTS({ name });
    const kept: KeptLog = { config: resolveLogConfig(name, {}, config), partitions: [] };
    if (!isEphemeral(name)) this.kept.set(name, kept);
    return this.#build(name, kept);
  }

  #build(name: string, kept: KeptLog): OwnLog {
    const { config } = kept;
    const log: OwnLog = { name, config, partitions: [], ephemeral: isEphemeral(name) };
    this.#logs.set(name, log);
    this.#addPartitions(log, kept);
    return log;
  }

  #addPartitions(log: OwnLog, { config, partitions }: KeptLog): void {
    const all = [...log.partitions];
    for (let partition = all.length; partition < config.partitions; partition++) {
      const identity = { log: log.name, partition };
      partitions[partition] ??= new KeptPartition(identity);
      all.push(new MemoryPartition(identity, partitions[partition], this.#clock, this.#pendingBytesMax));
    }
    log.partitions = all;
  }

  async whenCreated(name: string): Promise<void> {
    this.#require(name);
  }

  async alter(name: string, changes: Partial<LogConfig>): Promise<LogConfig> {
    const log = this.#require(name);
    const config = resolveLogConfig(name, log.config, changes);
    const { length } = log.partitions;
    if (config.partitions < length)
      throw logErrors.LOG_CONFIG_INVALID({ name, reason: `it has ${length} partitions, and their number only grows` });
    const kept = this.kept.get(name) ?? { config, partitions: [] };
    kept.config = config;
    log.config = config;
    this.#addPartitions(log, kept);
    return config;
  }

  async delete(name: string): Promise<void> {
    const log = this.#require(name);
    this.#logs.delete(name);
    this.kept.delete(name);
    for (const partition of log.partitions) partition.close(false);
  }

  #require(name: string): OwnLog {
    const log = this.#logs.get(name);
    if (log === undefined) throw logErrors.LOG_NOT_FOUND({ name });
    return log;
  }

  async close(): Promise<void> {
    this.#status = "closed";
    for (const { partitions } of this.#logs.values()) for (const partition of partitions) partition.close(true);
    this.#logs.clear();
  }
}
