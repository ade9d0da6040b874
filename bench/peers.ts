/** Other servers on this machine, each started on a free loopback port with a directory of its own and ended by its id. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type ServerProcess, startServer } from "@polylog/testkit";

export interface Peer {
  readonly name: string;
  readonly pid: number;
  /** The port that the benchmark's protocol is spoken on. */
  readonly port: number;
  stop(): Promise<void>;
}

/** Ours, at durability `written`, with a directory that goes when it stops. */
export async function startPolylog(
  listener: keyof ServerProcess["listeners"],
  flags: readonly string[] = [],
): Promise<Peer> {
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-bench-"));
  const server = await startServer({ dataDir, flags: ["--log-level=warn", ...flags] });
  return {
    name: "Polylog",
    pid: server.pid,
    port: server.listeners[listener].port,
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Undefined when nsqd is not installed; `go install github.com/nsqio/nsq/apps/nsqd@v1.3.0` installs it. */
export async function startNsqd(name: string, flags: readonly string[] = []): Promise<Peer | undefined> {
  const command = findCommand("nsqd", [join(homedir(), "go", "bin")]);
  if (command === undefined) return undefined;
  const dir = mkdtempSync(join(tmpdir(), "nsqd-bench-"));
  const port = await freePort();
  const addresses = [`-tcp-address=127.0.0.1:${port}`, "-http-address=127.0.0.1:0", "-broadcast-address=127.0.0.1"];
  return startPeer(name, command, [...addresses, `-data-path=${dir}`, "-log-level=error", ...flags], port, dir);
}

/** NATS with JetStream on file storage; undefined when nats-server is not installed. */
export async function startNats(): Promise<Peer | undefined> {
  const command = findCommand("nats-server", ["/usr/sbin"]);
  if (command === undefined) return undefined;
  const dir = mkdtempSync(join(tmpdir(), "nats-bench-"));
  const port = await freePort();
  return startPeer("NATS JetStream", command, ["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", dir], port, dir);
}

/** Commands that npm linked do not count: ours have the names of NSQ's. */
export function findCommand(name: string, furtherDirs: readonly string[] = []): string | undefined {
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const dirs = [...path.filter((dir) => dir !== "" && !dir.includes("node_modules")), ...furtherDirs];
  return dirs.map((dir) => join(dir, name)).find((file) => existsSync(file));
}

/** Starts a program in `dir`, which goes when it stops, and waits until `port` accepts. */
export async function startPeer(
  name: string,
  command: string,
  args: string[],
  port: number,
  dir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Peer> {
  const child = spawn(command, args, { stdio: "ignore", cwd: dir, env: { ...process.env, ...env } });
  await untilAccepts(child, name, port);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  return {
    name,
    pid: child.pid!,
    port,
    stop: async () => {
      child.kill("SIGTERM");
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function untilAccepts(child: ChildProcess, name: string, port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`${name} exited with ${child.exitCode}`);
    if (await accepts(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${name} does not accept connections on port ${port}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject()));
    });
  });
}
