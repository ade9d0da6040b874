import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import fc from "fast-check";
import { identifyAs, TestLookupd } from "../testing/test-lookupd.ts";
import { connectionsMax } from "./limits.ts";

test("answers IDENTIFY with what it is itself", () => {
  const lookupd = new TestLookupd();
  const answers = lookupd.exchange(lookupd.connect(), identifyAs("a"));
  assert.deepEqual(answers, [
    `{"broadcast_address":"lookup1","hostname":"${hostname()}","http_port":4161,"tcp_port":4160,"version":"1.3.0"}`,
  ]);
});

test("answers in order what came together", () => {
  const lookupd = new TestLookupd();
  const stream = lookupd.node("a");
  assert.deepEqual(lookupd.exchange(stream, "PING\nREGISTER t c\nUNREGISTER t c\nUNREGISTER x\n"), [
    "OK",
    "OK",
    "OK",
    "OK",
  ]);
});

test("closes after an error and reads no further", () => {
  const lookupd = new TestLookupd();
  const stream = lookupd.node("a");
  assert.deepEqual(lookupd.exchange(stream, "REGISTER t$\nREGISTER t\n"), [
    "E_BAD_TOPIC REGISTER topic name 't$' is not valid",
  ]);
  assert.equal(stream.closed, true);
  assert.deepEqual(lookupd.server.registry.topics(), []);
  assert.equal(lookupd.metric("polylog_lookupd_errors_total"), 1);
});

test("refuses another protocol", () => {
  const lookupd = new TestLookupd();
  const stream = lookupd.connectSilently();
  assert.deepEqual(lookupd.exchange(stream, "  V2"), ["E_BAD_PROTOCOL"]);
  assert.equal(stream.closed, true);
});

test("answers a body that was cut", () => {
  const lookupd = new TestLookupd();
  const stream = lookupd.connect();
  stream.send(Buffer.from("IDENTIFY\n\0\0\0\x05{}"));
  stream.endInput();
  assert.deepEqual(lookupd.exchange(stream, ""), ["E_BAD_BODY IDENTIFY failed to read body"]);
});

test("forgets an nsqd that has gone, and keeps its topics", () => {
  const lookupd = new TestLookupd();
  const stream = lookupd.node("a", "t c");
  assert.equal(lookupd.server.registry.activeNodes("t").length, 1);
  stream.disconnect();
  assert.deepEqual(lookupd.server.registry.activeNodes("t"), []);
  assert.deepEqual(lookupd.server.registry.topics(), ["t"]);
  assert.deepEqual(lookupd.server.registry.channels("t"), ["c"]);
  assert.equal(lookupd.metric("polylog_lookupd_nodes"), 0);
});

test("stops reading a peer that does not read", () => {
  const lookupd = new TestLookupd();
  const stream = lookupd.node("a");
  stream.stalled = true;
  for (let i = 0; i < 20_000 && !stream.paused; i++) lookupd.exchange(stream, "PING\n");
  assert.equal(stream.paused, true);
  stream.unstall();
  assert.equal(stream.paused, false);
});

test("ends its connections when it stops", async () => {
  const lookupd = new TestLookupd();
  const stream = lookupd.node("a");
  await lookupd.server.stop();
  assert.equal(stream.closed, true);
  assert.equal(lookupd.connectSilently().closed, true);
});

test("survives any bytes, and the registry stays whole", () => {
  const word = fc.constantFrom(
    ..."  V1|PING|IDENTIFY|REGISTER|UNREGISTER| |\n|t|c|#ephemeral|\0\0\0\u0004|null|\xff".split("|"),
  );
  const piece = fc.oneof(word, fc.string({ unit: "binary-ascii", maxLength: 5 }));
  fc.assert(
    fc.property(fc.boolean(), fc.array(fc.array(piece), { maxLength: 6 }), (identified, chunks) => {
      const lookupd = new TestLookupd();
      const stream = identified ? lookupd.node("a", "t c") : lookupd.connectSilently();
      for (const chunk of chunks) lookupd.exchange(stream, Buffer.from(chunk.join(""), "latin1"));
      const { registry } = lookupd.server;
      assert.equal(registry.topicCount, registry.topics().length);
      assert.equal(registry.channelCount, registry.channels("*").length);
      stream.disconnect();
      assert.deepEqual([...registry.entries()], []);
    }),
  );
});

test("disconnects who says nothing, and who is gone without a word", () => {
  const lookupd = new TestLookupd();
  const [silent, magic, gone, alive] = [
    lookupd.connectSilently(),
    lookupd.connect(),
    lookupd.node("gone", "t"),
    lookupd.node("alive", "t"),
  ];
  for (let minutes = 0; minutes < 30; minutes++) {
    lookupd.exchange(alive, "PING\n");
    lookupd.clock.advance(60_000);
    if (minutes === 2) assert.deepEqual([silent.closed, magic.closed, gone.closed], [true, true, false]);
  }
  assert.deepEqual([gone.closed, alive.closed], [true, false]);
  assert.deepEqual([...lookupd.server.registry.nodes()].length, 1);
});

test("takes only so many peers", () => {
  const lookupd = new TestLookupd();
  const streams = Array.from({ length: connectionsMax + 1 }, () => lookupd.connectSilently());
  assert.equal(streams.at(-1)?.closed, true);
  assert.equal(streams.at(-2)?.closed, false);
  lookupd.clock.advance(120_000);
  assert.equal(lookupd.connectSilently().closed, false);
});
