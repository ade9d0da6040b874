/**
 * How a log is set up, as one table, and the row in the state store that keeps it. A row holds every field; one that an older
 * Polylog did not know gets its default, so a data directory opens in every later version.
 */

import { type Durability, durabilities } from "./durability.ts";
import { logErrors } from "./errors.ts";
import {
  depthRecordsMax,
  ephemeralBytes,
  ephemeralBytesMax,
  ephemeralBytesMin,
  ephemeralRecords,
  ephemeralRecordsMax,
  partitionsMax,
  retentionBytesMax,
  retentionMsMax,
  segmentSizeCeiling,
  segmentSizeFloor,
  segmentSizeMax,
  segmentsPerBound,
  tombstoneRetentionMs,
  tombstoneRetentionMsMax,
} from "./limits.ts";

/** What retention does with records that a channel has not finished: they stay, or they go and are counted. */
const retentionUnfinished = ["keep", "drop"] as const;
export type RetentionUnfinished = (typeof retentionUnfinished)[number];

const cleanup = ["delete", "compact"] as const;
export type Cleanup = (typeof cleanup)[number];

/** What becomes of a record for which a bound on what is not finished leaves no room: it is refused, or the oldest go. */
const whenFull = ["refuse", "drop"] as const;
export type WhenFull = (typeof whenFull)[number];

const compression = ["none", "lz4"] as const;
export type Compression = (typeof compression)[number];

/** Values of the fields that have a few only, by the field's name. */
export const logConfigChoices = {
  durability: durabilities,
  retentionUnfinished,
  whenFull,
  cleanup,
  compression,
} as const;

export interface LogConfig {
  /** 1 to 1,024; default 1. */
  readonly partitions: number;
  /** The level at which producers of this log are acknowledged unless they ask for another; default `written`. */
  readonly durability: Durability;
  /** Bytes; 4 KiB to 2 GiB, default 256 MiB. */
  readonly segmentSizeMax: number;
  /** Milliseconds after which channels do not deliver a record any more, which stays; 0, the default: they always do. */
  readonly ttlMs: number;
  /** Milliseconds after which records go; 0, the default: never. */
  readonly retentionMs: number;
  /** Bytes of one partition beyond which the oldest records go; 0, the default: no limit. */
  readonly retentionBytes: number;
  /** Default `keep`. An `#ephemeral` log always drops. */
  readonly retentionUnfinished: RetentionUnfinished;
  /** Records of one partition that a channel may not have finished; 0, the default: no limit. */
  readonly depthRecords: number;
  /** The same in bytes, by the mean size of the records kept; 0, the default: no limit. */
  readonly depthBytes: number;
  /** Default `refuse`. */
  readonly whenFull: WhenFull;
  /** Bytes that one partition of an `#ephemeral` log keeps; 32 KiB to 1 TiB, default 64 MiB. */
  readonly ephemeralBytes: number;
  /** Records that one partition of an `#ephemeral` log keeps; 1 to 2^31, default 1,000,000. */
  readonly ephemeralRecords: number;
  /** What is done to segments that take no more records; default `none`. Back to `none`, what is compressed stays so. */
  readonly compression: Compression;
  /** `compact`: of records with the same key only the last one is kept, see `maintenance/compaction.ts`. Default `delete`. */
  readonly cleanup: Cleanup;
  /** Milliseconds, 0 to ten years, default 24 h: how long compaction keeps the tombstone of a key. */
  readonly tombstoneRetentionMs: number;
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
  ttlMs: integer(0, 0, retentionMsMax),
  retentionMs: integer(0, 0, retentionMsMax),
  retentionBytes: integer(0, 0, retentionBytesMax),
  retentionUnfinished: oneOf("keep", retentionUnfinished),
  depthRecords: integer(0, 0, depthRecordsMax),
  depthBytes: integer(0, 0, retentionBytesMax),
  whenFull: oneOf("refuse", whenFull),
  ephemeralBytes: integer(ephemeralBytes, ephemeralBytesMin, ephemeralBytesMax),
  ephemeralRecords: integer(ephemeralRecords, 1, ephemeralRecordsMax),
  compression: oneOf("none", compression),
  cleanup: oneOf("delete", cleanup),
  tombstoneRetentionMs: integer(tombstoneRetentionMs, 0, tombstoneRetentionMsMax),
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

/** When a segment of a log is full: at its size, or sooner when the log keeps so little that whole segments would not do. */
export function segmentBounds(
  config: LogConfig,
  ephemeral: boolean,
): { readonly sizeMax: number; readonly recordsMax: number } {
  const kept = Math.min(
    config.retentionBytes || Number.POSITIVE_INFINITY,
    ephemeral ? config.ephemeralBytes : Number.POSITIVE_INFINITY,
  );
  const sizeMax = Math.min(config.segmentSizeMax, Math.max(segmentSizeFloor, Math.floor(kept / segmentsPerBound)));
  return {
    sizeMax,
    recordsMax: ephemeral ? Math.ceil(config.ephemeralRecords / segmentsPerBound) : Number.POSITIVE_INFINITY,
  };
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
