import assert from "node:assert/strict";
import { test } from "node:test";
import { topicMatches } from "@polylog/mqtt-wire";
import fc from "fast-check";
import { rewrittenTopicsMax } from "./limits.ts";
import { MemoryClient5 } from "./testing/memory-client5.ts";
import { MemoryServer } from "./testing/memory-server.ts";
import { findRewriteProblem, type RewriteRule, TopicRewrites } from "./topic-rewrites.ts";

const all = (source: string, destination: string): RewriteRule => ({ action: "all", source, destination });

function topicOf(rewrites: TopicRewrites, name: string): string {
  const bytes = Buffer.from(`..${name}`);
  const read = () => rewrites.topicOf(bytes, 2, bytes.length)?.toString() ?? name;
  assert.equal(read(), read());
  return read();
}

const names: readonly (readonly [source: string, destination: string, name: string, result: string])[] = [
  ["y/+/z/#", "y/z/{1}/{2}", "y/a/z/b/c", "y/z/a/b/c"],
  ["y/+/z/#", "y/z/{1}/{2}", "y/a/z", "y/z/a"],
  ["y/+/z/#", "{2}", "y/a/z", "y/a/z"],
  ["y/+/z/#", "y/z/{1}/{2}", "y/a/x/b", "y/a/x/b"],
  ["+/+", "{2}/{1}", "a/b", "b/a"],
  ["+/+", "{2}/{1}", "a/", "/a"],
  ["+/+", "{2}", "a/b/c", "a/b/c"],
  ["a", "b/c", "a", "b/c"],
  ["#", "all/{1}", "é/ü", "all/é/ü"],
  ["#", "all/{1}", "$SYS/x", "$SYS/x"],
];

for (const [source, destination, name, result] of names)
  test(`${source} to ${destination} makes ${result} of ${name}`, () => {
    const rewrites = new TopicRewrites([all(source, destination)]);
    assert.equal(topicOf(rewrites, name), result);
    assert.equal(rewrites.nameOf(name), result);
  });

const filters: readonly (readonly [source: string, destination: string, filter: string, result: string])[] = [
  ["y/+/z/#", "y/z/{1}/{2}", "y/+/z/#", "y/z/+/#"],
  ["y/+/z/#", "y/z/{1}/{2}", "y/a/z/+/b", "y/z/a/+/b"],
  ["y/+/z/#", "y/z/{1}/{2}", "y/#", "y/#"],
  ["y/+/z/#", "y/z/{1}/{2}", "+/a/z/b", "+/a/z/b"],
  ["+/+", "{2}/{1}", "a/#", "a/#"],
  ["#", "all/{1}", "#", "all/#"],
  ["#", "all/{1}", "$share/g/a/+", "$share/g/all/a/+"],
];

for (const [source, destination, filter, result] of filters)
  test(`${source} to ${destination} makes ${result} of filter ${filter}`, () => {
    assert.equal(new TopicRewrites([all(source, destination)]).filterOf(filter), result);
  });

test("applies the first rule that matches, once", () => {
  const rewrites = new TopicRewrites([all("a/+", "b/{1}"), all("b/+", "c/{1}"), all("a/x", "never")]);
  assert.deepEqual([topicOf(rewrites, "a/x"), topicOf(rewrites, "b/x")], ["b/x", "c/x"]);
});

test("tells publishing from subscribing", () => {
  const rewrites = new TopicRewrites([
    { ...all("a", "p"), action: "publish" },
    { ...all("a", "s"), action: "subscribe" },
  ]);
  assert.deepEqual([topicOf(rewrites, "a"), rewrites.filterOf("a")], ["p", "s"]);
});

test("a filter gets what its topics become", () => {
  const level = fc.constantFrom("a", "b", "");
  const filterLevel = fc.constantFrom("a", "b", "+");
  const filter = fc
    .tuple(fc.array(filterLevel, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, isOpen]) => [...levels, ...(isOpen ? ["#"] : [])].join("/"));
  const name = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join("/"));
  fc.assert(
    fc.property(filter, filter, name, (source, subscribed, published) => {
      fc.pre(published !== "" && topicMatches(subscribed, published));
      const wildcards = source.split("/").filter((each) => each === "+" || each === "#").length;
      const destination = ["new", ...Array.from({ length: wildcards }, (_, index) => `{${index + 1}}`)].join("/");
      const rewrites = new TopicRewrites([all(source, destination)]);
      const own = rewrites.filterOf(subscribed);
      if (own === subscribed) return;
      assert.ok(topicMatches(own, topicOf(rewrites, published)), `${own} ${topicOf(rewrites, published)}`);
    }),
  );
});

