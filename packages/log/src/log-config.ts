/**
 * How a log is set up, as one table, and the row in the state store that keeps it. A row holds every field; one that an older
 * Polylog did not know gets its default, so a data directory opens in every later version.
 */

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

interface Field<Value> {
  readonly fallback: Value;
  /** What a value must be, to follow "must be". */
  readonly rule: string;
  accepts(value: Value): boolean;
}

const fields: { readonly [Name in keyof LogConfig]: Field<LogConfig[Name]> } = {
  partitions: integer(1, 1, partitionsMax),
  durability: oneOf("written", durabilities),
  segmentSizeMax: integer(segmentSizeMax, segmentSizeFloor, segmentSizeCeiling),
};
const fieldNames = Object.keys(fields) as (keyof LogConfig)[];

function integer(fallback: number, low: number, high: number): Field<number> {
  return { fallback, rule: `${low} to ${high}`, accepts: (value) => isWithin(value, low, high) };
}

function oneOf<Value extends string>(fallback: Value, values: readonly Value[]): Field<Value> {
  return { fallback, rule: `one of ${values.join(", ")}`, accepts: (value) => values.includes(value) };
}

/** `config` over `defaults` over the defaults of the defaults. Throws LOG_CONFIG_INVALID. */
export function resolveLogConfig(name: string, defaults: Partial<LogConfig>, config: Partial<LogConfig>): LogConfig {
  return Object.fromEntries(
    fieldNames.map((field) => [field, resolveField(name, field, config[field] ?? defaults[field])]),
  ) as unknown as LogConfig;
}

function resolveField<Name extends keyof LogConfig>(
  log: string,
  name: Name,
  value: LogConfig[Name] | undefined,
): LogConfig[Name] {
  const { fallback, rule, accepts }: Field<LogConfig[Name]> = fields[name];
  const resolved = value ?? fallback;
  if (!accepts(resolved)) throw logErrors.LOG_CONFIG_INVALID({ name: log, reason: `${name} must be ${rule}` });
  return resolved;
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

export interface LogRow {
  readonly config: LogConfig;
  /** How often the log was opened; batches carry it. */
  readonly epoch: number;
  /** Its files are being removed; whoever finds this at start removes the rest. */
  readonly deleting: boolean;
}

/** The key of a log's row is this and its name. */
export const logRowPrefix = "log/";

export function encodeLogRow({ config, epoch, deleting }: LogRow): Buffer {
  return Buffer.from(JSON.stringify({ version: 1, ...config, epoch, deleting }));
}

/** Throws LOG_ROW_DAMAGED. */
export function decodeLogRow(name: string, value: Buffer): LogRow {
  try {
    const row = JSON.parse(value.toString("utf8")) as Partial<LogConfig> & {
      version?: number;
      epoch: number;
      deleting?: boolean;
    };
    if (row.version !== 1 || !isWithin(row.epoch, 1, 2 ** 32 - 2)) throw new Error("its version or epoch is unknown");
    return { config: resolveLogConfig(name, {}, row), epoch: row.epoch, deleting: row.deleting === true };
  } catch (error) {
    throw logErrors.LOG_ROW_DAMAGED({ name }, error);
  }
}
