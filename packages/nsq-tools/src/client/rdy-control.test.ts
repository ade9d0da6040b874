import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@polylog/base/clock";
import { silentLogger } from "@polylog/base/telemetry";
import { defaultClientOptions } from "./client-options.ts";
import { type RdyConnection, RdyControl } from "./rdy-control.ts";

function control(maxInFlight: number, chance = () => 0, maxBackoffDurationMs = 120_000) {
  const clock = new ManualClock();
  const options = { ...defaultClientOptions(), maxInFlight, maxBackoffDurationMs };
  return { clock, rdy: new RdyControl({ clock, chance, options, logger: silentLogger }) };
}

function connection(clock: ManualClock, maxRdyCount = 2500) {
  const sent: number[] = [];
  const made = {
    ...{ address: "nsqd", maxRdyCount, closing: false, lastMessageMs: clock.monotonicMs(), rdyCount: 0, lastRdyMs: 0 },
    sendRdy: (count: number) => sent.push(count),
  };
  return Object.assign(made as RdyConnection & { closing: boolean; lastMessageMs: number }, { sent });
}

test("gives a lone connection everything", () => {
  const { clock, rdy } = control(200);
  const only = connection(clock);
  rdy.add(only);
  assert.deepEqual(only.sent, [200]);
});

test("shares max_in_flight when connections come and go", () => {
  const { clock, rdy } = control(9);
  const [a, b, c] = [connection(clock), connection(clock), connection(clock)];
  rdy.add(a);
  rdy.add(b);
  rdy.add(c);
  assert.deepEqual([a.sent, b.sent, c.sent], [[9, 4, 3], [4, 3], [3]]);
  rdy.remove(c);
  assert.deepEqual([a.rdyCount, b.rdyCount], [4, 4]);
});

test("never asks for more than nsqd allows", () => {
  const { clock, rdy } = control(5000);
  const only = connection(clock, 100);
  rdy.add(only);
  assert.deepEqual(only.sent, [100]);
});

test("never has more ready than max_in_flight", () => {
  const { clock, rdy } = control(2);
  const all = [connection(clock), connection(clock), connection(clock)];
  for (const each of all) rdy.add(each);
  assert.deepEqual(
    all.map((each) => each.rdyCount),
    [1, 1, 0],
  );
});

test("moves the ready count away from silent connections", () => {
  const { clock, rdy } = control(1, () => 0.99);
  const [silent, waiting] = [connection(clock), connection(clock)];
  rdy.add(silent);
  rdy.add(waiting);
  assert.deepEqual([silent.rdyCount, waiting.rdyCount], [1, 0]);
  clock.advance(10_000);
  assert.deepEqual([silent.rdyCount, waiting.rdyCount], [1, 0]);
  clock.advance(5000);
  assert.deepEqual([silent.rdyCount, waiting.rdyCount], [0, 1]);
});

test("pauses all after a failure, then lets one through", () => {
  const { clock, rdy } = control(10);
  const [a, b] = [connection(clock), connection(clock)];
  rdy.add(a);
  rdy.add(b);
  rdy.report("failure");
  rdy.report("failure");
  assert.deepEqual([a.rdyCount, b.rdyCount], [0, 0]);
  clock.advance(1999);
  assert.deepEqual([a.rdyCount, b.rdyCount], [0, 0]);
  clock.advance(1);
  assert.deepEqual([a.rdyCount, b.rdyCount], [1, 0]);
  rdy.report("success");
  assert.deepEqual([a.rdyCount, b.rdyCount], [5, 5]);
  assert.equal(rdy.isBackingOff, false);
});

test("doubles the pause with each failure", () => {
  const { clock, rdy } = control(1);
  const only = connection(clock);
  rdy.add(only);
  for (const pauseMs of [2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000]) {
    rdy.report("failure");
    clock.advance(pauseMs - 1);
    assert.equal(only.rdyCount, 0, `${pauseMs}`);
    clock.advance(1);
    assert.equal(only.rdyCount, 1, `${pauseMs}`);
  }
});

test("goes on at the same level for neutral outcomes", () => {
  const { clock, rdy } = control(4);
  const only = connection(clock);
  rdy.add(only);
  rdy.report("neutral");
  assert.equal(only.rdyCount, 4);
  rdy.report("failure");
  clock.advance(2000);
  rdy.report("neutral");
  assert.equal(only.rdyCount, 0);
  clock.advance(2000);
  assert.equal(only.rdyCount, 1);
});

test("does not slow down without a backoff duration", () => {
  const { clock, rdy } = control(4, () => 0, 0);
  const only = connection(clock);
  rdy.add(only);
  rdy.report("failure");
  assert.equal(only.rdyCount, 4);
});

test("waits for a connection to resume on", () => {
  const { clock, rdy } = control(4);
  const lost = connection(clock);
  rdy.add(lost);
  rdy.report("failure");
  rdy.remove(lost);
  clock.advance(2000);
  const next = connection(clock);
  rdy.add(next);
  assert.equal(next.rdyCount, 0);
  clock.advance(1000);
  assert.equal(next.rdyCount, 1);
});
