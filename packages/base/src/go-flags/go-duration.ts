/**
 * Durations as Go writes them: `300ms`, `1.5h`, `2h45m`, `-1s`, and `0` without a unit. Values are milliseconds and may
 * have a fraction; below a millisecond a double still holds every nanosecond exactly enough to print it.
 */

const unitsNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Milliseconds, or undefined when `text` is no duration. */
export function parseGoDuration(text: string): number | undefined {
  const signed = /^[+-]/.test(text);
  const sign = text.startsWith("-") ? -1 : 1;
  const rest = signed ? text.slice(1) : text;
  if (rest === "0") return 0;
  if (rest === "") return undefined;
  let totalNs = 0;
  part.lastIndex = 0;
  while (part.lastIndex < rest.length) {
    const match = part.exec(rest);
    if (match === null) return undefined;
    totalNs += Number(match[1]) * unitsNs[match[2]!]!;
  }
  return (sign * totalNs) / 1e6;
}

/** As Go's Duration.String prints it: `0s`, `250ms`, `1m30s`, `2h0m0s`. */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return "0s";
  if (ms < 0) return `-${formatGoDuration(-ms)}`;
  const ns = Math.round(ms * 1e6);
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3.6e12);
  const minutes = Math.floor((ns - hours * 3.6e12) / 6e10);
  const seconds = (ns - hours * 3.6e12 - minutes * 6e10) / 1e9;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
