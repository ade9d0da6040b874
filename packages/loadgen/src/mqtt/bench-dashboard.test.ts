import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { sparkline } from "../dashboard/screen-text.ts";
import { assertKeepsToSize, FakeTerminal } from "../dashboard/testing/fake-terminal.ts";
import { BenchDashboard } from "./bench-dashboard.ts";
import { BenchTotals } from "./bench-measures.ts";

function start() {
  const terminal = new FakeTerminal();
  const clock = new ManualClock();
  let quits = 0;
  const dashboard = new BenchDashboard(
    {
      title: "fan-in",
      target: "host:1883",
      offeredRate: 1000,
      thresholds: [],
      isPlain: false,
      clock,
      readBroker: () => ({ cores: 0.5, memoryBytes: 2 ** 20 }),
      onQuit: () => quits++,
    },
    terminal,
    terminal,
  );
  dashboard.start();
  return { terminal, clock, dashboard, quits: () => quits };
}

function progressWith(totals: BenchTotals) {
  const rates = { sentRate: 1234, receivedRate: 2345 };
  return { phase: "measure", share: 0.5, totals, interval: undefined, ...rates, open: 7 } as const;
}

test("shows the run, redraws only what changed, and gives the terminal back", () => {
  const { terminal, clock, dashboard } = start();
  assert.deepEqual([terminal.isAlternate, terminal.isCursorShown, terminal.isRaw], [true, false, true]);
  const totals = new BenchTotals();
  totals.histograms.endToEnd.record(2e6);
  totals.errors.add("X", "bad \u001b[2J thing");
  dashboard.onPhase("measure");
  for (let i = 0; i < 10; i++) dashboard.onProgress(progressWith(totals));
  const before = terminal.written;
  clock.advance(250);
  assert.equal(terminal.written, before + 1);
  const text = terminal.lines.join("\n");
  assert.match(text, /fan-in against host:1883/);
  assert.match(text, /measure .* 50 %/);
  assert.match(text, /sent +1,234\/s +█/);
  assert.match(text, /from when due +2\.00 ms/);
  assert.match(text, /1 × X: bad \?\[2J thing/);
  assert.match(text, /broker +0\.50 cores, 1 MiB/);
  dashboard.onProgress(progressWith(totals));
  dashboard.onPhase("done");
  dashboard.stop();
  assert.deepEqual([terminal.isAlternate, terminal.isCursorShown, terminal.isRaw], [false, true, false]);
});

test("keeps to the size of the terminal", () => {
  const { terminal } = start();
  assertKeepsToSize(terminal);
});

test("hears its keys", () => {
  const { terminal, quits } = start();
  terminal.press("?");
  assert.match(terminal.lines.join("\n"), /end the run in order/);
  terminal.press("?");
  assert.match(terminal.lines.join("\n"), /offered/);
  terminal.press("x");
  terminal.press("\u001b[q");
  terminal.press("q");
  terminal.press("q\u0003");
  assert.equal(quits(), 3);
});

test("holds the view still while the run goes on, and turns pages", () => {
  const { terminal, clock, dashboard } = start();
  const totals = new BenchTotals();
  dashboard.onPhase("measure");
  dashboard.onProgress(progressWith(totals));
  clock.advance(250);
  terminal.press(" ");
  totals.counters.sent = 77;
  dashboard.onProgress({ ...progressWith(totals), sentRate: 9999 });
  clock.advance(250);
  assert.match(terminal.lines.join("\n"), /sent +1,234\/s.*in all +0 sent.*HELD STILL/s);
  terminal.press("p");
  assert.match(terminal.lines.join("\n"), /sent +9,999\/s.*in all +77 sent/s);
  assert.equal(dashboard.wantsSubscriptions(), false);
  terminal.press("4");
  assert.equal(dashboard.wantsSubscriptions(), true);
  const counts = { clientIdentifier: "s", members: 1, received: 5, duplicates: 0, outOfOrder: 0, late: 0 };
  dashboard.onProgress({ ...progressWith(totals), subscriptions: [{ filter: "a/#", ...counts }] });
  clock.advance(250);
  assert.match(terminal.lines.join("\n"), /fan-in against.*a\/#.*1 to 1 of 1/s);
});

test("a sparkline ends with the newest value", () => {
  assert.equal(sparkline([0, 1, 2, 4, 8], 3), "▃▅█");
  assert.equal(sparkline([0, 0], 5), "▁▁");
});
