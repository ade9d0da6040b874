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
function runAndKill(directory: string, level: string, lines: number): Promise<number> {
  const path = fileURLToPath(new URL("./testing/kill-child.js", import.meta.url));
  const child = spawn(process.execPath, [path, directory, level], { stdio: ["ignore", "pipe", "inherit"] });
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

interface Stored {
  readonly values: readonly string[];
  /** The newest segment ends with room for more batches. */
  readonly hasZeros: boolean;
}

/** What is in the files, by a parser of the test's own. */
async function readStored(directory: string): Promise<Stored> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".log")).sort();
  const values: string[] = [];
  let hasZeros = false;
  for (const name of names) {
    const bytes = await readFile(join(directory, name));
    for (const batch of readRawSegment(bytes)) {
      assert.equal(batch.offset, values.length);
      values.push(...batch.values);
    }
    hasZeros = bytes.length > 1000 && bytes.subarray(-1000).every((byte) => byte === 0);
  }
  return { values, hasZeros };
}

describe("a process that is killed", () => {
  for (const level of ["written", "synced"])
    it(`has everything it acknowledged as ${level} in its files, ${rounds} times over`, async () => {
      const directory = await mkdtemp(join(tmpdir(), "polylog-kill-"));
      try {
        let zeros = 0;
        for (let round = 0; round < rounds; round++) {
          const acknowledged = await runAndKill(directory, level, 50 + round * 400);
          const { values, hasZeros } = await readStored(join(directory, "orders/0"));
          if (hasZeros) zeros++;
          assert.ok(values.length > acknowledged, `${values.length} of ${acknowledged + 1}`);
          for (const [offset, value] of values.entries()) assert.equal(Number.parseInt(value, 10), offset);
        }
        assert.equal(zeros > 0, level === "synced", `${zeros} kills left zeros`);
        const before = await readStored(join(directory, "orders/0"));
        const cache = new TailCache();
        const storage = new FileStorage(directory);
        const place = { log: "orders", number: 0, storage, directory: "orders/0", clock: systemClock, cache };
        const partition = new EmbeddedPartition(place);
        const report = await partition.open();
        assert.deepEqual(report.damages, []);
        assert.ok((await readValues(partition, 0, 1_000_000)).join() === before.values.join());
        await partition.close();
      } finally {
        await rm(directory, { recursive: true });
      }
    });
});
