/** A benchmark is worth what it finds out: a broker that does wrong on purpose is found out, each fault with its count. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BrokenBroker, type Faults } from "./broken-broker.ts";
import { type BenchResult, bench } from "./mqtt-bench-process.ts";

const load = ["--publishers=5", "--rate=400", "--warmup=0s", "--duration=2s", "--no-store"];

async function run(
  t: TestContext,
  faults: Faults,
  ...argv: string[]
): Promise<{ result: BenchResult; broker: BrokenBroker }> {
  const broker = await BrokenBroker.start(faults);
  t.after(() => broker.stop());
  const result = await bench("straight-run", "--host=127.0.0.1", `--port=${broker.port}`, ...load, ...argv);
  return { result, broker };
}

const fine = { lost: 0, duplicates: 0, outOfOrder: 0, corrupt: 0 };

function faultsOf({ delivery }: BenchResult): object {
  const { lost, duplicates, outOfOrder, corrupt } = delivery;
  return { lost, duplicates, outOfOrder, corrupt };
}

test("a broker without a fault has none", { timeout: 60_000 }, async (t) => {
  const { result, broker } = await run(t, {});
  assert.deepEqual(faultsOf(result), fine);
  assert.equal(result.delivery["received"], 4000);
  assert.equal(broker.done.received, 4000);
});

test("every lost message is counted", { timeout: 60_000 }, async (t) => {
  const { result, broker } = await run(t, { dropEvery: 1000 });
  assert.equal(broker.done.dropped, 4);
  assert.deepEqual(faultsOf(result), { ...fine, lost: 4 });
});

test("every doubled message is counted", { timeout: 60_000 }, async (t) => {
  const { result, broker } = await run(t, { doubleEvery: 333 });
  assert.equal(broker.done.doubled, 12);
  assert.deepEqual(faultsOf(result), { ...fine, duplicates: 12 });
});

test("every overtaken message is counted", { timeout: 60_000 }, async (t) => {
  const { result, broker } = await run(t, { swapEvery: 500 });
  assert.ok(broker.done.swapped >= 7, `${broker.done.swapped}`);
  // One that is the last of its publisher is held for ever.
  const lost = 8 - broker.done.swapped;
  assert.deepEqual(faultsOf(result), { ...fine, outOfOrder: broker.done.swapped, lost });
});

test("every changed message is corrupt, and what it was is lost", { timeout: 60_000 }, async (t) => {
  const { result, broker } = await run(t, { corruptEvery: 800 });
  assert.equal(broker.done.corrupted, 5);
  assert.deepEqual(faultsOf(result), { ...fine, corrupt: 5, lost: 5 });
});

test("faults of every kind at once are told apart", { timeout: 60_000 }, async (t) => {
  const faults = { dropEvery: 701, doubleEvery: 503, corruptEvery: 907 };
  const { result, broker } = await run(t, faults, "--qos=1");
  const { dropped, doubled, corrupted } = broker.done;
  assert.deepEqual([dropped, doubled, corrupted], [5, 7, 4]);
  assert.deepEqual(faultsOf(result), { ...fine, lost: 9, duplicates: 7, corrupt: 4 });
  assert.equal(result.counters["acked"], 4000);
});

test("a stall shows in the times from when messages were due", { timeout: 60_000 }, async (t) => {
  const broker = await BrokenBroker.start({});
  t.after(() => broker.stop());
  const running = bench(
    "straight-run",
    "--host=127.0.0.1",
    `--port=${broker.port}`,
    "--publishers=5",
    "--rate=100",
    "--qos=1",
    "--inflight=1",
    "--warmup=0s",
    "--duration=4s",
    "--no-store",
  );
  while (broker.done.received < 500) await new Promise((resolve) => setTimeout(resolve, 5));
  broker.stall(2000);
  const result = await running;
  const { endToEnd, endToEndActual } = result.timings;
  assert.deepEqual(faultsOf(result), fine);
  assert.equal(result.delivery["received"], 2000);
  // One message of each publisher was under way; all others waited for it, and a closed loop would not know.
  assert.ok(endToEnd!["p75Ns"]! > 0.8e9, `from when due: ${endToEnd!["p75Ns"]}`);
  assert.ok(endToEnd!["maxNs"]! > 1.9e9);
  assert.ok(endToEndActual!["p75Ns"]! < 0.5e9, `from when sent: ${endToEndActual!["p75Ns"]}`);
  assert.ok(result.delivery["late"]! > 300, `${result.delivery["late"]} late`);
});
