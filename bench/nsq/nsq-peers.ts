/** The servers that the NSQ benchmark compares, each with a directory of its own, and what is asked of them over HTTP. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "@polylog/testkit";
import { findCommand, freePort, type Peer, startPeer } from "../peers.ts";

export const peerNames = ["Polylog", "nsqd-memory", "nsqd-disk"] as const;
export type PeerName = (typeof peerNames)[number];
/** `idle`: nsqd as it comes, because a queue in memory is a table of its full length for each topic and channel. */
export type Setup = "flood" | "idle";

export interface NsqPeer extends Peer {
  readonly httpPort: number;
}

/** Messages that nsqd keeps in memory for each topic and channel: more than a round publishes. */
const memoryQueue = "-mem-queue-size=4000000";

/** Of those that are installed, with their versions. */
export function findPeers(): ReadonlyMap<PeerName, string> {
  const found = new Map<PeerName, string>([["Polylog", `on Node.js ${process.versions.node}`]]);
  const command = nsqdCommand();
  if (command === undefined) return found;
  const version = spawnSync(command, ["-version"], { encoding: "utf8" }).stdout.trim();
  found.set("nsqd-memory", `${version}, ${memoryQueue}`);
  found.set("nsqd-disk", `${version}, -mem-queue-size=0`);
  return found;
}

export function startNsqPeer(name: PeerName, setup: Setup): Promise<NsqPeer> {
  if (name === "Polylog") return startOurs();
  if (name === "nsqd-disk") return startTheirs(name, ["-mem-queue-size=0"]);
  return startTheirs(name, setup === "idle" ? [] : [memoryQueue]);
}

/** At durability `written`. */
async function startOurs(): Promise<NsqPeer> {
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-bench-"));
  const { listeners, pid, stop } = await startServer({ dataDir, flags: ["--log-level=warn"] });
  return {
    name: "Polylog",
    pid,
    port: listeners.nsqTcp.port,
    httpPort: listeners.nsqHttp.port,
    stop: async () => {
      await stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function startTheirs(name: PeerName, flags: readonly string[]): Promise<NsqPeer> {
  const dir = mkdtempSync(join(tmpdir(), "nsqd-bench-"));
  const [port, httpPort] = [await freePort(), await freePort()];
  const addresses = [`-tcp-address=127.0.0.1:${port}`, `-http-address=127.0.0.1:${httpPort}`];
  const quiet = ["-broadcast-address=127.0.0.1", "-log-level=error"];
  const words = [...addresses, ...quiet, `-data-path=${dir}`, ...flags];
  const peer = await startPeer(name, nsqdCommand()!, words, port, dir);
  return { ...peer, httpPort };
}

function nsqdCommand(): string | undefined {
  return findCommand("nsqd", [join(homedir(), "go", "bin")]);
}

/** `topic/create?topic=a`, and so on. */
export async function post(peer: NsqPeer, path: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${peer.httpPort}/${path}`, { method: "POST" });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status} ${text}`);
}
