import assert from "node:assert/strict";
import { test } from "node:test";
import { message, mpub, sized } from "../testing/frames.ts";
import { startHttp } from "../testing/test-http.ts";

type Row = readonly [path: string, status: number, code: string];

const actions = ["create", "delete", "empty", "pause", "unpause"];

const refused: readonly Row[] = [
  ...actions.map((action): Row => [`/topic/${action}`, 400, "MISSING_ARG_TOPIC"]),
  ...actions.map((action): Row => [`/topic/${action}?topic=%zz`, 400, "INVALID_REQUEST"]),
  ["/topic/create?topic=x$", 400, "INVALID_TOPIC"],
  ["/topic/empty?topic=x$", 400, "INVALID_TOPIC"],
  ...["delete", "pause", "unpause"].map((action): Row => [`/topic/${action}?topic=x$`, 404, "TOPIC_NOT_FOUND"]),
  ...actions.slice(1).map((action): Row => [`/topic/${action}?topic=unknown`, 404, "TOPIC_NOT_FOUND"]),
  ...actions.flatMap((action): Row[] => [
    [`/channel/${action}?channel=billing`, 400, "MISSING_ARG_TOPIC"],
    [`/channel/${action}?topic=x$`, 400, "INVALID_ARG_TOPIC"],
    [`/channel/${action}?topic=unknown`, 400, "MISSING_ARG_CHANNEL"],
    [`/channel/${action}?topic=unknown&channel=y$`, 400, "INVALID_ARG_CHANNEL"],
    [`/channel/${action}?topic=unknown&channel=billing`, 404, "TOPIC_NOT_FOUND"],
  ]),
  ...actions
    .slice(1)
    .map((action): Row => [`/channel/${action}?topic=orders&channel=unknown`, 404, "CHANNEL_NOT_FOUND"]),
];

test("NSQ-2.2-4: refuses actions with nsqd's codes", async (context) => {
  const { nsqd, request } = await startHttp(context);
  nsqd.catalog.ensure("orders");
  for (const [path, status, code] of refused) {
    const answer = await request("POST", path);
    assert.deepEqual([path, answer.status, answer.body], [path, status, JSON.stringify({ message: code })]);
  }
});

test("NSQ-2.2-5: creates topics and channels more than once", async (context) => {
  const { nsqd, request } = await startHttp(context);
  for (let i = 0; i < 2; i++) {
    for (const path of ["/topic/create?topic=orders", "/channel/create?topic=orders&channel=billing"]) {
      const { status, headers, body } = await request("POST", path);
      assert.deepEqual([status, body, headers["content-length"], headers["content-type"]], [200, "", "0", undefined]);
      assert.equal(headers["x-nsq-content-type"], "nsq; version=1.0");
    }
  }
  assert.deepEqual([...nsqd.catalog.require("orders").channels.keys()], ["billing"]);
});

test("NSQ-1.12-5: deletes a topic and closes its consumers", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const consumer = await nsqd.subscribe("orders", "billing", 1);
  assert.equal((await request("POST", "/topic/delete?topic=orders")).status, 200);
  assert.equal(nsqd.catalog.get("orders"), undefined);
  assert.equal(consumer.closed, true);
});

test("deletes a channel and closes its consumers", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const consumer = await nsqd.subscribe("orders", "billing", 1);
  assert.equal((await request("POST", "/channel/delete?topic=orders&channel=billing")).status, 200);
  assert.equal(nsqd.catalog.require("orders").channels.size, 0);
  assert.equal(consumer.closed, true);
});

test("empties what waits at a topic", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await nsqd.connect().exchange(mpub("orders", ["a", "b"]));
  assert.equal((await request("POST", "/topic/empty?topic=orders")).status, 200);
  assert.equal(nsqd.catalog.require("orders").depth, 0);
  await nsqd.connect().exchange(sized("PUB orders", "c"));
  const restarted = await nsqd.memory.restart();
  assert.equal(restarted.broker.catalog.require("orders").depth, 1);
});

test("empties a channel", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const consumer = await nsqd.subscribe("orders", "billing", 1);
  await nsqd.connect().exchange(mpub("orders", ["a", "b", "c"]));
  consumer.stream.received();
  assert.equal((await request("POST", "/channel/empty?topic=orders&channel=billing")).status, 200);
  const channel = nsqd.catalog.require("orders").channels.get("billing")!;
  assert.deepEqual([channel.depth, channel.inFlightCount], [0, 0]);
});

for (const subject of ["topic", "channel"]) {
  test(`pauses and unpauses a ${subject}, also twice`, async (context) => {
    const { nsqd, request } = await startHttp(context);
    const consumer = await nsqd.subscribe("orders", "billing", 1);
    const names = subject === "topic" ? "topic=orders" : "topic=orders&channel=billing";
    for (let i = 0; i < 2; i++) assert.equal((await request("POST", `/${subject}/pause?${names}`)).status, 200);
    await nsqd.connect().exchange(sized("PUB orders", "a"));
    assert.equal(consumer.stream.received().length, 0);
    for (let i = 0; i < 2; i++) assert.equal((await request("POST", `/${subject}/unpause?${names}`)).status, 200);
    await nsqd.run();
    assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "a", timestampMs: nsqd.nowMs }));
  });
}
