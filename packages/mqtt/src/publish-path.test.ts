import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStream } from "@polylog/testkit";
import { connectBytes, publishBytes } from "./testing/memory-client.ts";
import { MemoryServer } from "./testing/memory-server.ts";

const captured = [{ log: "log", filter: "log/#" }];

/** A peer that takes its time to close. */
class LingeringStream extends MemoryStream {
  ended = false;
  writesAfterEnd = 0;

  override end(): void {
    this.ended = true;
  }

  override write(bytes: Uint8Array): boolean {
    if (this.ended) this.writesAfterEnd++;
    return super.write(bytes);
  }
}

function puback(packetIdentifier: number) {
  return { type: "PUBACK", packetIdentifier };
}

test("forwards a message of QoS 0 as the bytes it came in", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect("s");
  await subscriber.subscribe("a/+");
  subscriber.packets();
  const bytes = publishBytes("a/b", "x");
  await (await server.connect("p")).send(bytes);
  assert.deepEqual(subscriber.stream.received(), bytes);
});

test("does not forward a remaining length longer than needed", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect("s");
  await subscriber.subscribe("a", 1);
  subscriber.packets();
  const publisher = await server.connect("p");
  await publisher.send(Buffer.from("308400" + "00016178", "hex"));
  assert.deepEqual(subscriber.stream.received(), publishBytes("a", "x"));
  await publisher.send(Buffer.from("328600" + "000161000978", "hex"));
  assert.deepEqual(subscriber.stream.received(), publishBytes("a", "x", { qos: 1 }));
});

test("MQTT-3.3.1-9 v3: a retained message goes out live with RETAIN 0", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect("s");
  await subscriber.subscribe("a", 1);
  subscriber.packets();
  const publisher = await server.connect("p");
  await publisher.publish("a", "0", { retain: true });
  await publisher.publish("a", "1", { retain: true, qos: 1 });
  const [first, second] = subscriber.messages();
  assert.deepEqual([first.retain, second.retain], [false, false]);
});

test("MQTT-3.3.1-3 v3: does not hand on DUP", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect("s");
  await subscriber.subscribe("a", 1);
  await (await server.connect("p")).publish("a", "x", { qos: 1, dup: true });
  assert.equal(subscriber.messages()[0].dup, false);
});

test("MQTT-3.8.4-6 v3: delivers at the lower of both QoS", async () => {
  const server = await MemoryServer.start();
  const low = await server.connect("low");
  await low.subscribe("a", 0);
  const high = await server.connect("high");
  await high.subscribe("a", 2);
  const publisher = await server.connect("p");
  await publisher.publish("a", "0", { qos: 0 });
  await publisher.publish("a", "1", { qos: 1 });
  assert.deepEqual(
    low.messages().map(({ qos }) => qos),
    [0, 0],
  );
  assert.deepEqual(
    high.messages().map(({ qos }) => qos),
    [0, 1],
  );
});

test("delivers payloads of every size unchanged", async () => {
  const server = await MemoryServer.start();
  const zero = await server.connect("zero");
  await zero.subscribe("#", 0);
  const one = await server.connect("one");
  await one.subscribe("#", 1);
  const publisher = await server.connect("p");
  for (const size of [0, 1, 121, 122, 4000, 4096, 5000, 16_384, 300_000]) {
    const payload = "z".repeat(size);
    await publisher.publish("a/b", payload, { qos: 0 });
    await publisher.publish("a/b", payload, { qos: 1 });
    assert.deepEqual(zero.payloads(), [payload, payload]);
    assert.deepEqual(one.payloads(), [payload, payload]);
  }
});

test("MQTT-3.3.2-2 v3: closes on a topic name with a wildcard", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.send(Buffer.from("300400022b2f", "hex"));
  assert.equal(client.closed, true);
  assert.equal(server.complaints[0].fields["code"], "mqtt-wire.TOPIC_NAME_INVALID");
});

test("MQTT-4.3.3-2 v3: publishes a message of QoS 2 once", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect("s");
  await subscriber.subscribe("t");
  subscriber.packets();
  const client = await server.connect("a");
  for (const dup of [false, true]) await client.publish("t", "x", { qos: 2, packetIdentifier: 1, dup });
  assert.deepEqual(client.packets(), [
    { type: "PUBREC", packetIdentifier: 1 },
    { type: "PUBREC", packetIdentifier: 1 },
  ]);
  await client.pubrel(1);
  assert.deepEqual(client.packets(), [{ type: "PUBCOMP", packetIdentifier: 1 }]);
  await client.publish("t", "y", { qos: 2, packetIdentifier: 1 });
  assert.deepEqual(subscriber.payloads(), ["x", "y"]);
});

