/**
 * What a process of this machine has used, from Linux's /proc: processor time from `stat`, memory from `statm`, the
 * machine's network without loopback from `net/dev`. A benchmark over loopback therefore shows no network traffic.
 *
 * Times in /proc are in ticks of 10 ms and memory in pages of 4 KiB, as on every Linux that Node.js runs on by default.
 */

import { availableParallelism, totalmem } from "node:os";
import { procRoot, readText } from "./listening-process.ts";

export interface UsageReading {
  /** Of the process since it began, and of all processors since the machine's start. */
  readonly cpuTotalNs: number;
  readonly cpuSystemNs: number;
  readonly cores: number;
  /** The clock of whoever counted, where it is not read at the same moment as ours; counts from anywhere. */
  readonly clockNs?: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly networkReadBytes: number;
  readonly networkWrittenBytes: number;
}

export const tickNs = 10_000_000;
export const pageSize = 4096;

/** Undefined when the process is gone. */
export function readProcessUsage(pid: number, root: string = procRoot): UsageReading | undefined {
  const stat = readText(`${root}/${pid}/stat`);
  if (stat === "") return undefined;
  // The second field is the command in brackets, and may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [utime, stime] = [Number(fields[11]), Number(fields[12])];
  const pages = Number(readText(`${root}/${pid}/statm`).split(" ")[1] ?? 0);
  const systemTicks =
    /^cpu +(.*)$/m
      .exec(readText(`${root}/stat`))?.[1]
      ?.split(" ")
      .slice(0, 8) ?? [];
  const { read, written } = readNetwork(readText(`${root}/net/dev`));
  return {
    cpuTotalNs: (utime + stime) * tickNs,
    cpuSystemNs: systemTicks.reduce((sum, ticks) => sum + Number(ticks), 0) * tickNs,
    cores: availableParallelism(),
    memoryBytes: pages * pageSize,
    memoryLimitBytes: totalmem(),
    networkReadBytes: read,
    networkWrittenBytes: written,
  };
}

function readNetwork(text: string): { readonly read: number; readonly written: number } {
  let read = 0;
  let written = 0;
  for (const line of text.split("\n").slice(2)) {
    const [name = "", counters = ""] = line.split(":");
    if (name.trim() === "lo" || counters === "") continue;
    const fields = counters.trim().split(/\s+/).map(Number);
    read += fields[0] ?? 0;
    written += fields[8] ?? 0;
  }
  return { read, written };
}
