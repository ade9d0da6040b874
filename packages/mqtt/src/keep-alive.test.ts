import assert from "node:assert/strict";
import { test } from "node:test";
import { publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

test("MQTT-3.1.2-24 v3: closes after one and a half keep alives of silence", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", { keepAliveSeconds: 10 });
  server.clock.advance(15_000);
  assert.equal(client.closed, false);
  server.clock.advance(2_000);
  assert.equal(client.closed, true);
  assert.equal(server.metric("polylog_mqtt_timeouts_total"), 1);
  assert.equal(server.complaints.length, 0);
});

test("MQTT-3.1.2-24 v3: any input keeps a client alive", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", { keepAliveSeconds: 10 });
  for (let i = 0; i < 10; i++) {
    server.clock.advance(14_000);
    await client.ping();
  }
  assert.equal(client.closed, false);
  server.clock.advance(14_000);
  await client.send(Buffer.from([0x30])); // A packet that is still arriving counts.
  server.clock.advance(14_000);
  assert.equal(client.closed, false);
});

test("MQTT-3.1.2-24 v3: what is sent to a client does not count", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", { keepAliveSeconds: 10 });
  await client.subscribe("t");
  const other = await server.connect("b");
  for (let i = 0; i < 20; i++) {
    server.clock.advance(1_000);
    await other.publish("t", "x");
  }
  assert.equal(client.closed, true);
});

test("MQTT-3.1.2-23 v3: keep alive 0 switches it off", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a", { keepAliveSeconds: 0 });
  server.clock.advance(10 * 65_535_000);
  assert.equal(client.closed, false);
});

test("silence does not count while the server does not read", async () => {
  const limits = { unacknowledgedMax: 2 };
  const server = await MemoryServer.start({ limits, captures: [{ log: "log", filter: "t" }] });
  server.storage.manual = true;
  const client = await server.connect("a", { keepAliveSeconds: 10 });
  const chunk = Buffer.concat([1, 2, 3].map((id) => publishBytes("t", "x", { qos: 1, packetIdentifier: id })));
  await client.send(chunk);
  assert.equal(client.stream.paused, true);
  server.clock.advance(60_000);
  server.storage.complete();
  server.clock.turn();
  assert.deepEqual([client.closed, client.stream.paused], [false, false]);
  server.clock.advance(17_000);
  assert.equal(client.closed, true);
});

test("closes a connection without CONNECT at the deadline", async () => {
  const server = await MemoryServer.start();
  const client = server.open();
  await client.send(Buffer.from([0x10]));
  server.clock.advance(9_000);
  assert.equal(client.closed, false);
  server.clock.advance(3_000);
  assert.equal(client.closed, true);
});

test("uses one timer for all clients", async () => {
  const server = await MemoryServer.start();
  const before = server.clock.timersPending;
  for (let i = 0; i < 100; i++) await server.connect(`c${i}`, { keepAliveSeconds: 60 });
  assert.equal(server.clock.timersPending, before);
});
