/** What the HTTP API can do that nsqd's cannot. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { startHttp } from "../testing/test-http.ts";

for (const path of ["/pub", "/mpub"]) {
  test(`drops what was not delivered in the ttl of ${path}`, async (context) => {
    const { nsqd, request } = await startHttp(context);
    await request("POST", "/topic/create?topic=orders");
    await request("POST", "/channel/create?topic=orders&channel=billing");
    await request("POST", `${path}?topic=orders&ttl=1000`, "query");
    await request("POST", `${path}?topic=orders`, "header", { "X-Polylog-TTL": "1000" });
    await request("POST", `${path}?topic=orders&ttl=1000&defer=500`, "deferred");
    await request("POST", `${path}?topic=orders&ttl=3000`, "long", { "X-Polylog-TTL": "1000" });
    await nsqd.advance(1200);
    const consumer = await nsqd.subscribe("orders", "billing");
    const received = (await consumer.exchange("RDY 10\n")).toString("latin1");
    assert.deepEqual(received.match(/query|header|deferred|long/g), ["deferred", "long"]);
    assert.equal(nsqd.catalog.require("orders").channels.get("billing")!.counters.expiredCount, 2);
  });
}

test("refuses a ttl that is none", async (context) => {
  const { nsqd, request } = await startHttp(context);
  for (const ttl of ["0", "-1", "x", "", "1.5", "99999999999999"]) {
    const answer = await request("POST", `/pub?topic=orders&ttl=${ttl}`, "a");
    assert.deepEqual([answer.status, answer.body], [400, '{"message":"INVALID_TTL"}']);
  }
  assert.equal((await request("POST", "/pub?topic=orders", "a", { "X-Polylog-TTL": "soon" })).status, 400);
  assert.equal(nsqd.catalog.get("orders")?.messageCount, 0);
});

test("gives all messages of /mpub the key and the headers", async (context) => {
  const { nsqd, request } = await startHttp(context);
  nsqd.catalog.create("orders", { partitions: 8 });
  const headers = { "X-Polylog-Key": "customer-7", "X-Polylog-Header-Source": "shop" };
  await request("POST", "/mpub?topic=orders", "one\ntwo", headers);
  await request("POST", "/pub?topic=orders", "three", headers);
  const { partitions } = nsqd.catalog.require("orders");
  const used = partitions.filter(({ nextOffset }) => nextOffset > 0);
  assert.deepEqual(
    used.map(({ nextOffset }) => nextOffset),
    [3],
  );
  const browsed = await request("GET", `/topic/browse?topic=orders&partition=${used[0]!.number}`);
  const { messages } = JSON.parse(browsed.body) as { messages: { body: string; key: string; headers: string[][] }[] };
  assert.deepEqual(
    messages.map((each) => [each.body, each.key, each.headers]),
    ["one", "two", "three"].map((body) => [body, "customer-7", [["source", "shop"]]]),
  );
});

type Row = readonly [query: string, depth: number];

const starts: readonly Row[] = [
  ["&from=earliest", 3],
  ["&from=latest", 0],
  ["&offset=2", 1],
  ["&offset=3&partition=0", 0],
  ["&timestamp=1", 3],
];

for (const [query, depth] of starts) {
  test(`begins a channel where ${query} says`, async (context) => {
    const { nsqd, request } = await startHttp(context);
    await request("POST", "/mpub?topic=orders", "a\nb\nc");
    await request("POST", "/channel/create?topic=orders&channel=first");
    for (
      let i = 0;
      i < 2;
      i++ // The second time it exists and stays.
    )
      assert.equal((await request("POST", `/channel/create?topic=orders&channel=replay${query}`)).status, 200);
    assert.equal(nsqd.catalog.require("orders").channels.get("replay")!.depth, depth);
  });
}

const wrongStarts: readonly (readonly [query: string, code: string])[] = [
  ["&offset=1&from=latest", "INVALID_POSITION"],
  ["&offset=x", "INVALID_POSITION"],
  ["&timestamp=-1", "INVALID_POSITION"],
  ["&from=middle", "INVALID_POSITION"],
  ["&offset=4", "OFFSET_OUT_OF_RANGE"],
  ["&offset=1&partition=1", "INVALID_PARTITION"],
  ["&partition=x", "INVALID_PARTITION"],
];

test("refuses a start that there is not", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await request("POST", "/mpub?topic=orders", "a\nb\nc");
  for (const [query, code] of wrongStarts) {
    const { status, body } = await request("POST", `/channel/create?topic=orders&channel=replay${query}`);
    assert.deepEqual([query, status, body], [query, 400, JSON.stringify({ message: code })]);
  }
  assert.equal(nsqd.catalog.require("orders").channels.size, 0);
  nsqd.catalog.create("many", { partitions: 2 });
  const answer = await request("POST", "/channel/create?topic=many&channel=replay&offset=0");
  assert.equal(answer.body, '{"message":"INVALID_POSITION"}');
});

test("makes a channel ordered, also one that exists", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await request("POST", "/topic/create?topic=orders");
  await request("POST", "/channel/create?topic=orders&channel=billing&ordered=true");
  const { settings } = nsqd.catalog.require("orders").channels.get("billing")!;
  assert.equal(settings.ordered, true);
  for (const body of ["a1", "b1", "a2"]) await request("POST", "/pub?topic=orders", body, { "X-Polylog-Key": body[0] });
  const consumer = await nsqd.subscribe("orders", "billing");
  const received = (await consumer.exchange("RDY 10\n")).toString("latin1");
  assert.deepEqual(received.match(/[ab]\d$|[ab][12](?=\0)/g), ["a1", "b1"]);
  assert.equal((await request("POST", "/channel/create?topic=orders&channel=billing&ordered=false")).status, 200);
  await nsqd.run();
  assert.match(consumer.stream.received().toString("latin1"), /a2$/);
});

test("shows what a channel would deliver, and takes nothing", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await request("POST", "/pub?topic=orders", "text", { "X-Polylog-Key": "k" });
  await request("POST", "/pub?topic=orders", Buffer.from([0xff]));
  await request("POST", "/channel/create?topic=orders&channel=billing");
  for (let i = 0; i < 2; i++) {
    const { status, headers, body } = await request("GET", "/channel/peek?topic=orders&channel=billing");
    assert.deepEqual([status, headers["content-type"]], [200, "application/json; charset=utf-8"]);
    const place = { partition: 0, timestamp: nsqd.nowMs, headers: [], attempts: 0 };
    assert.deepEqual(JSON.parse(body), {
      messages: [
        { ...place, id: "0000000000000000", offset: 0, key: "k", body: "text", encoding: "utf8" },
        { ...place, id: "0000000000000001", offset: 1, key: null, body: "/w==", encoding: "base64" },
      ],
    });
  }
  const one = await request("GET", "/channel/peek?topic=orders&channel=billing&limit=1");
  assert.equal((JSON.parse(one.body) as { messages: unknown[] }).messages.length, 1);
});

test("browses a topic page by page", async (context) => {
  const { request } = await startHttp(context);
  await request("POST", "/mpub?topic=orders", "a\nb\nc\nd\ne");
  const bodies: string[][] = [];
  for (let next = 0; next < 5; ) {
    const { body } = await request("GET", `/topic/browse?topic=orders&offset=${next}&limit=2`);
    const answer = JSON.parse(body) as { messages: { body: string }[]; next_offset: number; high_watermark: number };
    bodies.push(answer.messages.map((each) => each.body));
    assert.equal(answer.high_watermark, 5);
    next = answer.next_offset;
  }
  assert.deepEqual(bodies, [["a", "b"], ["c", "d"], ["e"]]);
  const end = await request("GET", "/topic/browse?topic=orders&from=latest");
  assert.equal(end.body, '{"messages":[],"next_offset":5,"high_watermark":5}');
});

const wrongLooks: readonly (readonly [path: string, status: number, code: string])[] = [
  ["/channel/peek?topic=orders", 400, "MISSING_ARG_CHANNEL"],
  ["/channel/peek?topic=x$&channel=c", 400, "INVALID_ARG_TOPIC"],
  ["/channel/peek?topic=unknown&channel=c", 404, "TOPIC_NOT_FOUND"],
  ["/channel/peek?topic=orders&channel=unknown", 404, "CHANNEL_NOT_FOUND"],
  ["/channel/peek?topic=orders&channel=billing&limit=0", 400, "INVALID_LIMIT"],
  ["/topic/browse", 400, "MISSING_ARG_TOPIC"],
  ["/topic/browse?topic=unknown", 404, "TOPIC_NOT_FOUND"],
  ["/topic/browse?topic=orders&limit=1001", 400, "INVALID_LIMIT"],
  ["/topic/browse?topic=orders&offset=1", 400, "OFFSET_OUT_OF_RANGE"],
  ["/topic/browse?topic=many", 400, "INVALID_PARTITION"],
];

test("refuses to look at what there is not", async (context) => {
  const { nsqd, request } = await startHttp(context);
  nsqd.catalog.create("many", { partitions: 2 });
  await request("POST", "/topic/create?topic=orders");
  await request("POST", "/channel/create?topic=orders&channel=billing");
  for (const [path, status, code] of wrongLooks) {
    const answer = await request("GET", path);
    assert.deepEqual([path, answer.status, answer.body], [path, status, JSON.stringify({ message: code })]);
  }
});

test("shows messages only to those who may consume", async (context) => {
  const access = { allows: (_principal: unknown, action: string) => action !== "consume" };
  const { request } = await startHttp(context, { broker: { access } });
  await request("POST", "/topic/create?topic=orders");
  assert.equal((await request("GET", "/topic/browse?topic=orders")).status, 403);
  assert.equal((await request("GET", "/channel/peek?topic=orders&channel=c")).status, 403);
});

test("refuses to publish to a topic that is full", async (context) => {
  const { nsqd, request } = await startHttp(context);
  nsqd.catalog.create("orders", { depthRecords: 2 });
  assert.equal((await request("POST", "/mpub?topic=orders", "a\nb")).body, "OK");
  for (const path of ["/pub", "/mpub"]) {
    const { status, body } = await request("POST", `${path}?topic=orders`, "c");
    assert.deepEqual([status, body], [503, '{"message":"LOG_FULL"}']);
  }
  const answer = await nsqd.connect().exchange("PUB orders\n\0\0\0\x01c");
  assert.match(answer.toString("latin1"), /E_PUB_FAILED PUB failed .*is full/);
  await request("POST", "/topic/empty?topic=orders");
  assert.equal((await request("POST", "/pub?topic=orders", "c")).body, "OK");
});
