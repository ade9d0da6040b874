import assert from "node:assert/strict";
import { test } from "node:test";
import { BenchTotals } from "./bench-measures.ts";
import { BenchPages, type PageState, pageNames } from "./bench-pages.ts";

const counts = { clientIdentifier: "x", members: 1, duplicates: 0, outOfOrder: 0, late: 0 };

function stateWith(some: Partial<PageState> = {}): PageState {
  return { totals: undefined, history: [], isPlain: true, subscriptions: undefined, ...some };
}

test("numbers and Tab turn pages", () => {
  const pages = new BenchPages();
  const seen = [pages.page];
  for (let i = 0; i < pageNames.length; i++) {
    pages.onKey("\t");
    seen.push(pages.page);
  }
  assert.deepEqual(seen, [...pageNames, pageNames[0]]);
  pages.onKey("\u001b[Z");
  assert.equal(pages.page, "errors");
  assert.equal(pages.onKey("3"), true);
  assert.match(pages.footer, /\[3 times\]/);
  assert.deepEqual([pages.onKey("x"), pages.onKey("6"), pages.onKey("q")], [false, false, false]);
});

test("draws the graph that was chosen, of the time that was chosen", () => {
  const pages = new BenchPages();
  const history = [1, 2, 4].map((rate) => ({
    sentRate: 10,
    receivedRate: rate,
    interval: undefined,
    broker: undefined,
  }));
  pages.onKey("2");
  const [head, , top, bottom] = pages.lines(stateWith({ history }), 25, 5);
  assert.equal(head, "received: 4/s now, at most 4/s");
  assert.deepEqual([top, bottom], ["      4/s ┤          ████", "        0 ┤  ▄▄▄▄████████"]);
  pages.onKey("c");
  assert.match(pages.lines(stateWith({ history }), 40, 5)[0]!, /^sent: 10\/s now/);
  pages.onKey("c");
  assert.equal(pages.lines(stateWith({ history }), 40, 5)[0], "p50 from when due: nothing yet");
  pages.onKey("C");
  pages.onKey("C");
  pages.onKey("+");
  pages.onKey("+");
  const long = Array.from({ length: 100 }, (_, place) => ({ ...history[0]!, receivedRate: place < 70 ? 100 : 1 }));
  assert.match(pages.lines(stateWith({ history: long }), 200, 5)[0]!, /at most 1\/s/);
});

test("lists every kind of time that was measured", () => {
  const pages = new BenchPages();
  const totals = new BenchTotals();
  totals.histograms.connack.record(3e6);
  pages.onKey("3");
  const [head, row, ...others] = pages.lines(stateWith({ totals }), 120, 20);
  assert.match(head!, /p50 +p90 +p99 +p99\.9 +max +mean +count$/);
  assert.match(row!, /^CONNECT to CONNACK +3\.00 ms .* 1$/);
  assert.equal(others.length, 0);
  pages.onKey("l");
  assert.match(pages.lines(stateWith({ totals }), 120, 20)[0]!, /p75 +p95 +p99\.99 +p99\.999 /);
});

test("sorts and moves through subscriptions", () => {
  const pages = new BenchPages();
  const subscriptions = ["b", "a", "c"].map((filter, place) => ({
    ...counts,
    filter,
    received: place,
    late: 2 - place,
  }));
  const filters = (rows = 10) =>
    pages
      .lines(stateWith({ subscriptions }), 120, rows)
      .slice(1, -1)
      .map((line) => line[0])
      .join("");
  pages.onKey("4");
  assert.match(pages.lines(stateWith(), 120, 10)[0]!, /next interval/);
  assert.equal(filters(), "cab");
  pages.onKey("r");
  assert.equal(filters(), "bac");
  for (let i = 0; i < 3; i++) pages.onKey("s");
  assert.equal(filters(), "cab", "late, the other way round");
  pages.onKey("s");
  pages.onKey("r");
  assert.equal(filters(), "abc");
  pages.onKey("\u001b[B");
  assert.equal(filters(4), "bc");
  pages.onKey("\u001b[6~");
  assert.equal(filters(4), "bc");
  pages.onKey("g");
  assert.equal(filters(4), "ab");
});
