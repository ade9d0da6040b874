import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { temporaryDirectory } from "@polylog/testkit";
import { BenchTotals } from "../mqtt/bench-measures.ts";
import { logPathOf, RunLog } from "./run-log.ts";
import type { RunOptions } from "./run-options.ts";

test("writes phases, intervals and each change of an error", (t) => {
  const path = join(temporaryDirectory(t), "a.log");
  const log = new RunLog(path, new ManualClock());
  const totals = new BenchTotals();
  const progress = {
    phase: "measure",
    share: 0,
    totals,
    interval: undefined,
    sentRate: 10.4,
    receivedRate: 9,
    open: 2,
  } as const;
  log.onPhase("measure");
  totals.errors.add("PUBLISH_151", 'it said "no"');
  log.onProgress(progress);
  log.onProgress(progress);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) =>
      line
        .replace(/^[\dTZ:.-]+ /, "")
        .split(" ")
        .slice(0, 2)
        .join(" "),
    ),
    ["info phase", "warn error", "debug interval", "debug interval"],
  );
  assert.match(lines[1]!, /code=PUBLISH_151 count=1 sample="it said \\"no\\""$/);
  assert.match(lines[2]!, / sentRate=10 receivedRate=9 open=2 /);
});

test("stands beside the results, where asked, or nowhere", () => {
  const options = (some: Partial<RunOptions>) => ({ store: true, db: "x/results.duckdb", ...some }) as RunOptions;
  assert.equal(logPathOf(options({}), "id"), join("x", "id.log"));
  assert.equal(logPathOf(options({ store: false }), "id"), undefined);
  assert.equal(logPathOf(options({ store: false, logFile: "a.log" }), "id"), "a.log");
  assert.equal(logPathOf(options({ logFile: "off" }), "id"), undefined);
  assert.throws(() => new RunLog("/nowhere/at/all.log", new ManualClock()), { code: "loadgen.FILE_UNWRITABLE" });
});
