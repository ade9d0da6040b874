import assert from "node:assert/strict";
import { test } from "node:test";
import { int32, message } from "../testing/frames.ts";
import { startHttp } from "../testing/test-http.ts";

const limits = { msgSizeMax: 10, bodySizeMax: 40 };

function binary(...bodies: string[]): Buffer {
  return Buffer.concat([int32(bodies.length), ...bodies.flatMap((body) => [int32(body.length), Buffer.from(body)])]);
}

type Row = readonly [path: string, body: string | Buffer, status: number, code: string, topicMade: boolean];

const refused: readonly Row[] = [
  ["/pub", "a", 400, "MISSING_ARG_TOPIC", false],
  ["/pub?topic=orders", "", 400, "MSG_EMPTY", false],
  ["/pub", "", 400, "MSG_EMPTY", false],
  ["/pub", "01234567890", 413, "MSG_TOO_BIG", false],
  ["/pub?topic=", "a", 400, "INVALID_TOPIC", false],
  ["/pub?topic=x$", "a", 400, "INVALID_TOPIC", false],
  ["/pub?topic=%zz", "a", 400, "INVALID_REQUEST", false],
  ["/pub?topic=orders;x=1", "a", 400, "INVALID_REQUEST", false],
  ["/pub?topic=orders&defer=x", "a", 400, "INVALID_DEFER", true],
  ["/pub?topic=orders&defer=", "a", 400, "INVALID_DEFER", true],
  ["/pub?topic=orders&defer=-1", "a", 400, "INVALID_DEFER", true],
  ["/pub?topic=orders&defer=3600001", "a", 400, "INVALID_DEFER", true],
  ["/mpub", "a", 400, "MISSING_ARG_TOPIC", false],
  ["/mpub?topic=x$", "a", 400, "INVALID_TOPIC", false],
  ["/mpub?topic=orders", "0".repeat(41), 413, "BODY_TOO_BIG", false],
  ["/mpub?topic=orders", "a\n01234567890\n", 413, "MSG_TOO_BIG", true],
  ["/mpub?topic=orders&binary=true", "", 413, "BAD_BODY", true],
  ["/mpub?topic=orders&binary=1", "abc", 413, "BAD_BODY", true],
  ["/mpub?topic=orders&binary=1", int32(0), 413, "BAD_BODY", true],
  ["/mpub?topic=orders&binary=1", Buffer.concat([int32(1), int32(0)]), 413, "BAD_MESSAGE", true],
  ["/mpub?topic=orders&binary=1", Buffer.concat([int32(1), int32(11)]), 413, "BAD_MESSAGE", true],
  ["/mpub?topic=orders&binary=1", binary("a", "b").subarray(0, 13), 413, "BAD_MESSAGE", true],
  ["/mpub?topic=orders&binary=", "abc", 413, "BAD_BODY", true],
];

for (const [path, body, status, code, topicMade] of refused) {
  test(`refuses ${path} with ${body.length} bytes: ${code}`, async (context) => {
    const { nsqd, request } = await startHttp(context, { limits });
    const answer = await request("POST", path, body);
    assert.deepEqual([answer.status, answer.body], [status, JSON.stringify({ message: code })]);
    assert.equal(nsqd.catalog.get("orders") !== undefined, topicMade);
    assert.equal(nsqd.catalog.get("orders")?.messageCount ?? 0, 0);
  });
}

type Taken = readonly [path: string, body: string | Buffer, published: readonly string[]];

const taken: readonly Taken[] = [
  ["/pub?topic=orders", "a\nb", ["a\nb"]],
  ["/pub?topic=o%72ders&topic=x$", "a", ["a"]],
  ["/mpub?topic=orders", "a\nb\r\n\n\nc", ["a", "b\r", "c"]],
  ["/mpub?topic=orders", "a\n", ["a"]],
  ["/mpub?topic=orders", "", []],
  ["/mpub?topic=orders&binary=false", "a\nb", ["a", "b"]],
  ["/mpub?topic=orders&binary=0", "a\nb", ["a", "b"]],
  ["/mpub?topic=orders&binary=true", binary("a", "b\nc"), ["a", "b\nc"]],
  ["/mpub?topic=orders&binary", binary("a"), ["a"]],
  ["/mpub?topic=orders&binary=yes", Buffer.concat([binary("a"), Buffer.from("trailing")]), ["a"]],
];

for (const [path, body, published] of taken) {
  test(`takes ${path} with ${JSON.stringify(String(body))}`, async (context) => {
    const { nsqd, request } = await startHttp(context, { limits });
    const consumer = await nsqd.subscribe("orders", "billing", 10);
    const { status, headers, body: answer } = await request("POST", path, body);
    assert.deepEqual([status, answer, headers["content-type"]], [200, "OK", "text/plain; charset=utf-8"]);
    assert.equal(headers["x-nsq-content-type"], "nsq; version=1.0");
    const frames = published.map((each, offset) => message({ offset, body: each, timestampMs: nsqd.nowMs }));
    assert.deepEqual(consumer.stream.received(), Buffer.concat(frames));
    assert.equal(nsqd.metric("polylog_nsq_messages_published_total"), published.length);
  });
}

