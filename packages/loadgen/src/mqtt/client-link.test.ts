import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientLink, type LinkHandler } from "./client-link.ts";
import { connack, manualLink } from "./testing/manual-link.ts";

function linkWith(changes: Parameters<typeof manualLink>[0] = {}) {
  const heard: string[] = [];
  const handler: LinkHandler = {
    onOpen: (receiveMaximum, isFirst) => heard.push(`open ${receiveMaximum} ${isFirst}`),
    onPublish: () => heard.push("publish"),
    onAck: (packetIdentifier, reasonCode) => heard.push(`ack ${packetIdentifier} ${reasonCode}`),
    onSuback: (reasonCode) => heard.push(`suback ${reasonCode}`),
    onDrain: () => heard.push("drain"),
    onLost: () => heard.push("lost"),
    onGivenUp: (problem, isRefused) => heard.push(`given up ${problem} ${isRefused}`),
  };
  const manual = manualLink(changes);
  const link = new ClientLink(manual.context, "client", 0, handler);
  const take = () => heard.splice(0);
  return { ...manual, link, take };
}

test("greets, and is open with the CONNACK", () => {
  const { host, streams, link, take, context } = linkWith();
  link.open();
  host.clock.turn();
  const greeting = streams[0]!.received();
  assert.equal(greeting[0], 0x10);
  assert.ok(greeting.toString("latin1").endsWith("MQTT\u0004\u0002\u0000\u000a\u0000\u0006client"));
  assert.equal(link.status, "greeting");
  streams[0]!.send(connack);
  assert.equal(link.status, "open");
  assert.deepEqual(take(), ["open 65535 true"]);
  assert.equal(context.recorder.counters.connected, 1);
  assert.equal(context.recorder.histograms.connack.count, 1);
});

test("takes receive maximum and keep alive from an MQTT 5 broker", () => {
  const { host, streams, link, take } = linkWith({ protocolLevel: 5 });
  link.open();
  streams[0]!.send(Buffer.from([0x20, 9, 0, 0, 6, 0x21, 0, 7, 0x13, 0, 4]));
  assert.deepEqual(take(), ["open 7 true"]);
  host.clock.turn();
  streams[0]!.received();
  host.clock.advance(2000);
  link.keepAlive(host.clock.monotonicMs());
  host.clock.turn();
  assert.deepEqual([...streams[0]!.received()], [0xc0, 0]);
});

test("a refusal ends it, with the reason", () => {
  const { streams, link, take } = linkWith();
  link.open();
  streams[0]!.send(Buffer.from([0x20, 2, 0, 5]));
  assert.deepEqual(take(), ["given up not authorized true"]);
  assert.equal(link.status, "closed");
});

test("tries the first connection again, and gives it up in the end", () => {
  const { host, refusals, streams, link, take, context } = linkWith();
  refusals.push("ECONNREFUSED", "ECONNREFUSED");
  link.open();
  host.clock.advance(300); // After 100 ms, and 200 ms later.
  assert.equal(streams.length, 1);
  assert.equal(context.recorder.counters.connectFailed, 2);
  host.clock.advance(1000); // No CONNACK: that is too long.
  assert.deepEqual(take(), ["given up no answer false"]);
});

test("a lost connection is made again, and the gap is measured", () => {
  const { host, streams, link, take, context } = linkWith();
  link.open();
  streams[0]!.send(connack);
  host.clock.advance(1);
  streams[0]!.disconnect();
  assert.equal(link.connection, undefined);
  host.clock.advance(100);
  streams[1]!.send(connack);
  assert.deepEqual(take(), ["open 65535 true", "lost", "open 65535 false"]);
  const { counters, histograms } = context.recorder;
  assert.deepEqual([counters.disconnected, counters.reconnected], [1, 1]);
  assert.equal(histograms.reconnect.maxNs, 100e6);
});

test("answers PUBREC and PUBREL, and tells of acknowledgements", () => {
  const { host, streams, link, take } = linkWith();
  link.open();
  streams[0]!.send(connack);
  host.clock.turn();
  streams[0]!.received();
  streams[0]!.send(Buffer.from([0x50, 2, 0, 1, 0x62, 2, 0, 2, 0x40, 2, 0, 3, 0x70, 2, 0, 1]));
  host.clock.turn();
  assert.deepEqual([...streams[0]!.received()], [0x62, 2, 0, 1, 0x70, 2, 0, 2]);
  assert.deepEqual(take().slice(1), ["ack 3 0", "ack 1 0"]);
});

test("bytes that are no MQTT cost the connection", () => {
  const { streams, link, take, context } = linkWith();
  link.open();
  streams[0]!.send(connack);
  streams[0]!.send(Buffer.from([0x00, 0x00]));
  assert.deepEqual(take(), ["open 65535 true", "lost"]);
  assert.equal(context.recorder.errors.list()[0]?.code, "mqtt-wire.INVALID_PACKET_TYPE");
});

test("leaves with DISCONNECT, and closes for good", () => {
  const { host, streams, link } = linkWith();
  link.open();
  streams[0]!.send(connack);
  link.leave();
  assert.deepEqual([...streams[0]!.received().subarray(-2)], [0xe0, 0]);
  host.clock.advance(10_000);
  assert.equal(streams.length, 1);
  link.open();
  streams[1]!.send(connack);
  link.close();
  assert.equal(link.status, "closed");
  assert.equal(streams[1]!.closed, true);
});
