import assert from "node:assert/strict";
import { test } from "node:test";
import { Gauge, MetricRegistry, renderPrometheus } from "./index.ts";

test("renders counters, gauges and histograms", () => {
  const metrics = new MetricRegistry();
  metrics.counter("a_total", "Counts\nthings.", { kind: 'x"y' }).value = 3;
  metrics.gauge("b", "Reads.", () => 1.5);
  const histogram = metrics.histogram("c_seconds", "Times.", [0.1, 1]);
  for (const seconds of [0.05, 0.5, 5]) histogram.record(seconds);
  assert.equal(
    renderPrometheus(metrics),
    [
      "# HELP a_total Counts\\nthings.",
      "# TYPE a_total counter",
      'a_total{kind="x\\"y"} 3',
      "# HELP b Reads.",
      "# TYPE b gauge",
      "b 1.5",
      "# HELP c_seconds Times.",
      "# TYPE c_seconds histogram",
      'c_seconds_bucket{le="0.1"} 1',
      'c_seconds_bucket{le="1"} 2',
      'c_seconds_bucket{le="+Inf"} 3',
      "c_seconds_sum 5.55",
      "c_seconds_count 3",
      "",
    ].join("\n"),
  );
});

test("lists collected series anew at each scrape", () => {
  const metrics = new MetricRegistry();
  let depth = 1;
  metrics.collector("depth", "Waiting.", "gauge", () => [new Gauge(() => depth, { log: "orders" })]);
  assert.match(renderPrometheus(metrics), /depth\{log="orders"\} 1/);
  depth = 2;
  assert.match(renderPrometheus(metrics), /depth\{log="orders"\} 2/);
});
