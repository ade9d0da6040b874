/** The router against a list of subscriptions that is searched with the plainest matcher there is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Router } from "./router.ts";
import { filterMatchesTopic } from "./topic-rules.ts";

/** Level by level, as the specification tells it. */
function matchesPlainly(filter: readonly string[], topic: readonly string[]): boolean {
  if (filter[0] === "#") return true;
  if (filter.length === 0 || topic.length === 0) return filter.length === topic.length;
  if (filter[0] !== "+" && filter[0] !== topic[0]) return false;
  return matchesPlainly(filter.slice(1), topic.slice(1));
}

function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  return matchesPlainly(filter.split("/"), topic.split("/"));
}

const level = fc.constantFrom("", "a", "b", "$x", "\u00fc");
const topicLevels = fc.array(level, { minLength: 1, maxLength: 4 });
const topic = topicLevels.map((levels) => levels.join("/")).filter((name) => name !== "");
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => (open ? [...levels, "#"] : levels).join("/"))
  .filter((name) => name !== "");

interface Subscription {
  readonly filter: string;
  readonly subscriber: object;
}

const kind = fc.constantFrom("subscribe", "subscribe", "unsubscribe", "capture", "release", "resolve", "resolve");
const step = fc.record({ kind, filter, topic, who: fc.nat(5) });

const subscribers = Array.from({ length: 6 }, (_, id) => ({ id }));
const captures = ["orders", "audit"];

class Model {
  readonly subscriptions = new Map<string, Subscription>();
  readonly captures = new Map<string, { readonly filter: string; readonly capture: string }>();

  filters(): Set<string> {
    return new Set([...this.subscriptions.values(), ...this.captures.values()].map((each) => each.filter));
  }

  check(router: Router<Subscription, string>, name: string): void {
    const bytes = Buffer.from(name);
    const route = router.resolve(bytes, 0, bytes.length);
    assert.equal(route.topic, name);
    assert.deepEqual(Buffer.from(route.topicBytes), bytes);
    assert.equal(route.version, router.version);
    const expected = [...this.subscriptions.values()].filter((each) => matches(each.filter, name));
    assert.deepEqual(new Set(route.subscriptions), new Set(expected));
    assert.equal(route.subscriptions.length, expected.length);
    const order = route.subscriptions.map((each) => each.subscriber);
    order.forEach((each, at) => {
      assert.ok(at === 0 || order[at - 1] === each || !order.slice(0, at).includes(each), "a group is torn apart");
    });
    const expectedCaptures = [...this.captures.values()].filter((each) => matches(each.filter, name));
    assert.deepEqual([...route.captures].sort(), [...new Set(expectedCaptures.map((each) => each.capture))].sort());
  }
}

function apply(router: Router<Subscription, string>, model: Model, { kind, filter, topic, who }: Step): void {
  const subscriber = subscribers[who]!;
  const key = `${who} ${filter}`;
  const capture = captures[who % 2]!;
  const captureKey = `${capture} ${filter}`;
  if (kind === "subscribe") {
    const subscription = { filter, subscriber };
    assert.equal(router.subscribe(filter, subscriber, subscription), model.subscriptions.get(key));
    model.subscriptions.set(key, subscription);
  } else if (kind === "unsubscribe") {
    assert.equal(router.unsubscribe(filter, subscriber), model.subscriptions.get(key));
    model.subscriptions.delete(key);
  } else if (kind === "capture") {
    router.addCapture(filter, capture);
    model.captures.set(captureKey, { filter, capture });
  } else if (kind === "release") {
    router.removeCapture(filter, capture);
    model.captures.delete(captureKey);
  } else model.check(router, topic);
}

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

test("matching without splitting agrees with the plain matcher", () => {
  fc.assert(
    fc.property(filter, topic, (aFilter, aTopic) => {
      assert.equal(filterMatchesTopic(aFilter, aTopic), matches(aFilter, aTopic));
    }),
    { numRuns: 3000 },
  );
});

for (const [title, limits] of [
  ["a cache for all", { routesMax: 1000 }],
  ["a cache of three routes", { routesMax: 3 }],
  ["a cache of few bytes", { routesSizeMax: 1000 }],
] as const) {
  test(`routes as a plain list would, with ${title}`, () => {
    const property = fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      const router = new Router<Subscription, string>(limits);
      const model = new Model();
      for (const each of steps) apply(router, model, each);
      for (const { topic: name } of steps) model.check(router, name);
      assert.equal(router.subscriptionCount, model.subscriptions.size);
      assert.equal(router.filterCount, model.filters().size);
      for (const each of model.subscriptions.values()) router.unsubscribe(each.filter, each.subscriber);
      for (const each of model.captures.values()) router.removeCapture(each.filter, each.capture);
      assert.deepEqual([router.subscriptionCount, router.filterCount, router.nodeCount], [0, 0, 0]);
    });
    fc.assert(property, { numRuns: 300 });
  });
}
