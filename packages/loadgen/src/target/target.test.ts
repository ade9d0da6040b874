import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { temporaryDirectory } from "@polylog/testkit";
import { targetCostOf } from "../measure/target-cost.ts";
import { findListeningProcess, isLocalAddress } from "./listening-process.ts";
import { readProcessUsage, type UsageReading } from "./process-sampler.ts";
import { readTreeUsage } from "./process-tree.ts";
import { TargetWatch } from "./target-watch.ts";

/** A /proc in which process 42 listens on port 1883 (075B), and 43 is connected to it. */
function makeProc(t: TestContext): string {
  const root = temporaryDirectory(t);
  const title = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  const row = (local: string, state: string, inode: number) =>
    `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1\n`;
  mkdirSync(join(root, "net"));
  writeFileSync(join(root, "net/tcp"), title + row("0100007F:075B", "01", 700) + row("0100007F:1F90", "0A", 701));
  writeFileSync(join(root, "net/tcp6"), title + row("00000000000000000000000001000000:075B", "0A", 777));
  writeFileSync(
    join(root, "net/dev"),
    "Inter-|\n face |\n    lo: 5 0 0 0 0 0 0 0 5 0\n  eth0: 10 0 0 0 0 0 0 0 20 0\n",
  );
  writeFileSync(join(root, "stat"), "cpu  100 0 50 800 10 0 5 0 0 0\ncpu0 1 2\n");
  for (const [pid, inode] of [
    [43, 700],
    [42, 777],
  ]) {
    mkdirSync(join(root, `${pid}/fd`), { recursive: true });
    symlinkSync("/dev/null", join(root, `${pid}/fd/0`));
    symlinkSync(`socket:[${inode}]`, join(root, `${pid}/fd/5`));
  }
  const fields = ["S", 1, 42, 42, 0, -1, 4194304, 100, 0, 0, 0, 300, 150, 0, 0, 20];
  writeFileSync(join(root, "42/stat"), `42 (odd (name) 1) ${fields.join(" ")}\n`);
  writeFileSync(join(root, "42/statm"), "5000 1000 300 10 0 400 0\n");
  return root;
}

test("finds the process that listens, not one that is connected", (t) => {
  const root = makeProc(t);
  assert.equal(findListeningProcess(1883, root), 42);
  assert.equal(findListeningProcess(8080, root), undefined);
  assert.equal(findListeningProcess(9999, root), undefined);
});

test("reads processor time, memory and network", (t) => {
  const usage = readProcessUsage(42, makeProc(t));
  assert.equal(usage?.cpuTotalNs, 4.5e9);
  assert.equal(usage?.cpuSystemNs, 9.65e9);
  assert.equal(usage?.memoryBytes, 4_096_000);
  assert.deepEqual([usage?.networkReadBytes, usage?.networkWrittenBytes], [10, 20]);
  assert.equal(readProcessUsage(41, makeProc(t)), undefined);
});

test("knows addresses of this machine", () => {
  assert.deepEqual(["127.0.0.1", "::1", "::ffff:127.0.0.1", "203.0.113.9"].map(isLocalAddress), [
    true,
    true,
    true,
    false,
  ]);
});

test("tells the cost of a message from samples of the measured time", () => {
  const reading = { cpuSystemNs: 0, cores: 2, memoryLimitBytes: 1e9, networkReadBytes: 0, networkWrittenBytes: 0 };
  const readings: UsageReading[] = [0, 1, 1.5, 2.5, 2.5].map((seconds, index) => ({
    ...reading,
    cpuTotalNs: seconds * 1e9,
    memoryBytes: 100 + index,
  }));
  const watch = new TargetWatch(() => readings.shift());
  const phases = ["warmup", "warmup", "measurement", "measurement", "cooldown"] as const;
  for (const [index, phase] of phases.entries()) watch.sample(phase, index * 1e9, index * 1e9, index * 1000);
  assert.equal(watch.take().length, 4);
  assert.equal(watch.take().length, 0);
  const cost = targetCostOf("process 42", watch.samples, 500_000);
  assert.equal(cost?.cpuSeconds, 1.5);
  assert.equal(cost?.cpuCoresMean, 0.75);
  assert.equal(cost?.cpuCoresMax, 1);
  assert.equal(cost?.cpuSecondsPerMillion, 3);
  assert.equal(cost?.coresAt100k, 0.3);
  assert.equal(cost?.memoryBytesMax, 103);
  watch.sample("cooldown", 9, 9e9, 9);
  assert.equal(targetCostOf("process 42", [], 1), undefined);
});

test("takes the clock of an engine that answers at moments of its own", () => {
  const rest = { cpuSystemNs: 0, cores: 2, memoryLimitBytes: 1e9, networkReadBytes: 0, networkWrittenBytes: 0 };
  const reading = (clockNs: number, cpuTotalNs: number): UsageReading => ({
    ...rest,
    clockNs,
    cpuTotalNs,
    memoryBytes: 1,
  });
  const readings = [reading(0, 0), reading(1e9, 5e8), reading(1e9, 5e8), reading(3e9, 25e8)];
  const watch = new TargetWatch(() => readings.shift());
  for (let at = 1; at <= 4; at++) watch.sample("measurement", at * 1e9, at * 1e9, at);
  const samples = watch.take();
  assert.deepEqual(
    samples.map(({ cpuPercent }) => cpuPercent),
    [50, 100],
  );
  assert.ok(!("clockNs" in samples[0]!));
});

test("counts what a process started, and shared memory once", (t) => {
  const root = makeProc(t);
  const alone = readProcessUsage(42, root)!;
  const stat = (ticks: readonly number[]) =>
    `44 (child) ${["S", 42, 42, 42, 0, -1, 4194304, 100, 0, 0, 0, ...ticks, 20].join(" ")}\n`;
  for (const [pid, children] of [
    [42, "44 "],
    [44, "45 "],
    [45, ""],
  ] as const) {
    mkdirSync(join(root, `${pid}/task/${pid}`), { recursive: true });
    writeFileSync(join(root, `${pid}/task/${pid}/children`), children);
  }
  writeFileSync(join(root, "44/stat"), stat([10, 5, 7, 3]));
  writeFileSync(join(root, "44/statm"), "900 500 400 10 0 40 0\n");
  // 45 has ended in between.
  const tree = readTreeUsage(42, root)!;
  assert.equal(tree.cpuTotalNs - alone.cpuTotalNs, 25 * 10_000_000);
  assert.equal(tree.memoryBytes - alone.memoryBytes, 100 * 4096);
  assert.equal(readTreeUsage(99, root), undefined);
});
