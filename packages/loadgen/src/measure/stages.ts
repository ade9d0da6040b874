/** `30s:100,1m:500`: stages of a schedule as they are written. */

import type { Stage } from "./schedule.ts";

export type ParsedStages =
  | { readonly stages: readonly Stage[]; readonly problem?: undefined }
  | { readonly stages?: undefined; readonly problem: string };

const unitsNs: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Rates are messages per second of one publisher. */
export function parseStages(text: string): ParsedStages {
  const stages: Stage[] = [];
  for (const part of text.split(",")) {
    const [duration = "", rate = ""] = part.trim().split(":");
    const durationNs = parseDuration(duration);
    if (durationNs === undefined || !/^\d+(\.\d+)?$/.test(rate)) {
      return { problem: `${JSON.stringify(part)} is not DURATION:RATE, such as 30s:100` };
    }
    stages.push({ durationNs, rateEnd: Number(rate) });
  }
  return { stages };
}

/** `250ms`, `30s`, `1.5m`, `2h` in nanoseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * unitsNs[match[2]!]!;
}
