/** The `mqtt-bench` command against the real server: every scenario. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { at, bench, startBroker } from "./mqtt-bench-process.ts";

const short = ["--warmup=300ms", "--duration=1s", "--rate=50", "--no-store"];

/** Scenario → flags, and how many times a message of it arrives. */
const scenarios = {
  "fan-in": { flags: ["--publishers=20", "--subscribers=4"], copies: 1, sent: 1000 },
  "fan-out": { flags: ["--publishers=2", "--subscribers=10", "--topics=2"], copies: 10, sent: 100 },
  "straight-run": { flags: ["--publishers=10"], copies: 1, sent: 500 },
  "round-robin": { flags: ["--publishers=10", "--subscribers=5"], copies: 1, sent: 500 },
} as const;

for (const qos of [0, 1, 2]) {
  test(`delivers every message of every scenario at QoS ${qos}`, { timeout: 120_000 }, async (t) => {
    const started = await startBroker(t);
    for (const [scenario, { flags, copies, sent }] of Object.entries(scenarios)) {
      const { delivery, counters, isPartial } = await bench(
        scenario,
        ...at(started),
        ...short,
        ...flags,
        `--qos=${qos}`,
      );
      const { expected, received, lost, duplicates, corrupt, unsent } = delivery;
      const wanted = {
        expected: sent * copies,
        received: sent * copies,
        lost: 0,
        duplicates: 0,
        corrupt: 0,
        unsent: 0,
      };
      assert.deepEqual({ expected, received, lost, duplicates, corrupt, unsent }, wanted, scenario);
      assert.equal(counters["sent"], sent);
      assert.equal(counters["acked"], qos === 0 ? 0 : sent);
      assert.equal(isPartial, false);
    }
  });
}

test("tells the first and the last receiver of each message", { timeout: 60_000 }, async (t) => {
  const started = await startBroker(t);
  const flags = ["--publishers=2", "--subscribers=10", "--topics=2", "--workers=2"];
  const { timings } = await bench("fan-out", ...at(started), ...short, ...flags);
  const [first, last, all] = ["firstReceiver", "lastReceiver", "endToEnd"].map((name) => timings[name]!);
  assert.deepEqual([first!["count"], last!["count"], all!["count"]], [100, 100, 1000]);
  assert.ok(first!["p50Ns"]! <= last!["p50Ns"]!);
  assert.deepEqual([last!["maxNs"], first!["minNs"]], [all!["maxNs"], all!["minNs"]]);
  const pairs = await bench("straight-run", ...at(started), ...short, "--publishers=2");
  assert.equal(pairs.timings["lastReceiver"]!["count"], 0);
});

test("a shared subscription's members are told apart", { timeout: 60_000 }, async (t) => {
  const started = await startBroker(t);
  const flags = ["--publishers=4", "--subscribers=4", "--qos=1"];
  const { subscriptions } = await bench("round-robin", ...at(started), ...short, ...flags);
  assert.equal(subscriptions.length, 1);
  const [{ members, received, fairness }] = subscriptions as [(typeof subscriptions)[number]];
  assert.deepEqual([members, received], [4, 200]);
  assert.ok(fairness!.min > 0 && fairness!.gini < 0.5, JSON.stringify(fairness));
});

test("holds connections, cuts them, and waits for responses", { timeout: 120_000 }, async (t) => {
  const started = await startBroker(t);
  const hold = await bench("connect", ...at(started), "--publishers=200", "--duration=500ms", "--no-store");
  assert.deepEqual([hold.counters["connected"], hold.counters["disconnected"], hold.counters["sent"]], [200, 0, 0]);
  assert.equal(hold.timings["connack"]!["count"], 200);
  const cut = ["--publishers=5", "--cut-every=400ms", "--stats-interval=100ms", "--qos=1", "--rate=20"];
  const storm = await bench("reconnect", ...at(started), "--warmup=0s", "--duration=1s", "--no-store", ...cut);
  assert.deepEqual([storm.counters["disconnected"], storm.counters["reconnected"]], [20, 20]);
  assert.equal(storm.timings["reconnect"]!["count"], 20);
  assert.equal(storm.delivery["expected"], 100);
  for (const qos of [0, 1, 2]) {
    const asked = await bench("request-response", ...at(started), ...short, "--publishers=4", `--qos=${qos}`);
    assert.deepEqual([asked.delivery["expected"], asked.delivery["received"]], [200, 200]);
    assert.equal(asked.subscriptions.length, 4);
  }
});

test("drains backlogs and retained messages, and leaves nothing behind", { timeout: 120_000 }, async (t) => {
  const started = await startBroker(t);
  const load = [...at(started), "--warmup=0s", "--duration=500ms", "--no-store"];
  for (const flags of [["--qos=1"], ["--qos=2", "--mqtt=5"]]) {
    const { drain, delivery } = await bench("backlog", ...load, "--publishers=4", "--rate=100", ...flags);
    assert.deepEqual([delivery["expected"], delivery["received"], drain?.messages], [200, 200, 200]);
    assert.ok(drain!.ns > 0);
  }
  const flood = await bench("retained", ...load, "--publishers=50", "--subscribers=3", "--rate=4");
  assert.deepEqual([flood.delivery["expected"], flood.delivery["received"]], [150, 150]);
  assert.equal(flood.timings["retained"]!["count"], 150);
  for (const question of ["sessions", "retained"]) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: `mqtt.${question}`, params: {} });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`http://127.0.0.1:${started.listeners.http.port}/rpc`, {
      method: "POST",
      headers,
      body,
    });
    const { result } = (await answer.json()) as { result: Record<string, unknown[]> };
    assert.deepEqual(result[question], [], question);
  }
});
