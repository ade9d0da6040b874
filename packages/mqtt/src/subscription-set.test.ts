import assert from "node:assert/strict";
import { test } from "node:test";
import { Subscription } from "@polylog/broker";
import fc from "fast-check";
import { SubscriptionSet } from "./subscription-set.ts";

const subscriber = { onPublication: () => undefined };

test("agrees with a map of subscriptions", () => {
  const step = fc.record({ adds: fc.boolean(), filter: fc.nat(20).map((n) => `filter/${n}`) });
  const property = fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
    const set = new SubscriptionSet();
    const model = new Map<string, Subscription>();
    for (const { adds, filter } of steps) {
      const subscription = new Subscription(subscriber, filter, { qos: 0 });
      if (adds) set.add(subscription);
      else assert.equal(set.delete(filter), model.has(filter));
      if (adds) model.set(filter, subscription);
      else model.delete(filter);
      assert.equal(set.size, model.size);
      assert.deepEqual([...set.values()], [...model.values()]);
    }
    for (let n = 0; n <= 20; n++) assert.equal(set.get(`filter/${n}`), model.get(`filter/${n}`));
  });
  fc.assert(property, { numRuns: 200 });
});

test("lets itself be emptied while it is walked", () => {
  for (const count of [1, 5, 50]) {
    const set = new SubscriptionSet();
    for (let n = 0; n < count; n++) set.add(new Subscription(subscriber, `filter/${n}`, { qos: 1 }));
    for (const { filter } of set.values()) assert.ok(set.delete(filter));
    assert.equal(set.size, 0);
  }
});
