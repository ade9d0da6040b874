import assert from "node:assert/strict";
import { test } from "node:test";
import { Producer } from "./producer.ts";
import { memoryNetwork } from "./testing/memory-nsqd.ts";

const ten = "\0\0\0\x02";

async function connected(granted = {}) {
  const network = memoryNetwork();
  const producer = new Producer("nsqd:4150", network);
  const pinged = producer.ping();
  await network.clock.turn();
  const peer = await firstPeer(network);
  await peer.identify(granted);
  await pinged;
  return { ...network, producer, peer };
}

async function firstPeer({ peers }: ReturnType<typeof memoryNetwork>) {
  await Promise.resolve();
  return peers[0]!;
}

test("introduces itself and publishes in order", async () => {
  const { producer, peer } = await connected();
  assert.equal(peer.identified["feature_negotiation"], true);
  assert.equal(await peer.sent(), "NOP\n");
  const both = Promise.all([
    producer.publish("a", Buffer.from("m1")),
    producer.publishDeferred("a", 5, Buffer.from("m2")),
  ]);
  assert.equal(await peer.sent(), `PUB a\n${ten}m1DPUB a 5\n${ten}m2`);
  await peer.answer("OK");
  await peer.answer("OK");
  await both;
});

test("publishes many messages at once", async () => {
  const { producer, peer } = await connected();
  await peer.sent();
  const many = producer.publishMany("a", [Buffer.from("m1"), Buffer.from("m2")]);
  assert.equal(await peer.sent(), `MPUB a\n\0\0\0\x10\0\0\0\x02${ten}m1${ten}m2`);
  await peer.answer("OK");
  await many;
});

test("rejects with nsqd's own words", async () => {
  const { producer, peer } = await connected();
  const refused = assert.rejects(producer.publish("a", Buffer.from("m1")), {
    code: "nsq-tools.REFUSED",
    message: /E_BAD_MESSAGE/,
  });
  await peer.turns();
  await peer.refuse("E_BAD_MESSAGE PUB message too big");
  await refused;
});

test("refuses a bad topic without sending it", async () => {
  const { producer, peer } = await connected();
  await peer.sent();
  await assert.rejects(producer.publish("a b", Buffer.from("m1")), { code: "nsq-wire.BAD_TOPIC" });
  assert.equal(await peer.sent(), "");
});

test("rejects what was under way and connects again", async () => {
  const { producer, peer, peers } = await connected();
  const lost = assert.rejects(producer.publish("a", Buffer.from("m1")), { code: "nsq-tools.CONNECTION_LOST" });
  await peer.turns();
  peer.stream.disconnect(new Error("reset"));
  await lost;
  const again = producer.publish("a", Buffer.from("m2"));
  await peer.turns();
  await peers[1]!.identify();
  assert.equal(await peers[1]!.sent(), `PUB a\n${ten}m2`);
  await peers[1]!.answer("OK");
  await again;
});

test("answers heartbeats", async () => {
  const { peer } = await connected();
  await peer.sent();
  await peer.answer("_heartbeat_");
  assert.equal(await peer.sent(), "NOP\n");
});

test("speaks snappy once it is granted", async () => {
  const { producer, peer } = await connected({ snappy: true });
  assert.equal(await peer.sent(), "NOP\n");
  const published = producer.publish("a", Buffer.from("m1"));
  assert.equal(await peer.sent(), `PUB a\n${ten}m1`);
  await peer.answer("OK");
  await published;
});

test("hands over its secret when asked", async () => {
  const network = memoryNetwork();
  network.options.authSecret = "sesame";
  const producer = new Producer("nsqd:4150", network);
  const pinged = producer.ping();
  const peer = await firstPeer(network);
  await peer.identify({ auth_required: true });
  assert.equal(await peer.sent(), "AUTH\n\0\0\0\x06sesame");
  await peer.answer('{"identity":"","identity_url":"","permission_count":1}');
  await pinged;
});

test("sends nothing in the clear when TLS was asked for", async () => {
  const network = memoryNetwork();
  network.options.tlsV1 = true;
  const pinged = assert.rejects(new Producer("nsqd:4150", network).ping(), { code: "nsq-tools.TLS_NOT_OFFERED" });
  const peer = await firstPeer(network);
  await peer.identify();
  await pinged;
  assert.equal(peer.stream.closed, true);
});

test("gives up a peer that is no nsqd", async () => {
  const network = memoryNetwork();
  const pinged = assert.rejects(new Producer("nsqd:4150", network).ping(), { code: "nsq-tools.IDENTIFY_FAILED" });
  const peer = await firstPeer(network);
  peer.stream.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await pinged;
});

test("gives up a silent nsqd", async () => {
  const { producer, peer, clock } = await connected();
  const lost = assert.rejects(producer.publish("a", Buffer.from("m1")), { code: "nsq-tools.CONNECTION_LOST" });
  await peer.turns();
  clock.advance(60_000);
  await lost;
  assert.equal(peer.stream.closed, true);
});

test("waits for answers before it stops", async () => {
  const { producer, peer } = await connected();
  const published = producer.publish("a", Buffer.from("m1"));
  await peer.turns();
  const stopped = producer.stop();
  await assert.rejects(producer.publish("a", Buffer.from("m2")), { code: "nsq-tools.STOPPED" });
  assert.equal(peer.stream.closed, false);
  await peer.answer("OK");
  await published;
  await stopped;
  assert.equal(peer.stream.closed, true);
});
