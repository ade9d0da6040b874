import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePage, encodePage } from "./channel-rows.ts";
import { type Answer, pageSize } from "./unfinished-page.ts";
import { UnfinishedWindow } from "./unfinished-window.ts";

const nobody = { onTimeout: () => undefined };

test("raises the floor over what is finished in any order", () => {
  const window = new UnfinishedWindow(0);
  for (let i = 0; i < 3; i++) window.deliverFresh(1, 0, 100);
  assert.equal(window.finish(1, 1), "done");
  assert.equal(window.floor, 0);
  assert.equal(window.finish(0, 1), "done");
  assert.equal(window.floor, 2);
  assert.equal(window.finish(2, 1), "done");
  assert.equal(window.floor, 3);
});

test("tells a stranger and a second answer apart", () => {
  const window = new UnfinishedWindow(0);
  window.deliverFresh(1, 0, 100);
  assert.equal(window.finish(0, 2), "notOwner");
  assert.equal(window.finish(0, 1), "done");
  assert.equal(window.finish(0, 1), "notInFlight");
  assert.equal(window.finish(99, 1), "notInFlight");
});

test("counts attempts over requeues and time-outs", () => {
  const window = new UnfinishedWindow(0);
  assert.equal(window.deliverFresh(1, 0, 100), 1);
  window.requeue(0, 1, undefined);
  assert.equal(window.nextReady(), 0);
  assert.equal(window.deliverAgain(2, 0, 100), 2);
  const timedOut: number[] = [];
  assert.equal(window.expire(99, { onTimeout: (owner) => timedOut.push(owner) }), 0);
  assert.equal(window.expire(100, { onTimeout: (owner) => timedOut.push(owner) }), 1);
  assert.deepEqual(timedOut, [2]);
  assert.equal(window.nextReady(), 0);
  assert.equal(window.deliverAgain(1, 100, 200), 3);
});

test("holds back what is deferred until it is due", () => {
  const window = new UnfinishedWindow(0);
  window.deferFresh(50);
  assert.equal(window.deferredCount, 1);
  assert.equal(window.dueMinMs, 50);
  window.expire(49, nobody);
  assert.equal(window.nextReady(), -1);
  window.expire(50, nobody);
  assert.equal(window.nextReady(), 0);
  assert.equal(window.deliverAgain(1, 50, 100), 1);
});

test("lets a touch extend a time-out up to the lifetime", () => {
  const window = new UnfinishedWindow(0);
  window.deliverFresh(1, 0, 100);
  assert.equal(window.touch(0, 1, 500, 300), "done");
  assert.equal(window.expire(299, nobody), 0);
  assert.equal(window.expire(300, nobody), 1);
});

test("releases what a consumer had in flight", () => {
  const window = new UnfinishedWindow(0);
  for (let i = 0; i < 6; i++) window.deliverFresh(1 + (i % 2), 0, 100);
  assert.equal(window.release(1), 3);
  assert.equal(window.inFlightCount, 3);
  assert.equal(window.nextReady(), 0);
});

test("keeps no page whose messages are all finished", () => {
  const window = new UnfinishedWindow(0);
  const count = pageSize * 5;
  for (let i = 0; i < count; i++) window.deliverFresh(1, 0, 100);
  for (let i = count - 1; i >= 0; i--) window.finish(i, 1);
  assert.equal(window.floor, count);
  assert.deepEqual([...window.takeDirtyPages()], []);
});

test("works beyond 32-bit offsets", () => {
  const start = 2 ** 45 + 123;
  const window = new UnfinishedWindow(start);
  window.deliverFresh(1, 0, 100);
  window.deliverFresh(1, 0, 100);
  assert.equal(window.finish(start, 1), "done");
  assert.equal(window.floor, start + 1);
  assert.equal(window.requeue(start + 1, 1, undefined), "done");
  assert.equal(window.nextReady(), start + 1);
});

// --- against a model -----------------------------------------------------------------------------------------------

interface Entry {
  state: "inFlight" | "deferred" | "ready";
  owner: number;
  dueMs: number;
  attempts: number;
}

/** The same rules over a Map of objects: slow and plain. */
class Model {
  readonly entries = new Map<number, Entry>();
  cursor = 0;
  nowMs = 0;
  readonly ready: number[] = [];

  fresh(owner: number, dueMs: number): void {
    this.entries.set(this.cursor++, { state: "inFlight", owner, dueMs, attempts: 1 });
  }

  makeReady(offset: number): void {
    this.entries.get(offset)!.state = "ready";
    this.ready.push(offset);
  }

  expire(): void {
    for (const [offset, entry] of [...this.entries].sort(([a], [b]) => a - b))
      if (entry.state !== "ready" && entry.dueMs <= this.nowMs) this.makeReady(offset);
  }

  get floor(): number {
    return Math.min(this.cursor, ...this.entries.keys());
  }
}

