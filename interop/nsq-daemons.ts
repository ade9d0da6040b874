/** Real nsqds and nsqlookupds for a test: on free ports, in a directory of their own, ended with the test. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, temporaryDirectory } from "@polylog/testkit";
import { findTool } from "./outside-tools.ts";

export interface Daemon {
  readonly tcpPort: number;
  readonly httpPort: number;
  /** Everything it has printed so far. */
  output(): string;
  kill(): Promise<void>;
}

/** Resolves once its HTTP API answers. */
export async function startDaemon(t: TestContext, name: "nsqd" | "nsqlookupd", ...flags: string[]): Promise<Daemon> {
  const [tcpPort, httpPort] = [await freePort(), await freePort()];
  const addresses = [`-tcp-address=127.0.0.1:${tcpPort}`, `-http-address=127.0.0.1:${httpPort}`];
  const data = name === "nsqd" ? [`-data-path=${temporaryDirectory(t)}`] : [];
  const child = spawn(findTool(name)!, [...addresses, "-broadcast-address=127.0.0.1", ...data, ...flags]);
  let printed = "";
  child.stderr.on("data", (chunk) => (printed += chunk));
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  t.after(kill);
  await eventually(
    async () => (await get(httpPort, "/ping")) === "OK",
    () => printed,
  );
  return { tcpPort, httpPort, output: () => printed, kill };
}

export async function get(port: number, path: string): Promise<string | undefined> {
  return fetch(`http://127.0.0.1:${port}${path}`).then(
    (answer) => answer.text(),
    () => undefined,
  );
}

export async function post(port: number, path: string, body = ""): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body });
  assert.equal(answer.status, 200, `${path}: ${await answer.text()}`);
}

/** Waits for what another process does, at most 20 s. */
export async function eventually(holds: () => Promise<boolean>, describe: () => string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail(`it did not come to that: ${describe()}`);
}
