/** `$replay/` and `$delayed/` over a real server, its restarts and its death. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { MqttClient } from "./mqtt-client.ts";

const timeout = 60_000;
const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 300 } };

async function serve(t: TestContext, dataDir: string): Promise<{ server: ServerProcess; open: () => MqttClient }> {
  const server = await startServer({ dataDir, flags: ["--capture=l=a/#"] });
  t.after(() => server.kill());
  const open = (): MqttClient => {
    const client = new MqttClient(server.listeners.mqtt.port);
    t.after(() => client.destroy());
    return client;
  };
  return { server, open };
}

/** Takes and acknowledges so many messages. */
async function take(client: MqttClient, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    const { payload, packetIdentifier } = await client.receive("PUBLISH");
    texts.push(payload.toString());
    client.send("PUBACK", { packetIdentifier, reasonCode: 0, properties: {} });
  }
  return texts;
}

test("a replay goes on where it was after a restart", { timeout }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await serve(t, dataDir);
  const publisher = first.open();
  await publisher.connect("p");
  for (const text of ["0", "1", "2"]) await publisher.publish("a", text);
  const reader = first.open();
  await reader.connect("s", lasting);
  assert.equal(await reader.subscribe("$replay/l/start/#"), 1);
  assert.deepEqual(await take(reader, 3), ["0", "1", "2"]);
  reader.send("DISCONNECT", { reasonCode: 0, properties: {} }); // Behind the PUBACKs.
  await reader.closed();
  assert.equal(await first.server.stop(), 0);
  const second = await serve(t, dataDir);
  const late = second.open();
  await late.connect("p");
  await late.publish("a", "3");
  const back = second.open();
  assert.equal((await back.connect("s", lasting)).sessionPresent, true);
  assert.deepEqual(await take(back, 1), ["3"]);
});

test("a delayed message survives kill -9", { timeout }, async (t) => {
  const dataDir = temporaryDirectory(t);
  const first = await serve(t, dataDir);
  const [subscriber, publisher] = [first.open(), first.open()];
  await subscriber.connect("s", lasting);
  await subscriber.subscribe("late");
  await publisher.connect("p");
  assert.equal(await publisher.publish("$delayed/2/late", "x"), 0);
  await first.server.kill();
  const second = await serve(t, dataDir);
  const back = second.open();
  await back.connect("s", lasting);
  assert.deepEqual(await take(back, 1), ["x"]);
});
