import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunResult } from "./measure/result.ts";
import { commonProfileOf, toolProfileOf, toolProfiles } from "./tools.ts";

const resultOf = (tool: string) => ({ tool }) as RunResult;

test("knows whose result is whose", () => {
  assert.deepEqual(
    ["mqtt-bench", "crate-write", ""].map((tool) => toolProfileOf({ tool }).tool),
    ["mqtt-bench", "crate-write", "mqtt-bench"],
  );
});

test("lays only runs of one tool side by side", () => {
  assert.equal(commonProfileOf([resultOf("crate-write"), resultOf("crate-write")]).tool, "crate-write");
  assert.throws(() => commonProfileOf([resultOf("mqtt-bench"), resultOf("crate-write")]), {
    code: "loadgen.RUNS_DIFFER",
    message: /mqtt-bench.*crate-write/,
  });
});

for (const { tool, metrics, compared, exact, tiles, filters, listed } of toolProfiles) {
  test(`${tool} names its figures once, and only those that it has`, () => {
    const names = metrics.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    assert.deepEqual(names.length, new Set(names).size);
    for (const name of [...compared, ...tiles]) assert.ok(names.includes(name), name);
    for (const name of exact) assert.ok(compared.includes(name), name);
  });

  test(`${tool} filters by columns that it lists`, () => {
    const row = {
      tool,
      runId: "",
      scenarioId: "",
      startedAt: "",
      target: "",
      scenario: "",
      notes: "",
      isPartial: false,
    };
    const numbers = { qos: 0, publishers: 0, subscribers: 0, rate: 0, payloadSize: 0 };
    const unknown = { receivedRate: undefined, deliveryRate: undefined, p99Ns: undefined };
    const columns = Object.keys(listed({ ...row, ...numbers, ...unknown }));
    for (const name of filters) assert.ok(columns.includes(name), name);
  });
}