test("ignores messages below $SYS and acknowledges them", async () => {
  const server = await MemoryServer.start();
  const subscriber = await server.connect("s");
  await subscriber.subscribe("$SYS/#");
  subscriber.packets();
  const client = await server.connect("a");
  await client.publish("$SYS/broker", "x");
  await client.publish("$SYS", "x", { qos: 1 });
  await client.publish("$SYSTEM", "other");
  assert.deepEqual(client.packets(), [puback(1)]);
  assert.deepEqual(subscriber.messages(), []);
  assert.equal(server.metric('polylog_mqtt_messages_refused_total{reason="topic"}'), 2);
});

test("MQTT-3.3.5-2 v3: acknowledges what a client may not publish", async () => {
  const access = {
    allows: (_: unknown, action: string, resource: string) => action !== "publish" || resource !== "secret",
  };
  const server = await MemoryServer.start({ access });
  const client = await server.connect("a");
  await client.subscribe("#");
  client.packets();
  await client.publish("secret", "x", { qos: 1, packetIdentifier: 9 });
  await client.publish("open", "y");
  const received = client.packets();
  assert.deepEqual(received[0], puback(9));
  assert.equal(received.length, 2);
  assert.equal(server.metric('polylog_mqtt_messages_refused_total{reason="access"}'), 1);
});

test("acknowledges at once what no log captures", async () => {
  const client = await (await MemoryServer.start()).connect("a");
  await client.publish("t", "x", { qos: 1, packetIdentifier: 65_535 });
  assert.deepEqual(client.packets(), [puback(65_535)]);
});

test("acknowledges once the log has reached its level", async () => {
  const server = await MemoryServer.start({ captures: captured, defaults: { durability: "written" } });
  server.storage.manual = true;
  const client = await server.connect("a");
  await client.publish("log/a", "x", { qos: 1 });
  await server.run();
  assert.deepEqual(client.packets(), []);
  server.storage.complete(1);
  await server.run();
  assert.deepEqual(client.packets(), [puback(1)]);
});

test("MQTT-4.6.0-2 v3: acknowledges in the order of publishing", async () => {
  const server = await MemoryServer.start({ captures: captured });
  server.storage.manual = true;
  const client = await server.connect("a");
  for (const [topic, packetIdentifier] of [
    ["log/a", 5],
    ["elsewhere", 3],
    ["log/b", 9],
    ["elsewhere", 1],
  ] as const)
    await client.publish(topic, "x", { qos: 1, packetIdentifier });
  assert.deepEqual(client.packets(), []);
  server.storage.complete(1);
  assert.deepEqual(client.packets(), [puback(5), puback(3)]);
  server.storage.complete();
  assert.deepEqual(client.packets(), [puback(9), puback(1)]);
});

test("appends what it captures under its topic", async () => {
  const server = await MemoryServer.start({ captures: captured });
  await (await server.connect("a")).publish("log/a", "x");
  assert.equal(server.broker.catalog.require("log").partitions[0].nextOffset, 1);
});

test("closes without PUBACK when the log fails", async () => {
  const server = await MemoryServer.start({ captures: captured });
  const client = await server.connect("a");
  server.storage.failAt("write", 1);
  await client.publish("log/a", "x", { qos: 1 });
  await client.publish("elsewhere", "y", { qos: 1 });
  await server.run();
  assert.deepEqual(client.packets(), []);
  assert.equal(client.closed, true);
  assert.deepEqual(
    server.complaints.map(({ fields }) => fields["code"]),
    ["mqtt.MESSAGE_NOT_STORED"],
  );
});

test("closes without PUBACK when the log is read-only", async () => {
  const server = await MemoryServer.start({ captures: captured });
  server.storage.failAt("write", 1);
  await (await server.connect("a")).publish("log/a", "x");
  await server.run();
  const client = await server.connect("b");
  await client.publish("log/a", "x", { qos: 1 });
  assert.deepEqual([client.packets(), client.closed], [[], true]);
});

test("drops and counts QoS 0 when the log is read-only", async () => {
  const server = await MemoryServer.start({ captures: captured });
  server.storage.failAt("write", 1);
  const client = await server.connect("a");
  await client.publish("log/a", "x");
  await server.run();
  await client.publish("log/a", "x");
  await client.publish("log/a", "x");
  assert.equal(client.closed, false);
  assert.equal(server.metric('polylog_mqtt_messages_refused_total{reason="storage"}'), 2);
  assert.equal(server.complaints.length, 1);
});