test("NSQ-2.2-3: delivers a deferred message after its delay", async (context) => {
  const { nsqd, request } = await startHttp(context);
  const timestampMs = nsqd.nowMs;
  const consumer = await nsqd.subscribe("orders", "billing", 10);
  assert.equal((await request("POST", "/pub?topic=orders&defer=500", "a")).body, "OK");
  await nsqd.advance(499);
  assert.equal(consumer.stream.received().length, 0);
  await nsqd.advance(1);
  assert.deepEqual(consumer.stream.received(), message({ offset: 0, body: "a", timestampMs }));
});

test("refuses what the log does not take as EXITING", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await request("POST", "/pub?topic=orders", "a");
  nsqd.memory.storage.failAt("write", 1);
  for (const path of ["/pub?topic=orders", "/mpub?topic=orders", "/pub?topic=orders&defer=1"]) {
    const { status, body } = await request("POST", path, "b");
    assert.deepEqual([status, body], [503, '{"message":"EXITING"}']);
  }
});

test("says when the disk is full", async (context) => {
  const { nsqd, request } = await startHttp(context, { broker: { diskFreeMin: 1000 } });
  await request("POST", "/pub?topic=orders", "a");
  nsqd.memory.storage.freeBytesLeft = 999;
  await nsqd.memory.advance(1000);
  const { status, body } = await request("POST", "/pub?topic=orders", "b");
  assert.deepEqual([status, body], [503, '{"message":"DISK_FULL"}']);
  assert.match((await request("GET", "/ping")).body, /^NOK - the disk is full/);
});

test("refuses to publish once the server stops", async (context) => {
  const { nsqd, request } = await startHttp(context);
  await nsqd.server.stop();
  assert.equal((await request("POST", "/pub?topic=orders", "a")).body, '{"message":"EXITING"}');
  assert.equal((await request("POST", "/topic/create?topic=orders")).body, '{"message":"EXITING"}');
});

test("waits while the log is full", async (context) => {
  const { nsqd, request } = await startHttp(context, { broker: { pendingBytesMax: 1000 } });
  const publisher = nsqd.connect();
  const log = nsqd.catalog.ensure("orders");
  log.partitions[0]!.appendValue(Buffer.alloc(2000), 0, 2000);
  assert.equal(log.partitions[0]!.saturated, true);
  assert.equal((await request("POST", "/pub?topic=orders", "a")).body, "OK");
  assert.equal(log.partitions[0]!.nextOffset, 2);
  publisher.stream.disconnect();
});

test("refuses what access does not allow", async (context) => {
  const { nsqd, request } = await startHttp(context, { broker: { access: { allows: () => false } } });
  assert.deepEqual((await request("POST", "/pub?topic=orders", "a")).status, 403);
  assert.deepEqual((await request("POST", "/topic/create?topic=orders")).body, '{"message":"FORBIDDEN"}');
  assert.equal(nsqd.catalog.size, 0);
});

test("reads a body without a declared size up to the limit", async (context) => {
  const { port, nsqd } = await startHttp(context, { limits });
  const { request } = await import("node:http");
  const statuses: number[] = [];
  for (const size of [10, 11]) {
    const sent = request({ port, host: "127.0.0.1", method: "POST", path: "/pub?topic=orders", agent: false });
    sent.on("response", (response) => statuses.push(response.statusCode ?? 0));
    sent.write("0".repeat(size - 1));
    await nsqd.run();
    sent.end("0");
    const before = statuses.length;
    while (statuses.length === before) await nsqd.run();
  }
  assert.deepEqual(statuses, [200, 413]);
});

test("defers every message of /mpub", async (t) => {
  const { nsqd, request } = await startHttp(t);
  const client = await nsqd.subscribe("orders", "billing", 10);
  assert.equal((await request("POST", "/mpub?topic=orders&defer=5000", "one\ntwo\n")).body, "OK");
  await nsqd.advance(4999);
  assert.equal(client.stream.received().length, 0);
  await nsqd.advance(1);
  const received = client.stream.received();
  assert.ok(received.includes("one") && received.includes("two"));
});

test("refuses a defer of /mpub that is none", async (t) => {
  const { nsqd, request } = await startHttp(t);
  for (const defer of ["x", "-1", "3600001", ""]) {
    const answer = await request("POST", `/mpub?topic=orders&defer=${defer}`, "one");
    assert.deepEqual([answer.status, answer.body], [400, '{"message":"INVALID_DEFER"}']);
  }
  assert.equal(nsqd.catalog.get("orders")?.messageCount, 0);
});
