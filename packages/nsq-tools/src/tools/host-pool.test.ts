import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { HostPool } from "./host-pool.ts";

const hosts = ["a", "b", "c"];

test("takes hosts in turn", () => {
  const pool = new HostPool(hosts, { clock: new ManualClock(), chance: () => 0, greedy: false });
  assert.deepEqual(
    [1, 2, 3, 4].map(() => pool.choose().address),
    ["a", "b", "c", "a"],
  );
});

test("leaves out one that failed, longer each time", () => {
  const clock = new ManualClock();
  const pool = new HostPool(["a", "b"], { clock, chance: () => 0, greedy: false });
  const fail = () => {
    const choice = pool.choose();
    choice.mark(choice.address !== "a");
    return choice.address;
  };
  assert.deepEqual([fail(), fail(), fail(), fail()], ["a", "b", "b", "b"]);
  clock.advance(30_001);
  assert.deepEqual([fail(), fail(), fail()], ["a", "b", "b"]);
  clock.advance(60_000);
  assert.equal(fail(), "b");
  clock.advance(1);
  assert.equal(fail(), "a");
});

test("tries all again when none works", () => {
  const pool = new HostPool(["a", "b"], { clock: new ManualClock(), chance: () => 0, greedy: false });
  pool.choose().mark(false);
  pool.choose().mark(false);
  assert.deepEqual(
    [1, 2, 3].map(() => pool.choose().address),
    ["a", "a", "b"],
  );
});

test("prefers the faster host", () => {
  const clock = new ManualClock();
  let chance = 0;
  const pool = new HostPool(["slow", "fast"], { clock, chance: () => chance, greedy: true });
  for (const ms of [90, 10]) {
    const choice = pool.choose();
    clock.advance(ms);
    choice.mark(true);
  }
  const counts = { slow: 0, fast: 0 };
  for (let i = 0; i < 100; i++) {
    // Above epsilon, spread evenly over what is left.
    chance = 0.3 + (0.7 * i) / 100;
    counts[pool.choose().address as "slow" | "fast"]++;
  }
  assert.ok(counts.fast > 80, JSON.stringify(counts));
});

test("forgets how fast a host was after five minutes", () => {
  const clock = new ManualClock();
  const chances = [0, 0.99, 0.99];
  const pool = new HostPool(["a", "b"], { clock, chance: () => chances.shift() ?? 0.99, greedy: true });
  const choice = pool.choose();
  clock.advance(5);
  choice.mark(true);
  assert.equal(pool.choose().address, "a");
  clock.advance(300_000);
  assert.equal(pool.choose().address, "b");
});
