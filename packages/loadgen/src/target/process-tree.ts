/**
 * What a process and all it started have used: a database often is several processes. Processor time is of all of them,
 * those that have ended included; memory is the first one's and the private part of the others', since what they share would
 * else count as often as there are processes.
 */

import { readdirSync } from "node:fs";
import { procRoot, readText } from "./listening-process.ts";
import { pageSize, readProcessUsage, tickNs, type UsageReading } from "./process-sampler.ts";

/** Undefined when the process is gone. */
export function readTreeUsage(pid: number, root: string = procRoot): UsageReading | undefined {
  const own = readProcessUsage(pid, root);
  if (own === undefined) return undefined;
  const others = descendantsOf(pid, root);
  const ticks = [pid, ...others].reduce((sum, each) => sum + ticksOf(each, root), 0);
  const memoryBytes = others.reduce((sum, each) => sum + privateBytesOf(each, root), own.memoryBytes);
  return { ...own, cpuTotalNs: ticks * tickNs, memoryBytes };
}

function descendantsOf(pid: number, root: string): readonly number[] {
  const children = threadsOf(pid, root).flatMap((thread) =>
    readText(`${root}/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendantsOf(child, root)]);
}

function threadsOf(pid: number, root: string): readonly string[] {
  try {
    return readdirSync(`${root}/${pid}/task`);
  } catch {
    return []; // It has ended.
  }
}

/** Its own, and of those of its children that have ended and were waited for. */
function ticksOf(pid: number, root: string): number {
  const stat = readText(`${root}/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return [11, 12, 13, 14].reduce((sum, index) => sum + (Number(fields[index]) || 0), 0);
}

function privateBytesOf(pid: number, root: string): number {
  const [, resident = 0, shared = 0] = readText(`${root}/${pid}/statm`).split(" ").map(Number);
  return Math.max(0, resident - shared) * pageSize;
}
