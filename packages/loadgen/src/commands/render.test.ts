import assert from "node:assert/strict";
import { test } from "node:test";
import { count, duration } from "../measure/figure-text.ts";
import { parseStages } from "../measure/stages.ts";
import { renderCsv } from "./render-csv.ts";
import { renderTable } from "./render-table.ts";

test("quotes what a cell of CSV must quote", () => {
  assert.equal(renderCsv(["a", "b"], [['x,"y"\n', null]]), 'a,b\r\n"x,""y""\n",\r\n');
});

test("puts numbers to the right and escapes control characters", () => {
  const rows = [
    { name: "a\u001b[2J", n: 5 },
    { name: "b", n: 1200 },
  ];
  assert.equal(renderTable(rows), "name           n\na\\u001b[2J     5\nb           1200\n");
  assert.equal(renderTable([]), "none\n");
});

test("shows times and counts in a few digits", () => {
  assert.deepEqual([500, 123_456, 1_234_567, 123_456_789, 2.5e9].map(duration), [
    "1 µs",
    "123 µs",
    "1.23 ms",
    "123 ms",
    "2.50 s",
  ]);
  assert.deepEqual([0, 0.5, 7, 1234567.8].map(count), ["0", "0.50", "7", "1,234,568"]);
});

test("reads stages", () => {
  assert.deepEqual(parseStages("30s:100, 1.5m:0").stages, [
    { durationNs: 30e9, rateEnd: 100 },
    { durationNs: 90e9, rateEnd: 0 },
  ]);
  assert.match(parseStages("30:100").problem ?? "", /DURATION:RATE/);
});
