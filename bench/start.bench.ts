/**
 * How long it takes from starting a command to its first answer: `polylog serve` on an empty data directory to `/ping` of its
 * NSQ HTTP port, as it is and without its bundle, and `nsqd`; beside NSQ's own, where it is installed, and a Node.js that only
 * answers, which nothing on Node.js is faster than. They take turns; medians.
 *
 *     npm run bench -- start
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCommand } from "./peers.ts";

const smoke = process.argv.includes("--smoke");
const runs = smoke ? 1 : 10;
const deadlineMs = 30_000;

/** The command, for a port of its NSQ HTTP API and a data directory. */
type Words = (port: number, dataDir: string) => string[];

function serve(file: string): Words {
  const path = fileURLToPath(new URL(`../../packages/server/${file}`, import.meta.url));
  const others = ["mqtt", "nsq-tcp", "lookupd-tcp", "lookupd-http", "http"].map(
    (name) => `--${name}-listen=127.0.0.1:0`,
  );
  return (port, dataDir) => [
    process.execPath,
    path,
    "serve",
    `--data-dir=${dataDir}`,
    `--nsq-http-listen=127.0.0.1:${port}`,
    ...others,
  ];
}

const answering = "require('http').createServer((_, r) => r.end('OK')).listen(Number(process.argv[1]), '127.0.0.1')";

function nsqd(...command: readonly string[]): Words {
  return (port, dataDir) => [
    ...command,
    `-data-path=${dataDir}`,
    "-tcp-address=127.0.0.1:0",
    `-http-address=127.0.0.1:${port}`,
    "-broadcast-address=127.0.0.1",
  ];
}

const ourNsqd = fileURLToPath(new URL("../../packages/server/bin/nsqd.js", import.meta.url));
const theirNsqd = findCommand("nsqd", [join(homedir(), "go", "bin")]);

const targets: readonly { name: string; words: Words; ms: number[] }[] = [
  { name: "polylog serve", words: serve("bin/polylog.js"), ms: [] },
  { name: "the same, not bundled", words: serve("dist/main.js"), ms: [] },
  { name: "nsqd, ours", words: nsqd(process.execPath, ourNsqd), ms: [] },
  ...(theirNsqd === undefined ? [] : [{ name: "nsqd, NSQ's", words: nsqd(theirNsqd), ms: [] }]),
  { name: "Node.js that answers", words: (port) => [process.execPath, "-e", answering, `${port}`], ms: [] },
];

async function main(): Promise<void> {
  for (let run = 0; run < runs; run++) for (const { words, ms } of targets) ms.push(await startOnce(words));
  process.stdout.write(`start to first answer (median of ${runs} interleaved runs)\n`);
  for (const { name, ms } of targets) {
    ms.sort((a, b) => a - b);
    const spread = `${ms[0]!.toFixed(0)} to ${ms.at(-1)!.toFixed(0)}`;
    process.stdout.write(`  ${name.padEnd(22)} ${ms[Math.floor(runs / 2)]!.toFixed(0).padStart(6)} ms   (${spread})\n`);
  }
}

/** Milliseconds. */
async function startOnce(words: Words): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-start-"));
  const port = await freePort();
  const startedAtMs = performance.now();
  const [command, ...args] = words(port, dataDir);
  const child = spawn(command!, args, { stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  try {
    await untilAnswers(child, port, startedAtMs);
    return performance.now() - startedAtMs;
  } finally {
    child.kill("SIGKILL");
    await exited;
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function untilAnswers(child: ChildProcess, port: number, startedAtMs: number): Promise<void> {
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(" ")} exited with ${child.exitCode}`);
    if (performance.now() - startedAtMs > deadlineMs) throw new Error(`no answer within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ host: "127.0.0.1", port, path: "/ping", agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
    });
    ping.on("error", () => resolve(false));
    ping.end();
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

await main();
