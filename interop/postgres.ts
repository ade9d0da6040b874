/** A PostgreSQL of its own for one test: made, started on a socket in its directory and a free port, stopped with the test. */

import { spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryDirectory } from "@polylog/testkit";
import { findTool } from "./outside-tools.ts";

/** Debian keeps the server's programs out of `PATH`. */
function findServerTool(name: string): string | undefined {
  const onPath = findTool(name);
  if (onPath !== undefined) return onPath;
  const root = "/usr/lib/postgresql";
  try {
    const [newest] = readdirSync(root).sort((a, b) => Number(b) - Number(a));
    return newest === undefined ? undefined : join(root, newest, "bin", name);
  } catch {
    return undefined;
  }
}

/** For a test's `skip`. */
export const missingPostgres: string | false =
  findServerTool("initdb") === undefined ? "not installed: postgresql" : false;

/** Its URL. */
export async function startPostgres(t: TestContext): Promise<string> {
  const home = temporaryDirectory(t);
  const data = join(home, "data");
  mkdirSync(data);
  // It refuses to run as root.
  const nobody = 65_534;
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? { uid: nobody, gid: nobody } : {};
  if (isRoot) {
    chmodSync(home, 0o755);
    chownSync(data, nobody, nobody);
  }
  const initialised = spawnSync(findServerTool("initdb")!, ["-D", data, "-U", "test", "--auth=trust", "--no-sync"], {
    ...owner,
    encoding: "utf8",
  });
  if (initialised.status !== 0) throw new Error(initialised.stderr);
  const port = await freePort();
  const settings = [
    "-D",
    data,
    "-p",
    String(port),
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    `unix_socket_directories=${data}`,
  ];
  const server = spawn(findServerTool("postgres")!, settings, { ...owner, stdio: ["ignore", "ignore", "pipe"] });
  const exited = new Promise((resolve) => server.once("exit", resolve));
  t.after(async () => {
    server.kill("SIGQUIT");
    await exited;
  });
  let printed = "";
  server.stderr.on("data", (chunk) => {
    printed += chunk;
  });
  for (let waitedMs = 0; !printed.includes("ready to accept connections"); waitedMs += 50) {
    if (server.exitCode !== null || waitedMs > 30_000) throw new Error(printed);
    await sleep(50);
  }
  return `postgres://test@127.0.0.1:${port}/postgres`;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
