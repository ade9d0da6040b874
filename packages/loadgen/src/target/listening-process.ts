/** Which process listens on a TCP port of this machine, from Linux's /proc. Undefined elsewhere, and where it may not look. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";

/** Where /proc is; a test makes its own. */
export const procRoot = "/proc";

const listenState = "0A";

/** The process id; undefined when there is none, or it belongs to another user. */
export function findListeningProcess(port: number, root: string = procRoot): number | undefined {
  const inodes = new Set([...listeningInodes(`${root}/net/tcp`, port), ...listeningInodes(`${root}/net/tcp6`, port)]);
  if (inodes.size === 0) return undefined;
  for (const pid of namesIn(root).filter((name) => /^\d+$/.test(name))) {
    for (const fd of namesIn(`${root}/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`${root}/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return Number(pid);
    }
  }
  return undefined;
}

/** The control groups of a process: of one in a container, they hold the container's id. */
export function controlGroupsOf(pid: number, root: string = procRoot): string {
  return readText(`${root}/${pid}/cgroup`);
}

/** True for loopback and the addresses of this machine's own interfaces. */
export function isLocalAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/, "");
  if (plain === "::1" || plain.startsWith("127.")) return true;
  return Object.values(networkInterfaces()).some((each) => each?.some((one) => one.address === plain) ?? false);
}

/** Rows are: number, local address:port in hex, remote, state, …; the tenth field is the inode. */
function listeningInodes(path: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readText(path)
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => local.endsWith(wanted) && state === listenState)
    .map((fields) => fields[9] ?? "");
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