test("while the disk is full, closes without PUBACK and drops QoS 0", async () => {
  const server = await MemoryServer.start({ captures: captured, diskFreeMin: 1000 });
  await (await server.connect("a")).publish("log/a", "x");
  await server.run();
  server.storage.freeBytesLeft = 999;
  server.clock.advance(1000);
  await server.run();
  const client = await server.connect("b");
  await client.publish("log/a", "x");
  assert.equal(server.metric('polylog_mqtt_messages_refused_total{reason="storage"}'), 1);
  await client.publish("kept", "x", { retain: true });
  await client.publish("kept", "", { retain: true });
  assert.equal(server.metric('polylog_mqtt_messages_refused_total{reason="storage"}'), 2);
  await client.publish("log/a", "x", { qos: 1 });
  assert.deepEqual([client.packets(), client.closed], [[], true]);
  server.storage.freeBytesLeft = 10_000_000;
  server.clock.advance(1000);
  await server.run();
  const later = await server.connect("c");
  await later.publish("log/a", "x", { qos: 1 });
  await server.run();
  assert.deepEqual(later.packets(), [puback(1)]);
});

test("a retained message of QoS 0 that is not stored blocks no PUBACK", async () => {
  const server = await MemoryServer.start({ captures: captured });
  server.storage.failAt("write", 1);
  const client = await server.connect("a");
  await client.publish("log/a", "x");
  await server.run();
  await client.publish("log/a", "x", { retain: true });
  await client.publish("elsewhere", "y", { qos: 1 });
  assert.deepEqual(client.packets(), [puback(1)]);
});

test("sends nothing after it has said goodbye", async () => {
  const server = await MemoryServer.start({ captures: captured });
  server.storage.manual = true;
  const stream = new LingeringStream();
  server.server.accept(stream);
  for (const bytes of [connectBytes("a"), publishBytes("log/a", "x", { qos: 1 }), Buffer.from([0xe0, 0])]) {
    stream.send(bytes);
    server.clock.turn();
  }
  assert.equal(stream.ended, true);
  server.storage.complete();
  await server.run();
  assert.equal(stream.writesAfterEnd, 0);
});

test("stops reading while a log has no room", async () => {
  const server = await MemoryServer.start({ captures: captured, pendingBytesMax: 1000 });
  server.storage.manual = true;
  const client = await server.connect("a");
  const bytes: Buffer[] = [];
  for (let i = 1; i <= 20; i++) bytes.push(publishBytes("log/a", "x".repeat(300), { qos: 1, packetIdentifier: i }));
  await client.send(Buffer.concat(bytes));
  await server.run();
  assert.equal(client.stream.paused, true);
  const { partitions } = server.broker.catalog.require("log");
  assert.ok(partitions[0].nextOffset < 6);
  for (let i = 0; i < 20; i++) {
    server.storage.complete();
    await server.run();
  }
  assert.equal(client.stream.paused, false);
  assert.equal(partitions[0].nextOffset, 20);
  const identifiers = client.packets().map((packet) => packet.type === "PUBACK" && packet.packetIdentifier);
  assert.deepEqual(
    identifiers,
    bytes.map((_, index) => index + 1),
  );
});

test("stops reading while all logs together have no room", async () => {
  const captures = ["a", "b"].map((log) => ({ log, filter: `${log}/#` }));
  const server = await MemoryServer.start({ captures, pendingTotalMax: 1000 });
  server.storage.manual = true;
  const other = await server.connect("other");
  await other.publish("a/1", "x".repeat(1000), { qos: 1 });
  const client = await server.connect("client");
  await client.publish("b/1", "x", { qos: 1 });
  await server.run();
  assert.deepEqual([client.stream.paused, client.packets()], [true, []]);
  server.storage.manual = false;
  server.storage.complete();
  await server.run();
  assert.deepEqual([client.stream.paused, client.packets(), other.packets()], [false, [puback(1)], [puback(1)]]);
});

test("stops reading while too many messages wait for their PUBACK", async () => {
  const server = await MemoryServer.start({ captures: captured, limits: { unacknowledgedMax: 4 } });
  const client = await server.connect("a");
  const bytes: Buffer[] = [];
  for (let i = 1; i <= 20; i++) bytes.push(publishBytes("log/a", "x", { qos: 1, packetIdentifier: i }));
  client.stream.send(Buffer.concat(bytes));
  assert.equal(client.stream.paused, true);
  assert.equal(server.broker.catalog.require("log").partitions[0].nextOffset, 4);
  await server.run();
  await server.run();
  assert.equal(client.stream.paused, false);
  assert.equal(client.packets().length, 20);
});

test("acknowledges a retained message once it is saved", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  client.stream.send(publishBytes("t", "x", { qos: 1, retain: true }));
  assert.deepEqual(client.packets(), []);
  await server.run();
  assert.deepEqual(client.packets(), [puback(1)]);
});

test("sends no PUBACK for a retained message of QoS 0", async () => {
  const server = await MemoryServer.start();
  const client = await server.connect("a");
  await client.publish("t", "x", { retain: true });
  await client.publish("t", "y", { qos: 1 });
  await server.run();
  assert.deepEqual(client.packets(), [puback(1)]);
});
