/** How a log is set up, as params: one entry per row of `LogConfig`. Which values are good, the log decides. */

import { type LogConfig, logConfigChoices } from "@polylog/broker";
import * as v from "valibot";
import { countSchema } from "./params.ts";

/** All but the number of partitions. */
export const logConfigEntries = {
  durability: v.optional(v.picklist(logConfigChoices.durability)),
  /** Bytes. */
  segmentSizeMax: v.optional(countSchema),
  /** Of segments that take no more records. */
  compression: v.optional(v.picklist(logConfigChoices.compression)),
  /** Milliseconds after which channels do not deliver a record any more; 0: they always do. */
  ttlMs: v.optional(countSchema),
  /** Milliseconds; 0: for ever. */
  retentionMs: v.optional(countSchema),
  /** Bytes per partition; 0: no limit. */
  retentionBytes: v.optional(countSchema),
  retentionUnfinished: v.optional(v.picklist(logConfigChoices.retentionUnfinished)),
  /** Records, and bytes, per partition that a channel may not have finished; 0: no limit. */
  depthRecords: v.optional(countSchema),
  depthBytes: v.optional(countSchema),
  whenFull: v.optional(v.picklist(logConfigChoices.whenFull)),
  /** `compact`: of records with the same key only the last one is kept. */
  cleanup: v.optional(v.picklist(logConfigChoices.cleanup)),
  /** Milliseconds for which the tombstone of a key is kept. */
  tombstoneRetentionMs: v.optional(countSchema),
  /** Bytes and records per partition of an `#ephemeral` log. */
  ephemeralBytes: v.optional(countSchema),
  ephemeralRecords: v.optional(countSchema),
} satisfies Record<Exclude<keyof LogConfig, "partitions">, v.GenericSchema>;

type Given = { readonly [Name in keyof LogConfig]?: LogConfig[Name] | undefined };

/** What was given of a configuration. */
export function givenConfig(params: Given): Partial<LogConfig> {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined));
}
