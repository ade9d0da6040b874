import assert from "node:assert/strict";
import { test } from "node:test";
import { changesKept } from "../limits.ts";
import { type Route, Router } from "./router.ts";

type TextRouter = Router<string, string>;

const [ann, bob, cid] = [{ name: "ann" }, { name: "bob" }, { name: "cid" }];

function lookup(router: TextRouter, topic: string): Route<string, string> | undefined {
  const bytes = Buffer.from(topic);
  return router.lookup(bytes, 0, bytes.length);
}

test("replaces a subscription of the same filter", () => {
  const router: TextRouter = new Router();
  for (const filter of ["a/b", "a/+"]) {
    assert.equal(router.subscribe(filter, ann, "first"), undefined);
    assert.equal(router.subscribe(filter, ann, "second"), "first");
    assert.deepEqual(router.resolveName("a/b").subscriptions, ["second"]);
    assert.equal(router.subscriptionCount, 1);
    assert.equal(router.unsubscribe(filter, ann), "second");
    assert.equal(router.unsubscribe(filter, ann), undefined);
  }
  assert.equal(router.subscriptionCount, 0);
});

test("keeps overlapping subscriptions of one subscriber together", () => {
  const router: TextRouter = new Router();
  for (const filter of ["a/b", "a/+", "#"]) {
    router.subscribe(filter, ann, `ann ${filter}`);
    router.subscribe(filter, bob, `bob ${filter}`);
  }
  router.subscribe("a/#", cid, "cid a/#");
  const names = router.resolveName("a/b").subscriptions.map((each) => each.slice(0, 3));
  assert.match(names.join(" "), /^(?=.*ann ann ann)(?=.*bob bob bob)(?=.*cid).{27}$/);
});

test("names a capture once however many filters match", () => {
  const router: TextRouter = new Router();
  for (const filter of ["a/b", "a/+", "a/+", "#"]) router.addCapture(filter, "orders");
  router.addCapture("a/#", "audit");
  assert.deepEqual([...router.resolveName("a/b").captures].sort(), ["audit", "orders"]);
  router.removeCapture("a/+", "orders");
  router.removeCapture("a/+", "unknown");
  router.removeCapture("unknown", "orders");
  assert.deepEqual([...router.resolveName("a/b").captures].sort(), ["audit", "orders"]);
  for (const filter of ["a/b", "#"]) router.removeCapture(filter, "orders");
  assert.deepEqual(router.resolveName("a/b").captures, ["audit"]);
  assert.equal(router.filterCount, 1);
});

test("answers a topic it knows from its cache", () => {
  const router: TextRouter = new Router();
  router.subscribe("a/+", ann, "ann");
  assert.equal(lookup(router, "a/b"), undefined);
  const route = router.resolveName("a/b");
  assert.equal(lookup(router, "a/b"), route);
  assert.equal(router.resolveName("a/b"), route);
  assert.equal(lookup(router, "a/c"), undefined);
});

test("keeps a route that a change does not concern", () => {
  const router: TextRouter = new Router();
  const route = router.resolveName("a/b");
  for (let i = 0; i < changesKept; i++) router.subscribe("other/#", { i }, "other");
  assert.notEqual(route.version, router.version);
  assert.equal(lookup(router, "a/b"), route);
  assert.equal(route.version, router.version);
});

test("resolves anew after a change that concerns the route", () => {
  const changes: Readonly<Record<string, (router: TextRouter) => unknown>> = {
    subscribe: (router) => router.subscribe("a/#", ann, "new"),
    replace: (router) => router.subscribe("+/b", ann, "new"),
    unsubscribe: (router) => router.unsubscribe("+/b", ann),
    addCapture: (router) => router.addCapture("a/b", "new"),
    removeCapture: (router) => router.removeCapture("a/+", "orders"),
  };
  for (const [name, change] of Object.entries(changes)) {
    for (const changesAround of [0, changesKept / 2, changesKept * 2]) {
      const router: TextRouter = new Router();
      router.subscribe("+/b", ann, "old");
      router.addCapture("a/+", "orders");
      const route = router.resolveName("a/b");
      const before = structuredClone(route);
      for (let i = 0; i < changesAround; i++) router.subscribe("other", { i }, "other");
      change(router);
      for (let i = 0; i < changesAround; i++) router.subscribe("other", { i }, "other");
      const changed = lookup(router, "a/b");
      assert.notDeepEqual([changed?.subscriptions, changed?.captures], [route.subscriptions, route.captures], name);
      assert.equal(changed?.version, router.version);
      assert.deepEqual(route, before, "a route in use does not change");
    }
  }
});

test("notices a change however many followed it", () => {
  for (let following = 0; following <= changesKept + 2; following++) {
    const router: TextRouter = new Router();
    router.resolveName("a/b");
    router.subscribe("a/#", ann, "ann");
    for (let i = 0; i < following; i++) router.subscribe("other", { i }, "other");
    assert.deepEqual(lookup(router, "a/b")?.subscriptions, ["ann"], `${following} followed`);
  }
});

test("raises the version only when something changed", () => {
  const router: TextRouter = new Router();
  router.unsubscribe("a", ann);
  router.removeCapture("a", "orders");
  router.resolveName("a");
  assert.equal(router.version, 0);
  for (const change of [
    () => router.subscribe("a", ann, "1"),
    () => router.subscribe("a", ann, "2"),
    () => router.addCapture("a", "orders"),
    () => router.removeCapture("a", "orders"),
    () => router.unsubscribe("a", ann),
  ]) {
    const before: number = router.version;
    change();
    assert.equal(router.version, before + 1);
  }
  router.addCapture("b", "orders");
  const again = router.version;
  router.addCapture("b", "orders");
  assert.equal(router.version, again);
});

