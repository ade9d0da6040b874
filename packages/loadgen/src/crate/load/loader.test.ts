import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { Brake, type RowResult, type RowsTransport } from "@polylog/crate-writer";
import { settle } from "@polylog/testkit";
import { LoadRecorder } from "./load-recorder.ts";
import { Loader, type LoaderSetup } from "./loader.ts";
import { acknowledgedOf, failedOf, newAccount, verify } from "./row-account.ts";

/** Takes rows after a time of the clock, and remembers when which number came. */
class SlowTable implements RowsTransport {
  readonly #clock: ManualClock;
  readonly #delayMs: (insert: number) => number;
  readonly inserts: { readonly atMs: number; readonly count: number }[] = [];
  underWayMax = 0;
  #underWay = 0;

  constructor(clock: ManualClock, delayMs: (insert: number) => number = () => 0) {
    this.#clock = clock;
    this.#delayMs = delayMs;
  }

  async insert(rows: readonly string[], aborted: AbortSignal): Promise<readonly RowResult[]> {
    const insert = this.inserts.length;
    this.inserts.push({ atMs: this.#clock.monotonicMs(), count: rows.length });
    this.underWayMax = Math.max(this.underWayMax, ++this.#underWay);
    await new Promise<void>((resolve) => {
      this.#clock.setTimer(resolve, this.#delayMs(insert));
      aborted.addEventListener("abort", () => resolve());
    });
    this.#underWay--;
    return rows.map(() => ({ fate: "written", code: "", message: "" }));
  }

  async close(): Promise<void> {}
}

interface Run {
  readonly clock: ManualClock;
  readonly loader: Loader;
  readonly recorder: LoadRecorder;
  readonly table: SlowTable;
}

function loaderWith(setup: Partial<LoaderSetup>, delayMs?: (insert: number) => number): Run {
  const clock = new ManualClock();
  const table = new SlowTable(clock, delayMs);
  const recorder = new LoadRecorder();
  let row = 0;
  const host = {
    monotonicNs: () => clock.monotonicMs() * 1e6,
    atNextTurn: (callback: () => void) => clock.atTurnEnd(callback),
    pause: () => undefined,
  };
  const loader = new Loader(
    {
      thread: 0,
      threads: 1,
      batchSize: 10,
      batchIntervalMs: 0,
      rows: undefined,
      rateStart: 0,
      stages: [],
      concurrency: 1,
      isIdempotent: true,
      ...setup,
    },
    { clock, host, transport: table, brake: new Brake(clock), recorder, source: { row: () => `[${row++}]` } },
  );
  return { clock, loader, recorder, table };
}

async function advance(clock: ManualClock, ms: number, stepMs = 1): Promise<void> {
  for (let at = 0; at < ms; at += stepMs) {
    await settle(1);
    clock.advance(stepMs);
  }
  await settle(1);
}

test("writes as many rows as it was told, the last batch smaller", async () => {
  const { clock, loader, recorder, table } = loaderWith({ rows: 25 });
  void loader.start(clock.monotonicMs() * 1e6);
  await advance(clock, 10);
  assert.deepEqual(
    table.inserts.map(({ count }) => count),
    [10, 10, 5],
  );
  assert.equal(acknowledgedOf(recorder.take().account), 25);
  assert.equal(loader.state.isDone, true);
});

test("keeps the interval between the begins of batches", async () => {
  const { clock, loader, table } = loaderWith({ batchIntervalMs: 100 }, (insert) => (insert === 1 ? 250 : 30));
  const startMs = clock.monotonicMs();
  void loader.start(startMs * 1e6);
  await advance(clock, 520);
  const at = table.inserts.map(({ atMs }) => Math.round((atMs - startMs) / 10) * 10);
  assert.deepEqual(at, [0, 100, 350, 450]);
});

test("has as many batches under way as it may", async () => {
  const { clock, loader, table } = loaderWith({ concurrency: 3 }, () => 20);
  void loader.start(clock.monotonicMs() * 1e6);
  await advance(clock, 50);
  assert.equal(loader.state.open, 3);
  assert.equal(loader.state.openRows, 30);
  assert.equal(table.underWayMax, 3);
});

test("keeps its schedule over a database that stalls", async () => {
  const setup = { rateStart: 100, stages: [{ durationNs: 1e9, rateEnd: 100 }] };
  const { clock, loader, recorder, table } = loaderWith(setup, (insert) => (insert === 2 ? 500 : 0));
  void loader.start(clock.monotonicMs() * 1e6);
  await advance(clock, 450);
  assert.equal(loader.state.backlog, 2);
  await advance(clock, 650);
  assert.equal(table.inserts.length, 10);
  const { histograms } = recorder.take();
  // Batch 2 took 500 ms; batches 3 to 6 were due meanwhile, batch 3 for 400 ms when it was sent.
  assert.ok(Math.abs((histograms.sendLag?.maxNs ?? 0) - 400e6) < 10e6, String(histograms.sendLag?.maxNs));
  assert.ok((histograms.generatorLag?.maxNs ?? 0) < 5e6);
  assert.equal(loader.state.isDone, true);
});

test("begins nothing after it was stopped, and settles what is under way", async () => {
  const { clock, loader, recorder, table } = loaderWith({}, () => 50);
  void loader.start(clock.monotonicMs() * 1e6);
  await advance(clock, 20);
  loader.stop();
  assert.equal(loader.state.isDone, false);
  await advance(clock, 100);
  assert.deepEqual([table.inserts.length, loader.state.isDone, recorder.take().account.written], [1, true, 10]);
});

test("wakes from its interval to stop", async () => {
  const { clock, loader } = loaderWith({ batchIntervalMs: 3_600_000 });
  void loader.start(clock.monotonicMs() * 1e6);
  await advance(clock, 5);
  loader.stop();
  await settle(1);
  assert.equal(loader.state.isDone, true);
});

const accounts: readonly (readonly [name: string, counts: object, present: number, isNew: boolean, agrees: boolean])[] =
  [
    ["all written", { written: 10 }, 10, true, true],
    ["a row missing", { written: 10 }, 9, true, false],
    ["a row too many", { written: 10 }, 11, true, false],
    ["rows passed over that are new", { written: 8, ignored: 2 }, 10, true, true],
    ["rows passed over that were not written", { written: 8, ignored: 2 }, 8, true, false],
    ["rows passed over that may have been there", { written: 8, ignored: 2 }, 8, false, true],
    ["unknown rows that are there", { written: 8, unknown: 2 }, 10, true, true],
    ["unknown rows that are not", { written: 8, unknown: 2 }, 8, true, true],
    ["refused rows that are there", { written: 8, refused: 2 }, 9, true, false],
  ];
for (const [name, counts, present, isNew, agrees] of accounts)
  test(`${agrees ? "agrees with" : "sees"} ${name}`, () => {
    const account = { ...newAccount(), ...counts };
    assert.equal(verify(account, 100, 100 + present, isNew).agrees, agrees);
    assert.equal(acknowledgedOf(account) + failedOf(account), 10);
  });
