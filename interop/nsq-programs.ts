/** What the tests with NSQ's programs start: a real nsqd, and tools by their path. */

import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { findTool } from "./outside-tools.ts";

export interface NsqPeer {
  /** host:port */
  readonly tcp: string;
  readonly http: string;
}

/** NSQ's own nsqd on free ports, ended with the test. */
export async function startNsqd(t: TestContext, flags: readonly string[] = []): Promise<NsqPeer> {
  const listen = ["-tcp-address=127.0.0.1:0", "-http-address=127.0.0.1:0", "-https-address=127.0.0.1:0"];
  const own = [...listen, `-data-path=${temporaryDirectory(t)}`];
  const child = spawn(findTool("nsqd")!, [...own, ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  t.after(() => child.kill("SIGKILL"));
  const address = (name: string) => new RegExp(`${name}: listening on (\\S+)`).exec(log)?.[1];
  for (let waits = 0; address("HTTP") === undefined || address("TCP") === undefined; waits++) {
    if (waits > 250) throw new Error(`nsqd did not start:\n${log}`);
    await sleep(20);
  }
  return { tcp: address("TCP")!, http: address("HTTP")! };
}

export async function startPolylog(t: TestContext): Promise<NsqPeer> {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const { nsqTcp, nsqHttp } = server.listeners;
  return { tcp: `${nsqTcp.host}:${nsqTcp.port}`, http: `${nsqHttp.host}:${nsqHttp.port}` };
}

export interface RunningTool {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Its exit code once it has ended by itself. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
}

/** Our own tool, by the command's name. */
export function runOurs(t: TestContext, name: string, flags: readonly string[], input = ""): RunningTool {
  const file = fileURLToPath(new URL(`../../packages/nsq-tools/bin/${name.replaceAll("_", "-")}.js`, import.meta.url));
  return run(t, process.execPath, [file, ...flags], input);
}

/** NSQ's. */
export function runTheirs(t: TestContext, name: string, flags: readonly string[], input = ""): RunningTool {
  return run(t, findTool(name)!, flags, input);
}

function run(t: TestContext, command: string, args: readonly string[], input: string): RunningTool {
  const child = spawn(command, args, { stdio: "pipe" });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve) => child.on("close", resolve));
  t.after(() => child.kill("SIGKILL"));
  const stop = () => {
    child.kill("SIGTERM");
    return exited;
  };
  return { child, stdout: () => stdout, stderr: () => stderr, exited, stop };
}

/** An HTTP server of the test's own; its base URL. */
export async function serveHttp(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Waits until `condition` holds. Throws after ten seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waits = 0; !(await condition()); waits++) {
    if (waits > 400) throw new Error(`waited in vain for ${what}`);
    await sleep(25);
  }
}

export interface ChannelStats {
  readonly depth: number;
  readonly in_flight_count: number;
  readonly message_count: number;
  readonly requeue_count: number;
  readonly timeout_count: number;
}

/** A channel's part of /stats; undefined as long as there is none. */
export async function channelStats(
  { http }: NsqPeer,
  topic: string,
  channel: string,
): Promise<ChannelStats | undefined> {
  const answer = await fetch(`http://${http}/stats?format=json&topic=${topic}`);
  const { topics } = (await answer.json()) as {
    topics: { channels: ({ channel_name: string } & ChannelStats)[] }[] | null;
  };
  return topics?.[0]?.channels.find((each) => each.channel_name === channel);
}
