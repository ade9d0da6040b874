/** How much memory a process has, as the kernel says. */

import { readFileSync } from "node:fs";

/** Bytes; undefined where there is no /proc, or no such process. */
export function residentBytesOf(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
