/** Message Expiry Interval beyond MQTT: in the logs that capture a message, and of messages that come from a log. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryServer } from "./testing/memory-server.ts";

const captures = [{ log: "telemetry", filter: "sensors/#" }];

test("a channel does not deliver a captured message that has expired", async () => {
  const server = await MemoryServer.start({ captures });
  const log = server.broker.catalog.require("telemetry");
  const channel = await server.broker.catalog.ensureChannel(log, "workers");
  const publisher = await server.connect5("p");
  await publisher.publish("sensors/1", "short", { qos: 1, properties: { messageExpiryInterval: 2 } });
  await publisher.publish("sensors/1", "long", { qos: 0, properties: { messageExpiryInterval: 60 } });
  await publisher.publish("sensors/1", "lasting", { qos: 1 });
  await server.advance(2000);
  const received: string[] = [];
  const sink = {
    onRecord: ({ bytes, valueStart, valueEnd }: { bytes: Buffer; valueStart: number; valueEnd: number }) =>
      void received.push(bytes.toString("utf8", valueStart, valueEnd)),
    onChannelClosed: () => undefined,
  };
  channel.setReady(channel.addConsumer(sink, 1000, 1000), 10);
  await server.run();
  assert.deepEqual(received, ["long", "lasting"]);
  assert.equal(channel.counters.expiredCount, 1);
});

test("a subscriber is told how long a message from a log is of use", async () => {
  const server = await MemoryServer.start();
  const log = server.broker.catalog.ensure("orders");
  const subscriber = await server.connect5("s");
  await subscriber.subscribe("orders", { qos: 1 });
  subscriber.packets();
  const value = Buffer.from("x");
  const expiresMs = server.clock.nowMs() + 30_000;
  server.broker.produceRecord(log, log.partitions[0]!, { value, expiresMs });
  await server.run();
  const [{ properties }] = subscriber.messages();
  assert.deepEqual(properties, { messageExpiryInterval: 30 });
});

test("says 0x97 for what a full log does not take", async () => {
  const server = await MemoryServer.start({ captures, defaults: { depthRecords: 1 } });
  const publisher = await server.connect5("p");
  await publisher.publish("sensors/1", "a", { qos: 1 });
  await publisher.publish("sensors/1", "b", { qos: 1 });
  assert.deepEqual(publisher.names(), ["PUBACK", "PUBACK 97"]);
});
