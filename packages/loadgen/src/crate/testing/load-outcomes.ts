/** Progress and outcomes of loads that never were, for tests of what is made of them. */

import { ErrorTally } from "../../measure/counters.ts";
import { coreMeasures, Totals } from "../../measure/recorder.ts";
import type { Interval } from "../../measure/result.ts";
import type { Threshold } from "../../measure/thresholds.ts";
import type { LoadOutcome, LoadProgress, WorkerState } from "../load/load-run.ts";
import { newAccount, type Verification } from "../load/row-account.ts";
import type { LoadResult } from "../report/load-result.ts";
import { loadResultOf } from "../report/load-result-of.ts";

export interface Sketch {
  /** Acknowledged. */
  readonly rows: number;
  readonly refused?: number;
  readonly workers: number;
  /** The first of them wait. */
  readonly braked?: number;
  /** Of each batch of 100 rows. */
  readonly ms?: number;
}

function totalsOf({ rows, refused = 0, ms = 20 }: Sketch): Totals {
  const totals = new Totals(coreMeasures);
  Object.assign(totals.counters, {
    sent: rows + refused,
    received: rows,
    acked: rows,
    errors: refused,
    bytesSent: 300 * rows,
  });
  for (let batch = 0; batch < rows / 100; batch++) {
    totals.histograms.endToEndActual.record(ms * 1e6 + batch * 1000);
    totals.histograms.ack.record(ms * 1e6 + batch * 1000);
  }
  return totals;
}

function accountOf({ rows, refused = 0 }: Sketch) {
  const batches = Math.ceil((rows + refused) / 100);
  return { ...newAccount(), written: rows, refused, batches, requests: batches, bytes: 300 * rows };
}

function workersOf({ rows, refused = 0, workers, braked = 0 }: Sketch): readonly WorkerState[] {
  return Array.from({ length: workers }, (_, thread) => ({
    thread,
    acknowledged: rows / workers,
    failed: refused / workers,
    batches: 10,
    open: 1,
    isDone: false,
    isBraked: thread < braked,
  }));
}

function errorsOf({ refused = 0 }: Sketch): ErrorTally {
  const errors = new ErrorTally();
  if (refused > 0) errors.add("4091", "a duplicate key", refused);
  return errors;
}

/** `seconds`: since the start. `newRows`: those of its interval. */
export function progressAt(seconds: number, sketch: Sketch, newRows = sketch.rows): LoadProgress {
  return {
    interval: intervalAt(seconds, newRows, 20),
    account: accountOf(sketch),
    totals: totalsOf(sketch),
    rowErrors: errorsOf(sketch),
    requestErrors: new ErrorTally(),
    braked: sketch.braked ?? 0,
    workers: workersOf(sketch),
  };
}

function intervalAt(seconds: number, acked: number, ms: number): Interval {
  const times = {
    p50Ns: ms * 1e6,
    p95Ns: ms * 1e6,
    p99Ns: ms * 1e6,
    p99ActualNs: ms * 1e6,
    meanNs: ms * 1e6,
    sendLagP99Ns: 0,
  };
  const counts = { sent: acked, received: acked, acked, errors: 0, open: 2, backlog: 0 };
  const generator = { cpuCores: 0.5, loopDelayP99Ns: 1e6, loopDelayMaxNs: 2e6, memoryBytes: 100 * 2 ** 20 };
  return { relNs: seconds * 1e9, atMs: 0, ...counts, ...times, generator, cells: [ms * 1e6, acked / 100] };
}

/** A load of ten seconds into a double. `missing`: rows that the table does not have at the end. */
export function resultOf(sketch: Sketch, thresholds: readonly Threshold[] = [], missing = 0): LoadResult {
  const { rows, ms = 20 } = sketch;
  const outcome: LoadOutcome = {
    startedAtMs: 0,
    endedAtMs: 10_000,
    runtimeNs: 10e9,
    endedBy: "its time",
    account: accountOf(sketch),
    totals: totalsOf(sketch),
    intervals: Array.from({ length: 10 }, (_, index) => intervalAt(index + 1, rows / 10, ms * (1 + (index % 3) / 100))),
    workers: workersOf(sketch),
    rowErrors: errorsOf(sketch),
    requestErrors: new ErrorTally(),
    offeredRate: 0,
  };
  const verification: Verification = {
    before: 0,
    after: rows - missing,
    present: rows - missing,
    least: rows,
    most: rows,
    agrees: missing === 0,
  };
  const identity = {
    runId: "11111111-1111-4111-8111-111111111111",
    scenarioId: "22222222-2222-4222-8222-222222222222",
    settings: { threads: sketch.workers, batchSize: 100 },
    table: "doc.t",
    host: "h",
    port: 4200,
    database: {
      kind: "unknown",
      name: "a <double>, not CrateDB",
      version: "6.0.0",
      address: "http://h:4200",
      isEmbedded: false,
    },
    warnings: [],
    isLimited: true,
  } as const;
  return loadResultOf(identity, outcome, verification, thresholds, undefined);
}
