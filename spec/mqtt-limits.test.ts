/** What the options of `--mqtt-…` set, as clients notice it. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { startServer, temporaryDirectory } from "@polylog/testkit";
import { readLog } from "./json-rpc-client.ts";
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

test("a full session refuses what NSQ and JSON-RPC produce, too", { timeout }, async (t) => {
  const flags = ["--mqtt-max-queued-messages=1", "--mqtt-queue-full=refuse"];
  const server = await startServer({ dataDir: temporaryDirectory(t), flags });
  t.after(() => server.kill());
  const { mqtt, nsqTcp, nsqHttp, http } = server.listeners;
  const away = new MqttClient(mqtt.port);
  await away.connect("away", { cleanStart: false, properties: { sessionExpiryInterval: 300 } });
  await away.subscribe("orders");
  away.send("DISCONNECT", { reasonCode: 0, properties: {} });
  await away.closed();
  const post = async (port: number, path: string, body: string, type = "text/plain") => {
    const init = { method: "POST", body, headers: { "content-type": type } };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return [response.status, await response.text()];
  };
  const refused = [503, '{"message":"SESSION_QUEUE_FULL"}'];
  assert.deepEqual(await post(nsqHttp.port, "/mpub?topic=orders", "a\nb"), refused);
  assert.deepEqual(await post(nsqHttp.port, "/pub?topic=orders", "first"), [200, "OK"]);
  for (const path of ["/pub?topic=orders", "/mpub?topic=orders", "/pub?topic=orders&ttl=60000"])
    assert.deepEqual(await post(nsqHttp.port, path, "more"), refused);
  const params = { log: "orders", encoding: "utf8", records: [{ value: "more" }, { value: "and more" }] };
  const call = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "produce", params });
  const [, answer] = await post(http.port, "/rpc", call, "application/json");
  const { error } = JSON.parse(String(answer)) as { error: { code: number; data: object } };
  assert.deepEqual([error.code, { ...error.data, code: "" }], [-32057, { ...error.data, code: "", retryable: true }]);
  const socket = connect(nsqTcp.port, "127.0.0.1");
  socket.end("  V2PUB orders\n\0\0\0\x04more");
  let told = "";
  for await (const chunk of socket) told += String(chunk);
  assert.match(told, /E_PUB_FAILED PUB failed .*queue of session away is full/);
  assert.deepEqual(
    (await readLog(http.port, "orders")).map(({ value }) => value),
    ["first"],
  );
});
