import assert from "node:assert/strict";
import { test } from "node:test";
import { spareTurn, systemClock } from "./index.ts";
import { SpareTurns } from "./spare-turns.ts";

/** Slices that were asked for, by name, and the names of those that were run. */
function setUp(...names: string[]) {
  const turns = new SpareTurns();
  const ran: string[] = [];
  for (const name of names) turns.push(() => ran.push(name));
  let nowMs = 1000;
  /** A turn in which everything else took `elsewhereMs`, and the slice, if there was one, `sliceMs`. */
  const turn = (elsewhereMs: number, sliceMs = 0.2): void => {
    nowMs += elsewhereMs;
    const slice = turns.next(nowMs);
    if (slice === undefined) return;
    slice();
    turns.end(nowMs, nowMs + sliceMs);
    nowMs += sliceMs;
  };
  return { turns, ran, turn };
}

test("runs one slice in each idle turn", () => {
  const { ran, turn } = setUp("a", "b", "c");
  turn(0.005);
  turn(0.005);
  assert.deepEqual(ran, ["a", "b"]);
});

test("lets a busy loop rest nine times as long", () => {
  const { turns, ran, turn } = setUp("first", "second");
  turn(0.005);
  turn(0.005);
  for (const name of ["a", "b"]) turns.push(() => ran.push(name));
  turn(5);
  for (let i = 0; i < 5; i++) turn(0.3);
  assert.deepEqual(ran, ["first", "second", "a"]);
  turn(0.31);
  assert.deepEqual(ran, ["first", "second", "a", "b"]);
});

test("forgets the rest when a turn was idle", () => {
  const { turns, ran, turn } = setUp("first", "second");
  turn(0.005);
  turn(0.005, 10);
  turns.push(() => ran.push("a"));
  turn(1);
  assert.deepEqual(ran, ["first", "second"]);
  turn(0.005);
  assert.deepEqual(ran, ["first", "second", "a"]);
});

test("knows an idle turn of a slow machine", () => {
  const { ran, turn } = setUp("a", "b", "c");
  turn(0.1);
  turn(0.11);
  turn(0.24);
  assert.deepEqual(ran, ["a", "b", "c"]);
});

test("gives those who wait their turns in order", () => {
  const { turns, ran, turn } = setUp("a", "b");
  turn(0);
  turns.push(() => ran.push("a again"));
  turn(0);
  turn(0);
  assert.deepEqual(ran, ["a", "b", "a again"]);
});

test("gives the half of a busy loop beside the tenth", () => {
  const { turns, ran, turn } = setUp("tenth", "tenth");
  for (let i = 0; i < 9; i++) turns.push(() => ran.push("half"), "half");
  for (let i = 0; i < 10; i++) turn(0.25);
  assert.equal(ran.filter((name) => name === "tenth").length, 2);
  assert.equal(ran.filter((name) => name === "half").length, 8);
});

test("runs nothing when nobody waits", () => {
  assert.equal(new SpareTurns().next(1), undefined);
});

test("comes back from a spare turn in a later one", async () => {
  const order: string[] = [];
  const waited = spareTurn(systemClock).then(() => order.push("spare"));
  systemClock.atTurnEnd(() => order.push("turn's end"));
  await waited;
  assert.deepEqual(order, ["turn's end", "spare"]);
});

test("ends a slice with what it leaves for the turn's end", async () => {
  const order: string[] = [];
  await spareTurn(systemClock);
  systemClock.atTurnEnd(() => order.push("of the slice"));
  const later = new Promise<void>((resolve) => setImmediate(resolve));
  await later;
  assert.deepEqual(order, ["of the slice"]);
});
