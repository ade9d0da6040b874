/**
 * How long a server takes until it accepts again after kill -9, with a large log: only the segment that takes records is read,
 * whatever the rest is. Beside it, the same start without a log, because most of that is not recovery.
 *
 *     npm run bench -- recovery                  1 GiB, killed three times
 *     RECOVERY_GIGABYTES=10 npm run bench -- recovery
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "@polylog/testkit";
import { appendLarge } from "./large-log.ts";

const smoke = process.argv.includes("--smoke");
const gigabytes = smoke ? 0.005 : Number(process.env["RECOVERY_GIGABYTES"] ?? 1);
const kills = smoke ? 1 : 3;

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "polylog-recovery-"));
  try {
    process.stdout.write(`start without a log: ${(await timedStart(dataDir, 0)).toFixed(0)} ms\n`);
    for (let kill = 1; kill <= kills; kill++) {
      // The newest segment is fuller each time.
      const bytes = kill === 1 ? gigabytes * 1e9 : 64e6 * gigabytes;
      const ms = await timedStart(dataDir, bytes);
      process.stdout.write(`start after kill -9 number ${kill}, ${gigabytes} GB and more: ${ms.toFixed(0)} ms\n`);
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Appends `bytes`, kills the server, and resolves with how long the next one takes to accept, in milliseconds. */
async function timedStart(dataDir: string, bytes: number): Promise<number> {
  if (bytes > 0) {
    const server = await startServer({ dataDir, flags: ["--log-level=warn"] });
    await appendLarge(server.listeners.nsqTcp.port, "large", bytes);
    await server.kill();
  }
  const startedAtMs = performance.now();
  const server = await startServer({ dataDir, flags: ["--log-level=warn"] });
  const ms = performance.now() - startedAtMs;
  await server.kill();
  return ms;
}

await main();
