import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FilterEntry, mergeCaptures, mergeSubscriptions } from "./filter-entry.ts";

const subscribers = Array.from({ length: 60 }, (_, id) => ({ id }));

test("agrees with a map of subscribers", () => {
  const step = fc.record({ put: fc.boolean(), who: fc.nat(59), lend: fc.boolean() });
  const property = fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const entry = new FilterEntry<string, string>();
    entry.captures = ["keeps the entry alive while it has no subscriber"];
    const model = new Map<object, string>();
    let lent: readonly string[] = [];
    let expectedLent: readonly string[] = [];
    steps.forEach(({ put, who, lend }, i) => {
      const subscriber = subscribers[who]!;
      const previous = model.get(subscriber);
      if (put) assert.equal(entry.put(subscriber, `${i}`), previous);
      else assert.equal(entry.remove(subscriber), previous);
      if (put) model.set(subscriber, `${i}`);
      else model.delete(subscriber);
      assert.deepEqual(lent, expectedLent);
      if (lend) {
        lent = entry.lend();
        expectedLent = [...lent];
        assert.deepEqual([...lent].sort(), [...model.values()].sort());
      }
    });
    assert.equal(entry.size, model.size);
    for (const subscriber of subscribers) assert.equal(entry.has(subscriber), model.has(subscriber));
  });
  fc.assert(property, { numRuns: 200 });
});

test("finds subscribers after everybody had left", () => {
  const entry = new FilterEntry<string, string>();
  for (const subscriber of subscribers) entry.put(subscriber, "first");
  for (const subscriber of subscribers) assert.equal(entry.remove(subscriber), "first");
  for (const subscriber of subscribers) assert.equal(entry.put(subscriber, "second"), undefined);
  for (const subscriber of subscribers) assert.equal(entry.remove(subscriber), "second");
});

test("is empty without subscribers and captures", () => {
  const entry = new FilterEntry<string, string>();
  assert.ok(entry.isEmpty);
  entry.put(subscribers[0]!, "");
  assert.ok(!entry.isEmpty);
  entry.remove(subscribers[0]!);
  entry.captures = ["orders"];
  assert.ok(!entry.isEmpty);
});

test("merges any number of filters by subscriber", () => {
  const property = fc.property(fc.array(fc.uniqueArray(fc.nat(30)), { maxLength: 12 }), (members) => {
    const entries = members.map((ids, at) => {
      const entry = new FilterEntry<string, string>();
      for (const id of ids) entry.put(subscribers[id]!, `${id} ${at}`);
      if (ids.length > 3) entry.captures = [`${ids.length}`, "common"];
      return entry;
    });
    const merged = mergeSubscriptions(entries, (overlapping) => overlapping);
    assert.deepEqual([...merged].sort(), members.flatMap((ids, at) => ids.map((id) => `${id} ${at}`)).sort());
    const order = merged.map((each) => each.split(" ")[0]!);
    const groups = order.filter((id, at) => id !== order[at - 1]);
    assert.equal(groups.length, new Set(groups).size);
    const captures = mergeCaptures(entries);
    assert.deepEqual(new Set(captures), new Set(entries.flatMap((entry) => entry.captures)));
    assert.equal(captures.length, new Set(captures).size);
  });
  fc.assert(property, { numRuns: 300 });
});
