/** What the options of `--mqtt-…` set, as clients notice it. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { MqttClient } from "./mqtt-client.ts";

const timeout = 60_000;

async function serve(t: TestContext, ...flags: readonly string[]): Promise<() => MqttClient> {
  const server = await startServer({ dataDir: temporaryDirectory(t), flags });
  t.after(() => server.kill());
  return () => {
    const client = new MqttClient(server.listeners.mqtt.port);
    t.after(() => client.destroy());
    return client;
  };
}

test("CONNACK tells the limits that were set", { timeout }, async (t) => {
  const open = await serve(
    t,
    "--mqtt-max-packet-size=2KiB",
    "--mqtt-max-keep-alive=30s",
    "--mqtt-receive-maximum=20",
    "--mqtt-topic-alias-maximum=5",
    "--mqtt-max-session-expiry=1m",
  );
  const { properties } = await open().connect("a", { properties: { sessionExpiryInterval: 1000 } });
  const { sessionExpiryInterval, receiveMaximum, maximumPacketSize, topicAliasMaximum, serverKeepAlive } = properties;
  assert.deepEqual(
    { sessionExpiryInterval, receiveMaximum, maximumPacketSize, topicAliasMaximum, serverKeepAlive },
    {
      sessionExpiryInterval: 60,
      receiveMaximum: 20,
      maximumPacketSize: 2048,
      topicAliasMaximum: 5,
      serverKeepAlive: 30,
    },
  );
});

test("connections beyond the limit are closed", { timeout }, async (t) => {
  const open = await serve(t, "--mqtt-max-connections=1");
  assert.equal((await open().connect("a")).reasonCode, 0);
  await open().closed();
});

const quotaExceeded = 0x97;
const outcomes = [
  { whenFull: "drop-oldest", secondCode: 0, kept: "2" },
  { whenFull: "drop-newest", secondCode: 0, kept: "1" },
  { whenFull: "refuse", secondCode: quotaExceeded, kept: "1" },
] as const;

for (const { whenFull, secondCode, kept } of outcomes) {
  test(`a full session does as --mqtt-queue-full=${whenFull} says`, { timeout }, async (t) => {
    const open = await serve(t, "--mqtt-max-queued-messages=1", `--mqtt-queue-full=${whenFull}`);
    const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 300 } };
    const away = open();
    await away.connect("away", lasting);
    await away.subscribe("a");
    away.send("DISCONNECT", { reasonCode: 0, properties: {} });
    await away.closed();
    const publisher = open();
    await publisher.connect("publisher");
    assert.deepEqual([await publisher.publish("a", "1"), await publisher.publish("a", "2")], [0, secondCode]);
    const back = open();
    assert.equal((await back.connect("away", lasting)).sessionPresent, true);
    assert.equal((await back.receive("PUBLISH")).payload.toString(), kept);
  });
}
