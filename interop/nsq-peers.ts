/** An nsqd and a Polylog side by side, and one-connection conversations with either. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, startServer, temporaryDirectory } from "@polylog/testkit";
import { findTool } from "./outside-tools.ts";

export interface NsqPeer {
  readonly name: string;
  readonly tcpPort: number;
  readonly httpPort: number;
}

/** Starts both, with what each calls the same settings; they end with the test. */
export async function startPeers(
  context: TestContext,
  flags: { readonly nsqd?: readonly string[]; readonly polylog?: readonly string[] } = {},
): Promise<readonly [nsqd: NsqPeer, polylog: NsqPeer]> {
  return [await startNsqd(context, flags.nsqd ?? []), await startPolylog(context, flags.polylog ?? [])];
}

async function startNsqd(context: TestContext, flags: readonly string[]): Promise<NsqPeer> {
  const [tcpPort, httpPort] = [await freePort(), await freePort()];
  const child: ChildProcess = spawn(
    findTool("nsqd")!,
    [
      `--tcp-address=127.0.0.1:${tcpPort}`,
      `--http-address=127.0.0.1:${httpPort}`,
      `--https-address=127.0.0.1:${await freePort()}`,
      `--data-path=${temporaryDirectory(context)}`,
      "--log-level=error",
      ...flags,
    ],
    { stdio: "ignore" },
  );
  context.after(async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  for (let tries = 0; tries < 200; tries++) {
    const answer = await fetch(`http://127.0.0.1:${httpPort}/ping`).catch(() => undefined);
    if (answer !== undefined) return { name: "nsqd", tcpPort, httpPort };
    await delay(25);
  }
  throw new Error("nsqd did not start");
}

async function startPolylog(context: TestContext, flags: readonly string[]): Promise<NsqPeer> {
  const server = await startServer({ dataDir: temporaryDirectory(context), flags });
  context.after(async () => void (await server.stop()));
  const { nsqTcp, nsqHttp } = server.listeners;
  return { name: "Polylog", tcpPort: nsqTcp.port, httpPort: nsqHttp.port };
}

/** What came of a conversation: frames as `type body`, and whether the peer closed. */
export interface Outcome {
  readonly frames: readonly string[];
  readonly closed: boolean;
}

/** How long an answer may take before there is none, and how long what follows an answer, in milliseconds. */
const silenceMs = 800;
const quietMs = 100;

/** Sends each step once the peer has been quiet after the one before; errors of the connection count as its end. */
export async function converse(peer: NsqPeer, magic: string, steps: readonly Buffer[]): Promise<Outcome> {
  const socket = connect({ port: peer.tcpPort, host: "127.0.0.1", noDelay: true });
  const chunks: Buffer[] = [];
  let closed = false;
  let heardAtMs = performance.now();
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    heardAtMs = performance.now();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
  });
  await once(socket, "connect");
  socket.write(Buffer.from(magic, "latin1"));
  for (const step of steps.length === 0 ? [Buffer.alloc(0)] : steps) {
    if (closed) break;
    socket.write(step);
    const sentAtMs = performance.now();
    heardAtMs = sentAtMs;
    while (!closed && performance.now() - heardAtMs < (heardAtMs > sentAtMs ? quietMs : silenceMs)) await delay(5);
  }
  socket.destroy();
  return { frames: framesOf(Buffer.concat(chunks)), closed };
}

function framesOf(bytes: Buffer): string[] {
  const frames: string[] = [];
  let at = 0;
  while (at + 8 <= bytes.length) {
    const end = at + 4 + bytes.readInt32BE(at);
    frames.push(`${bytes.readInt32BE(at + 4)} ${bytes.toString("latin1", at + 8, end)}`);
    at = end;
  }
  if (at < bytes.length) frames.push(`incomplete ${bytes.toString("hex", at)}`);
  return frames;
}
