/** How a log is set up, and the row in the state store that keeps it. */

import { type Durability, durabilities } from "./durability.ts";
import { logErrors } from "./errors.ts";
import { partitionsMax, segmentSizeCeiling, segmentSizeFloor, segmentSizeMax } from "./limits.ts";

export interface LogConfig {
  /** 1 to 1,024; default 1. */
  readonly partitions: number;
  /** The level at which producers of this log are acknowledged unless they ask for another; default `written`. */
  readonly durability: Durability;
  /** Bytes; 4 KiB to 2 GiB, default 256 MiB. */
  readonly segmentSizeMax: number;
}

const defaultConfig: LogConfig = { partitions: 1, durability: "written", segmentSizeMax };

/** `config` over `defaults` over the defaults of the defaults. Throws LOG_CONFIG_INVALID. */
export function resolveLogConfig(name: string, defaults: Partial<LogConfig>, config: Partial<LogConfig>): LogConfig {
  const partitions = config.partitions ?? defaults.partitions ?? defaultConfig.partitions;
  const durability = config.durability ?? defaults.durability ?? defaultConfig.durability;
  const size = config.segmentSizeMax ?? defaults.segmentSizeMax ?? defaultConfig.segmentSizeMax;
  if (!isWithin(partitions, 1, partitionsMax))
    throw logErrors.LOG_CONFIG_INVALID({ name, reason: `partitions must be 1 to ${partitionsMax}` });
  if (!durabilities.includes(durability))
    throw logErrors.LOG_CONFIG_INVALID({ name, reason: `durability must be one of ${durabilities.join(", ")}` });
  if (!isWithin(size, segmentSizeFloor, segmentSizeCeiling)) {
    const reason = `segmentSizeMax must be ${segmentSizeFloor} to ${segmentSizeCeiling}`;
    throw logErrors.LOG_CONFIG_INVALID({ name, reason });
  }
  return { partitions, durability, segmentSizeMax: size };
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

export interface LogRow extends LogConfig {
  /** How often the log was opened; batches carry it. */
  readonly epoch: number;
  /** Its files are being removed; whoever finds this at start removes the rest. */
  readonly deleting: boolean;
}

/** The key of a log's row is this and its name. */
export const logRowPrefix = "log/";

export function encodeLogRow(row: LogRow): Buffer {
  const { partitions, durability, segmentSizeMax, epoch, deleting } = row;
  return Buffer.from(JSON.stringify({ version: 1, partitions, durability, segmentSizeMax, epoch, deleting }));
}

/** Throws LOG_ROW_DAMAGED. */
export function decodeLogRow(name: string, value: Buffer): LogRow {
  try {
    const row = JSON.parse(value.toString("utf8")) as Partial<LogRow> & { version?: number };
    if (row.version !== 1 || !isWithin(row.epoch!, 1, 2 ** 32 - 2)) throw new Error("its version or epoch is unknown");
    return { ...resolveLogConfig(name, {}, row), epoch: row.epoch!, deleting: row.deleting === true };
  } catch (error) {
    throw logErrors.LOG_ROW_DAMAGED({ name }, error);
  }
}
