import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { assertKeepsToSize, FakeTerminal } from "../../dashboard/testing/fake-terminal.ts";
import { parseThreshold } from "../../measure/thresholds.ts";
import { progressAt } from "../testing/load-outcomes.ts";
import { LoadDashboard } from "./load-dashboard.ts";
import { loadProfile } from "./load-profile.ts";

function start(end: { readonly rows?: number; readonly durationNs?: number } = { durationNs: 10e9 }) {
  const terminal = new FakeTerminal();
  Object.assign(terminal, { columns: 100, rows: 40 });
  const clock = new ManualClock();
  let quits = 0;
  const dashboard = new LoadDashboard(
    {
      table: "t",
      database: "a double\u001b[2J (http://host)",
      offeredRate: 0,
      thresholds: [parseThreshold(loadProfile.metrics, "rows/s>100")],
      rows: end.rows,
      durationNs: end.durationNs,
      readDatabase: () => ({ cores: 0.5, memoryBytes: 2 ** 20 }),
      isPlain: false,
      clock,
      onQuit: () => quits++,
    },
    terminal,
    terminal,
  );
  dashboard.start();
  const text = (): string => {
    clock.advance(250);
    return terminal.lines.join("\n");
  };
  return { terminal, dashboard, text, quits: () => quits };
}

test("shows rates, the account of the rows, latency, workers, machine and limits", () => {
  const { dashboard, text, terminal } = start();
  dashboard.onPhase("load");
  dashboard.onProgress(progressAt(1, { rows: 1000, workers: 2 }));
  dashboard.onProgress(progressAt(5, { rows: 4000, refused: 4, workers: 2, braked: 1 }, 3000));
  const shown = text();
  assert.match(shown, /rows into t of a double\?\[2J \(http:\/\/host\)/);
  assert.match(shown, /load +█+░+ 50 %, 5 s/);
  assert.match(shown, /rows\/s +750 now, 800 on average {2}THE DATABASE HAS TOO MUCH: WAITING/);
  assert.match(shown, /1,000 ┤ +█/);
  assert.match(shown, /4,000 acknowledged, 4 refused, 0 unknown/);
  assert.match(shown, /batch, from sent +20\.0\d ms/);
  assert.match(shown, /request +20\.0\d ms/);
  assert.match(shown, /tool +0\.50 cores .* 100 MiB/);
  assert.match(shown, /database 0\.50 cores, 1 MiB/);
  assert.match(shown, /1 waiting +375\/s +2,000 2 failed +\n +2 writing +375\/s +2,000 2 failed/);
  assert.match(shown, /rows +4 × 4091: a duplicate key/);
  assert.match(shown, /limit +rows\/s>100/);
  assert.doesNotMatch(shown, /message|broker|publish|subscri/i);
  dashboard.stop();
  assert.deepEqual([terminal.isAlternate, terminal.isCursorShown, terminal.isRaw], [false, true, false]);
});

test("measures how far a load is by its rows, or not at all", () => {
  const byRows = start({ rows: 5000 });
  byRows.dashboard.onPhase("load");
  byRows.dashboard.onProgress(progressAt(1, { rows: 1000, workers: 1 }));
  assert.match(byRows.text(), /20 %, 1 s/);
  const endless = start({});
  endless.dashboard.onPhase("load");
  endless.dashboard.onProgress(progressAt(1, { rows: 1000, workers: 1 }));
  assert.match(endless.text(), /load +1 s, until q/);
});

test("keeps to the size of the terminal with any number of workers", () => {
  for (const workers of [0, 1, 6, 64]) {
    const { terminal, dashboard, text } = start();
    dashboard.onProgress(progressAt(3, { rows: 1000, workers }));
    text();
    assertKeepsToSize(terminal);
  }
});

test("shows workers on a small terminal, and counts those without room", () => {
  const { terminal, dashboard, text } = start();
  dashboard.onProgress(progressAt(3, { rows: 1000, workers: 6 }));
  text();
  terminal.resize(80, 24);
  assert.match(terminal.lines.join("\n"), /6 writing/);
  dashboard.onProgress(progressAt(4, { rows: 2000, workers: 64 }));
  assert.match(text(), /… \d+ more lines of workers/);
});

test("puts workers next to each other where they fit", () => {
  const { dashboard, text } = start();
  dashboard.onProgress(progressAt(5, { rows: 1000, workers: 2 }));
  assert.match(text(), /1 writing +100\/s +500 +2 writing +100\/s +500/);
});

test("hears its keys", () => {
  const { terminal, text, quits } = start();
  terminal.press("?");
  assert.match(text(), /kept back +batches that are due/);
  terminal.press("?");
  terminal.press("q");
  terminal.press("\u0003");
  assert.equal(quits(), 2);
});