test("forgets names when there are many", () => {
  const rewrites = new TopicRewrites([all("a/+", "b/{1}")]);
  for (let i = 0; i < 2 * rewrittenTopicsMax; i++) assert.equal(topicOf(rewrites, `a/${i}`), `b/${i}`);
});

test("refuses a name that becomes too long", () => {
  const rewrites = new TopicRewrites([all("a/#", "longer/{1}")]);
  assert.throws(() => topicOf(rewrites, `a/${"x".repeat(65_533)}`), { code: "mqtt-wire.TOPIC_NAME_INVALID" });
  assert.throws(() => topicOf(rewrites, "a/+"), { code: "mqtt-wire.TOPIC_NAME_INVALID" });
});

const problems: readonly (readonly [source: string, destination: string, problem: RegExp])[] = [
  ["a/#/b", "c", /not a topic filter/],
  ["$SYS/#", "c/{1}", /begin with \$/],
  ["a/#", "$SYS/{1}", /begin with \$/],
  ["a/+", "b/+", /has a wildcard; write \{1\}/],
  ["a/+", "b/{2}", /the source has 1 wildcards/],
  ["a/+", "b-{1}", /a level of its own/],
  ["a/+", "b/{0}", /a level of its own/],
  ["a/+", "{1}/{1}", /used twice/],
  ["a/#", "{1}/b", /must be the last level/],
  ["a", "", /not a topic/],
];

for (const [source, destination, problem] of problems)
  test(`refuses ${source} to "${destination}"`, () => {
    assert.match(findRewriteProblem(all(source, destination)) ?? "", problem);
  });

test("routes, captures and access see the new topic", async () => {
  const asked: string[] = [];
  const access = {
    allows: (_principal: object, action: string, resource: string) => {
      asked.push(`${action} ${resource}`);
      return true;
    },
  };
  const captures = [{ log: "log", filter: "new/#" }];
  const server = await MemoryServer.start({ rewrites: [all("old/#", "new/{1}")], captures, access });
  const subscriber = await server.connect5("s");
  await subscriber.subscribe("old/+", { qos: 1 });
  const will = { topic: "old/will", payload: Buffer.from("w"), qos: 0, retain: false, properties: {} } as const;
  const publisher = await server.connect5("p", { will });
  subscriber.packets();
  for (const qos of [0, 1] as const) await publisher.publish("old/a", "x", { qos });
  await publisher.publish("old/a", "aliased", { properties: { topicAlias: 1 } });
  await publisher.publish("", "aliased", { properties: { topicAlias: 1 } });
  publisher.stream.disconnect();
  await server.run();
  const topics = subscriber.messages().map(({ topic, text }) => `${topic} ${text}`);
  assert.deepEqual(topics, ["new/a x", "new/a x", "new/a aliased", "new/a aliased", "new/will w"]);
  assert.equal(server.broker.catalog.get("log")?.partitions[0]?.nextOffset, 5);
  const seen = new Set(asked.filter((each) => each.includes("/")));
  assert.deepEqual([...seen], ["subscribe new/+", "publish new/will", "publish new/a"]);
  await subscriber.unsubscribe("old/+");
  const [unsuback] = subscriber.packets();
  assert.deepEqual(unsuback?.name === "UNSUBACK" && unsuback.value.reasonCodes, [0]);
});

test("an alias stands for the new topic and is not rewritten again", async () => {
  const server = await MemoryServer.start({ rewrites: [all("a/#", "a/a/{1}")] });
  const subscriber = await server.connect5("s");
  await subscriber.subscribe("#");
  const publisher = await server.connect5("p");
  await publisher.publish("a/x", "1", { properties: { topicAlias: 1 } });
  await publisher.publish("", "2", { properties: { topicAlias: 1 } });
  assert.deepEqual(
    subscriber.messages().map(({ topic }) => topic),
    ["a/a/x", "a/a/x"],
  );
});

test("topics of the program's own clients stay", async () => {
  const server = await MemoryServer.start({ rewrites: [all("old/#", "new/{1}")] });
  const client = new MemoryClient5(server.clock);
  server.server.accept(client.stream, { name: "insider" });
  await client.connect("$bridge/a");
  await client.subscribe("old/#");
  await client.publish("old/a", "x");
  assert.deepEqual(
    client.messages().map(({ topic }) => topic),
    ["old/a"],
  );
});

test("a subscriber of 3.1.1 gets the new topic", async () => {
  const server = await MemoryServer.start({ rewrites: [all("old/+", "new/{1}")] });
  const subscriber = await server.connect("s");
  await subscriber.subscribe("new/#");
  subscriber.packets();
  const publisher = await server.connect("p");
  await publisher.publish("old/a", "x");
  await publisher.publish("other", "x");
  assert.deepEqual(
    subscriber.packets().map((packet) => (packet.type === "PUBLISH" ? packet.topic : packet.type)),
    ["new/a"],
  );
});
