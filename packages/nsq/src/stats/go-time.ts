/** Times as Go prints them. */

const nsPerUnit = { ns: 1, µs: 1e3, ms: 1e6 } as const;

/** `1h2m3.5s`; below a second `12.5ms`, `3µs`, `7ns`; zero is `0s`. `ms` at least 0, with a fraction. */
export function renderDuration(ms: number): string {
  const ns = Math.round(ms * 1e6);
  if (ns === 0) return "0s";
  if (ns < 1e9) {
    const unit = ns < 1e3 ? "ns" : ns < 1e6 ? "µs" : "ms";
    return `${ns / nsPerUnit[unit]}${unit}`;
  }
  const wholeSeconds = Math.floor(ns / 1e9);
  const fraction = String(ns % 1e9)
    .padStart(9, "0")
    .replace(/0+$/, "");
  const hours = Math.floor(wholeSeconds / 3600);
  const minutes = Math.floor(wholeSeconds / 60) % 60;
  const seconds = `${wholeSeconds % 60}${fraction === "" ? "" : `.${fraction}`}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** `2026-11-21T09:05:23+01:00`, in local time; `Z` for UTC. */
export function renderRfc3339(ms: number): string {
  const date = new Date(ms);
  const offsetMinutes = -date.getTimezoneOffset();
  const local = new Date(ms + offsetMinutes * 60_000).toISOString().slice(0, 19);
  if (offsetMinutes === 0) return `${local}Z`;
  const size = Math.abs(offsetMinutes);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${local}${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
