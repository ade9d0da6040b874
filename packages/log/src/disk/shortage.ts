/**
 * Which failures of the file system pass by themselves, so that the same call may be made again.
 *
 * Only calls that refused before anything was promised are among them: an open without a descriptor left, a write without
 * room. A sync never is, whatever it says: after a failed one the kernel may count pages as clean that never reached the disk.
 */

export type Shortage = "descriptors" | "space";

const shortages: ReadonlyMap<unknown, Shortage> = new Map([
  ["EMFILE", "descriptors"],
  ["ENFILE", "descriptors"],
  ["ENOSPC", "space"],
  ["EDQUOT", "space"],
]);
const syncs: ReadonlySet<unknown> = new Set(["fdatasync", "fsync"]);

/** What was short; undefined when the failure is of another kind. */
export function shortageOf(error: unknown): Shortage | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return "syscall" in error && syncs.has(error.syscall) ? undefined : shortages.get(error.code);
}
