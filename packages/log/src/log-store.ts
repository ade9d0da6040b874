/**
 * All logs of a server, as every engine has them. What the broker and the protocol servers see of an engine is this, `Log` and
 * `Partition`; `EmbeddedLogStore` is the one that keeps them in files. `log-store.contract.ts` has the suite.
 */

import type { PolylogError } from "@polylog/base/errors";
import type { Log } from "./log.ts";
import type { LogConfig } from "./log-config.ts";

export interface LogStore {
  /** DISK_FULL while there is no room for more; else undefined. */
  readonly diskFull: PolylogError | undefined;
  /** Opens every log. One that is damaged is there and read-only. Rejects when it cannot be known which logs there are. */
  open(): Promise<void>;
  get(name: string): Log | undefined;
  list(): readonly Log[];
  /**
   * Makes a log; it can be appended to at once. Throws LOG_NAME_INVALID, LOG_EXISTS, LOG_CONFIG_INVALID, STORE_CLOSED,
   * DISK_FULL. What fails later makes its partitions read-only; see `whenCreated`.
   */
  create(name: string, config?: Partial<LogConfig>): Log;
  /** Resolves when the log would survive the machine. Rejects with LOG_NOT_FOUND or why its partitions are read-only. */
  whenCreated(name: string): Promise<void>;
  /**
   * Changes a log's configuration; what is left out stays. Resolves with all of it once it is saved and in force. More
   * `partitions` are new ones behind the others: keys are spread anew, so from then on the records of a key may lie in
   * two partitions, each in order. Rejects with LOG_NOT_FOUND, LOG_CONFIG_INVALID (also for fewer partitions), or why it
   * could not be saved; nothing has changed then.
   */
  alter(name: string, changes: Partial<LogConfig>): Promise<LogConfig>;
  /** Removes a log and its records; `get` does not find it any more when this returns. Rejects with LOG_NOT_FOUND. */
  delete(name: string): Promise<void>;
  /** Writes, syncs and closes every log. Rejects, when all are closed, with the first failure. */
  close(): Promise<void>;
}