const owners = fc.integer({ min: 1, max: 3 });
const offsets = fc.integer({ min: 0, max: 700 });
const step = fc.oneof(
  fc.record({ kind: fc.constant("fresh" as const), owner: owners, count: fc.integer({ min: 1, max: 200 }) }),
  fc.record({ kind: fc.constant("again" as const), owner: owners }),
  fc.record({
    kind: fc.constant("finish" as const),
    owner: owners,
    offset: offsets,
    count: fc.integer({ min: 1, max: 300 }),
  }),
  fc.record({
    kind: fc.constant("requeue" as const),
    owner: owners,
    offset: offsets,
    delayMs: fc.integer({ min: 0, max: 50 }),
  }),
  fc.record({ kind: fc.constant("release" as const), owner: owners }),
  fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant("restart" as const) }),
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const timeoutMs = 100;

function apply(step: Step, window: UnfinishedWindow, model: Model): UnfinishedWindow {
  switch (step.kind) {
    case "fresh":
      for (let i = 0; i < step.count; i++) {
        window.deliverFresh(step.owner, model.nowMs, model.nowMs + timeoutMs);
        model.fresh(step.owner, model.nowMs + timeoutMs);
      }
      return window;
    case "again": {
      const offset = model.ready.shift();
      assert.equal(window.nextReady(), offset ?? -1);
      if (offset === undefined) return window;
      const entry = model.entries.get(offset)!;
      Object.assign(entry, { state: "inFlight", owner: step.owner, dueMs: model.nowMs + timeoutMs });
      assert.equal(window.deliverAgain(step.owner, model.nowMs, model.nowMs + timeoutMs), ++entry.attempts);
      return window;
    }
    case "finish":
      for (let offset = step.offset; offset < step.offset + step.count; offset++) {
        const entry = model.entries.get(offset);
        const expected = answerOf(entry, step.owner);
        assert.equal(window.finish(offset, step.owner), expected);
        if (expected === "done") model.entries.delete(offset);
      }
      return window;
    case "requeue": {
      const entry = model.entries.get(step.offset);
      const dueMs = step.delayMs === 0 ? undefined : model.nowMs + step.delayMs;
      const expected = answerOf(entry, step.owner);
      assert.equal(window.requeue(step.offset, step.owner, dueMs), expected);
      if (expected !== "done") return window;
      if (dueMs === undefined) model.makeReady(step.offset);
      else Object.assign(entry!, { state: "deferred", dueMs });
      return window;
    }
    case "release": {
      const mine = [...model.entries].filter(([, entry]) => entry.state === "inFlight" && entry.owner === step.owner);
      for (const [offset] of mine.sort(([a], [b]) => a - b)) model.makeReady(offset);
      window.release(step.owner);
      // Pages are visited in order of creation, so only the set is promised, not the order: line the model up.
      realign(window, model);
      return window;
    }
    case "advance":
      model.nowMs += step.ms;
      model.expire();
      window.expire(model.nowMs, nobody);
      realign(window, model);
      return window;
    case "restart":
      return restart(window, model);
  }
}

function answerOf(entry: Entry | undefined, owner: number): Answer {
  if (entry?.state !== "inFlight") return "notInFlight";
  return entry.owner === owner ? "done" : "notOwner";
}

/** Takes over the window's order of ready offsets, after checking that it is the same set. */
function realign(window: UnfinishedWindow, model: Model): void {
  const order: number[] = [];
  for (let count = window.readyCount; count > 0; count--) {
    const offset = window.nextReady();
    order.push(offset);
    window.deliverAgain(9, model.nowMs, model.nowMs + timeoutMs);
    window.requeue(offset, 9, undefined);
    model.entries.get(offset)!.attempts++;
  }
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    [...model.ready].sort((a, b) => a - b),
  );
  model.ready.splice(0, model.ready.length, ...order);
}

/** Saves the window as the store would and loads it into a new one: what was in flight is ready again. */
function restart(window: UnfinishedWindow, model: Model): UnfinishedWindow {
  const wallOffsetMs = 1_000_000;
  const pages = [...window.takeDirtyPages()].map((page) => ({
    key: `p/${page.index}`,
    row: encodePage(page, wallOffsetMs),
  }));
  for (const { key, row } of pages) saved.set(key, row);
  for (const index of window.takeRemovedPages()) saved.delete(`p/${index}`);
  const loaded = new UnfinishedWindow(window.floor, window.cursor);
  for (const [key, row] of saved) decodePage(key, row, loaded, wallOffsetMs);
  loaded.restored();
  for (const [offset, entry] of model.entries) if (entry.state === "inFlight") model.makeReady(offset);
  realign(loaded, model);
  return loaded;
}

let saved = new Map<string, Buffer>();

test("agrees with a plain model under random schedules and restarts", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      saved = new Map();
      const model = new Model();
      let window = new UnfinishedWindow(0);
      for (const each of steps) {
        window = apply(each, window, model);
        for (const page of window.takeRemovedPages()) saved.delete(`p/${page}`);
        const states = [...model.entries.values()].map((entry) => entry.state);
        assert.equal(window.floor, model.floor);
        assert.equal(window.cursor, model.cursor);
        assert.equal(window.inFlightCount, states.filter((state) => state === "inFlight").length);
        assert.equal(window.deferredCount, states.filter((state) => state === "deferred").length);
        assert.equal(window.readyCount, states.filter((state) => state === "ready").length);
      }
    }),
    { numRuns: 300 },
  );
});
