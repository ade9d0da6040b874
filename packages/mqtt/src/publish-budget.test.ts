import assert from "node:assert/strict";
import { test } from "node:test";
import { publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

/** So many messages of QoS 0 in one chunk. */
function burst(count: number, size = 1): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => publishBytes("t", "x".repeat(size))));
}

async function start(limits: NonNullable<Parameters<typeof MemoryServer.start>[0]>["limits"]) {
  const server = await MemoryServer.start({ limits: limits ?? {} });
  const subscriber = await server.connect("s");
  await subscriber.subscribe("#");
  subscriber.packets();
  return { server, subscriber, publisher: await server.connect("p") };
}

test("reads what a client may publish per second, and then pauses", async () => {
  const { server, subscriber, publisher } = await start({ publishRateMax: 10 });
  await publisher.send(burst(25));
  assert.equal(subscriber.payloads().length, 10);
  assert.equal(publisher.stream.paused, true);
  await server.advance(1_000);
  assert.equal(subscriber.payloads().length, 10);
  await server.advance(1_000);
  assert.equal(subscriber.payloads().length, 5);
  assert.equal(publisher.stream.paused, false);
  assert.ok(server.metric("polylog_mqtt_publish_rate_exceeded_total") > 0);
});

test("lets a client publish at its limit without end", async () => {
  const { server, subscriber, publisher } = await start({ publishRateMax: 10 });
  for (let i = 0; i < 50; i++) {
    await publisher.send(burst(1));
    await server.advance(100);
  }
  assert.equal(subscriber.payloads().length, 50);
});

test("limits bytes, and takes a single large message", async () => {
  const { server, subscriber, publisher } = await start({ publishBytesRateMax: 1000 });
  await publisher.send(burst(2, 3000));
  assert.equal(subscriber.payloads().length, 1);
  await server.advance(2_100);
  assert.equal(subscriber.payloads().length, 1);
});

test("holds up nobody but the fast client", async () => {
  const { server, subscriber, publisher } = await start({ publishRateMax: 1 });
  await publisher.send(burst(5));
  await (await server.connect("other")).publish("t", "other");
  assert.deepEqual(subscriber.payloads().at(-1), "other");
});

test("disconnects with 0x96 where that is chosen", async () => {
  const { server } = await start({ publishRateMax: 2, whenTooFast: "disconnect" });
  const publisher = await server.connect5("five");
  for (const text of ["1", "2", "3"]) await publisher.publish("t", text, { qos: 1 });
  assert.deepEqual(publisher.names(), ["PUBACK", "PUBACK", "DISCONNECT 96"]);
  assert.equal(publisher.closed, true);
});

test("does not count a silent pause against the keep alive", async () => {
  const { server, publisher } = await start({ publishRateMax: 1, whenTooFast: "pause" });
  await publisher.send(burst(30));
  await server.advance(20_000);
  assert.equal(publisher.closed, false);
});

test("tells what each client brought and took", async () => {
  const { server, subscriber, publisher } = await start({});
  for (let second = 0; second < 60; second++) {
    await publisher.send(burst(20));
    await server.advance(1_000);
  }
  subscriber.packets();
  const [to, from] = [...server.server.clients()].map(({ traffic }) => traffic!);
  assert.deepEqual([from!.messagesIn, from!.messagesOut, to!.messagesIn, to!.messagesOut], [1200, 0, 0, 1200]);
  assert.ok(from!.messagesInPerSecond > 19 && from!.messagesInPerSecond <= 20, `${from!.messagesInPerSecond}`);
  assert.ok(to!.bytesOut > 1200 * 6 && to!.bytesOutPerSecond > 19 * 6);
  publisher.stream.disconnect();
  await server.advance(1_000);
});
