/**
 * `$replay/<log>/<from>/<filter>`: what a client subscribes to in order to get what a log has, and then what it gets.
 *
 *     <from>   start | end                      the first record kept; what comes from now on
 *              1500 | 2:1500                    an offset, of the only partition or of the one that is named
 *              1763748000000                    ms since 1970: any number from 100,000,000,000 on
 *              2026-11-21 | 2026-11-21T18:00:00Z     a day or a time, of UTC unless it has an offset (`-05:00`)
 *              90s | 15m | 12h | 7d | 500ms     so long ago
 */

import type { SeekPosition } from "@polylog/broker";
import { isTopicFilter } from "@polylog/mqtt-wire";

export const replayPrefix = "$replay/";

export interface ReplayFilter {
  readonly log: string;
  readonly from: ReplayStart;
  readonly topicFilter: string;
}

/** An offset without a partition is one of the only partition. */
export type ReplayStart = SeekPosition | { readonly offset: number; readonly partition: undefined };

const pattern = /^\$replay\/([^/+#]+)\/([^/+#]+)\/(.+)$/su;
const timestampFirst = 100_000_000_000;
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Undefined: it is not valid. `nowMs`: wall clock. */
export function parseReplayFilter(filter: string, nowMs: number): ReplayFilter | undefined {
  const [, log, start, topicFilter] = pattern.exec(filter) ?? [];
  if (log === undefined || start === undefined || topicFilter === undefined) return undefined;
  const isNested = topicFilter.startsWith(replayPrefix) || topicFilter.startsWith("$share/");
  if (isNested || !isTopicFilter(topicFilter)) return undefined;
  const from = startOf(start, nowMs);
  return from && { log, from, topicFilter };
}

function startOf(text: string, nowMs: number): ReplayStart | undefined {
  if (text === "start") return { from: "earliest" };
  if (text === "end") return { from: "latest" };
  const [, partition, digits] = /^(?:([0-9]{1,6}):)?([0-9]{1,16})$/.exec(text) ?? [];
  if (digits !== undefined) {
    const number = Number(digits);
    if (!Number.isSafeInteger(number)) return undefined;
    if (partition !== undefined) return { offset: number, partition: Number(partition) };
    return number < timestampFirst ? { offset: number, partition: undefined } : { timestampMs: number };
  }
  const [, count, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  if (unit !== undefined) return { timestampMs: Math.max(0, nowMs - Number(count) * unitMs[unit]!) };
  const timestampMs = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,12}(Z|-[0-9]{2}:[0-9]{2})?)?$/.test(text)
    ? Date.parse(/[0-9]T[0-9:.]+$/.test(text) ? `${text}Z` : text)
    : Number.NaN;
  return timestampMs >= 0 ? { timestampMs } : undefined;
}
