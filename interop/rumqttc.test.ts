/** rumqttc, the Rust client, built by cargo: MQTT 3.1.1 and 5.0 at every QoS over TCP. */

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { findTool, missingTools } from "./outside-tools.ts";

const count = 500;
const buildMsMax = 240_000;
const run = promisify(execFile);
const target = join(tmpdir(), "polylog-rumqttc-0.24.0");
const program = join(target, "debug", "rumqttc-client");
const skip = missingTools("cargo") || build();

/** The first build takes about a minute; what it makes stays in the directory for temporary files. Why there is none, or false. */
function build(): string | false {
  const manifest = fileURLToPath(new URL("../rumqttc-client/Cargo.toml", import.meta.url));
  const words = ["build", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", target];
  const { status, stderr, error } = spawnSync(findTool("cargo")!, words, { encoding: "utf8", timeout: buildMsMax });
  if (status === 0) return false;
  return `could not build rumqttc: ${(error?.message ?? stderr).trim().split("\n").at(-1)}`;
}

for (const [version, level] of [
  ["3.1.1", 4],
  ["5.0", 5],
] as const)
  test(`rumqttc speaks MQTT ${version} at every QoS`, { skip, timeout: 60_000 }, async (t) => {
    const server = await startServer({ dataDir: temporaryDirectory(t) });
    t.after(() => server.kill());
    for (const qos of [0, 1, 2]) {
      const words = [server.listeners.mqtt.port, level, qos, count].map(String);
      const { stdout } = await run(program, words, { timeout: 30_000 });
      const expected = Array.from({ length: count }, (_, i) => `${i} ${qos}`);
      assert.deepEqual(stdout.trim().split("\n"), expected);
    }
  });
