/** What a process has used, as Linux tells it; zeros elsewhere. */

import { readdirSync, readFileSync } from "node:fs";

/** Processor time of all threads that live, in seconds with nanoseconds. */
export function cpuSecondsOf(pid: number): number {
  let nanoseconds = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`))
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ", 1)[0]);
  } catch {
    // A thread that ends meanwhile takes its time with it.
  }
  return nanoseconds / 1e9;
}

/** Resident memory in bytes. */
export function residentBytesOf(pid: number): number {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(line?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
