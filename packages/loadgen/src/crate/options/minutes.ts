/** `--duration`: a bare number is of minutes, as documented; others have a unit. */

import { parseDuration } from "../../measure/stages.ts";

/** In nanoseconds; undefined when it is none, or nothing. */
export function parseMinutes(text: string): number | undefined {
  const ns = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 60e9 : parseDuration(text);
  return ns !== undefined && ns > 0 ? ns : undefined;
}