test("does not change a route while it is walked", () => {
  const router: TextRouter = new Router();
  const subscribers = Array.from({ length: 40 }, (_, id) => ({ id }));
  for (const each of subscribers) router.subscribe("a", each, `subscription ${each.id}`);
  const { subscriptions } = router.resolveName("a");
  const walked: string[] = [];
  for (const each of subscriptions) {
    router.unsubscribe("a", subscribers[walked.length]!);
    walked.push(each);
  }
  assert.deepEqual(
    walked,
    subscribers.map(({ id }) => `subscription ${id}`),
  );
  assert.deepEqual(router.resolveName("a").subscriptions, []);
});

test("starts its cache afresh when it is full", () => {
  const router: TextRouter = new Router({ routesMax: 10 });
  for (let i = 0; i < 1000; i++) {
    router.resolveName(`random/${i}`);
    assert.ok(router.cachedRouteCount <= 10);
  }
});

test("bounds its cache by size", () => {
  const router: TextRouter = new Router({ routesSizeMax: 100_000 });
  for (let i = 0; i < 100; i++) router.subscribe("random/#", { i }, `${i}`);
  for (let i = 0; i < 1000; i++) {
    router.resolveName(`random/${"long/".repeat(100)}${i}`);
    assert.ok(router.cachedRouteCount <= 100_000 / (400 + 3 * 500 + 800));
  }
});

test("counts a route's size once however often it changes", () => {
  const router: TextRouter = new Router({ routesSizeMax: 2_000 });
  router.resolveName("a");
  router.resolveName("b");
  for (let i = 0; i < 100; i++) {
    router.subscribe("a", ann, `${i}`);
    assert.deepEqual(lookup(router, "a")?.subscriptions, [`${i}`]);
  }
  assert.equal(router.cachedRouteCount, 2);
});

test("lets go of routes after many changes", () => {
  const router: TextRouter = new Router({ routesMax: 100 });
  router.resolveName("a");
  for (let i = 0; i < 100; i++) router.subscribe(`filter/${i}`, ann, "");
  assert.equal(router.cachedRouteCount, 0);
});

test("resolves long topics without caching them", () => {
  const router: TextRouter = new Router();
  router.subscribe("long/#", ann, "ann");
  const topic = `long/${"x".repeat(1020)}`;
  assert.deepEqual(router.resolveName(topic).subscriptions, ["ann"]);
  assert.equal(lookup(router, topic), undefined);
  assert.equal(router.cachedRouteCount, 0);
});

test("resolves topics deeper than any filter", () => {
  const router: TextRouter = new Router({ topicLevelsMax: 4 });
  const filters = ["a/#", "#", "+/+/+/#", "a/a/a/a", "+/+/+/+", "a/+/a/a"];
  for (const filter of filters) router.subscribe(filter, ann, filter);
  assert.deepEqual([...router.resolveName("a/a/a/a").subscriptions].sort(), filters.toSorted());
  for (const topic of ["a/a/a/a/a", `a${"/a".repeat(32_000)}`]) {
    assert.deepEqual([...router.resolveName(topic).subscriptions].sort(), ["#", "+/+/+/#", "a/#"], "deep");
  }
});

test("refuses filters above the limits", () => {
  const router: TextRouter = new Router();
  const tooLarge = { code: "broker.FILTER_TOO_LARGE" };
  for (const filter of ["a/".repeat(128), "+/".repeat(40_000), "x".repeat(65_536), "\u00fc".repeat(32_768)]) {
    assert.throws(() => router.subscribe(filter, ann, "ann"), tooLarge);
    assert.throws(() => router.addCapture(filter, "orders"), tooLarge);
  }
  router.subscribe(`${"+/".repeat(127)}#`, ann, "deepest");
  router.subscribe("x".repeat(65_535), ann, "longest");
  assert.deepEqual([router.filterCount, router.nodeCount, router.version], [2, 127, 2]);
});

test("reads a topic inside other bytes and copies it", () => {
  const router: TextRouter = new Router();
  router.subscribe("\ufeffcaf\u00e9/+", ann, "ann");
  const bytes = Buffer.from("junk\ufeffcaf\u00e9/1junk");
  const route = router.resolve(bytes, 4, bytes.length - 4);
  bytes.fill(0);
  assert.equal(route.topic, "\ufeffcaf\u00e9/1");
  assert.equal(Buffer.from(route.topicBytes).toString(), route.topic);
  assert.deepEqual(route.subscriptions, ["ann"]);
  assert.equal(lookup(router, route.topic), route);
});

test("has one text for all who subscribe to a filter", () => {
  const router: TextRouter = new Router();
  for (const filter of ["a/b", "a/+"]) {
    assert.equal(router.sharedText(filter), filter);
    router.subscribe(filter, ann, "ann");
    assert.equal(router.sharedText(Buffer.from(filter).toString()), filter);
  }
});

test("prunes what no filter needs any more", () => {
  const router: TextRouter = new Router();
  const filters = ["a/+/c", "a/+", "a/#", "+/b/#", "#", "+", "a/b/c/d/#", "exact/one", "/+/", "+/+/+/+"];
  for (const filter of filters) router.subscribe(filter, ann, filter);
  assert.equal(router.filterCount, filters.length);
  assert.ok(router.nodeCount > 0);
  router.unsubscribe("a/+", ann);
  assert.deepEqual([...router.resolveName("a/x/c").subscriptions].sort(), ["#", "a/#", "a/+/c"]);
  for (const filter of filters) router.unsubscribe(filter, ann);
  assert.deepEqual([router.filterCount, router.nodeCount, router.subscriptionCount], [0, 0, 0]);
});
