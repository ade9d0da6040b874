import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock } from "@polylog/base/clock";
import { EmbeddedPartition } from "./embedded-partition.ts";
import { FileStorage } from "./storage/file-storage.ts";
import { TailCache } from "./tail-cache.ts";
import { readValues } from "./testing/partition-rig.ts";
import { readRawSegment } from "./testing/raw-segment.ts";

const rounds = 6;

/** Runs the child until it said `lines` lines, kills it, and returns the highest offset it acknowledged. */
function runAndKill(directory: string, lines: number): Promise<number> {
  const path = fileURLToPath(new URL("./testing/kill-child.js", import.meta.url));
  const child = spawn(process.execPath, [path, directory], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    said += text;
    if (said.split("\n").length > lines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal !== "SIGKILL") reject(new Error(`the child ended with ${code}`));
      const whole = said.slice(0, said.lastIndexOf("\n")).split("\n").map(Number);
      resolve(Math.max(...whole));
    });
  });
}

/** Values in the files, by a parser of the test's own. */
async function rawValues(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".log")).sort();
  const values: string[] = [];
  for (const name of names) {
    const bytes = await readFile(join(directory, name));
    for (const batch of readRawSegment(bytes)) {
      assert.equal(batch.offset, values.length);
      values.push(...batch.values);
    }
  }
  return values;
}

describe("a process that is killed", () => {
  it(`has everything it acknowledged in its files, ${rounds} times over`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "polylog-kill-"));
    try {
      for (let round = 0; round < rounds; round++) {
        const acknowledged = await runAndKill(directory, 50 + round * 400);
        const values = await rawValues(join(directory, "orders/0"));
        assert.ok(values.length > acknowledged, `${values.length} of ${acknowledged + 1}`);
        for (const [offset, value] of values.entries()) assert.equal(Number.parseInt(value, 10), offset);
      }
      const before = await rawValues(join(directory, "orders/0"));
      const cache = new TailCache();
      const storage = new FileStorage(directory);
      const place = { log: "orders", number: 0, storage, directory: "orders/0", clock: systemClock, cache };
      const partition = new EmbeddedPartition(place);
      const report = await partition.open();
      assert.deepEqual(report.damages, []);
      assert.ok((await readValues(partition, 0, 1_000_000)).join() === before.join());
      await partition.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
