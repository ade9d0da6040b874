/** mqtt.js, speaking MQTT 5, against our broker. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient, connect as mqttConnect } from "mqtt";

const timeout = 60_000;
const command = fileURLToPath(new URL("../../packages/server/bin/polylog.js", import.meta.url));

async function connect(server: ServerProcess, clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
  const url = `mqtt://127.0.0.1:${server.listeners.mqtt.port}`;
  return connectAsync(url, { protocolVersion: 5, clientId, reconnectPeriod: 0, ...options });
}

interface Received {
  readonly topic: string;
  readonly text: string;
  readonly packet: IPublishPacket;
}

function collect(client: MqttClient): Received[] {
  const received: Received[] = [];
  client.on("message", (topic, payload, packet) => received.push({ topic, text: payload.toString(), packet }));
  return received;
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    assert.ok(waited < 10_000, "it takes too long");
    await sleep(10);
  }
}

const texts = (received: readonly Received[]) => received.map(({ text }) => text);
const lasting = { clean: false, properties: { sessionExpiryInterval: 300 } };

test("carries QoS 0, 1 and 2 with properties", { timeout }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const subscriber = await connect(server, "s");
  const received = collect(subscriber);
  await subscriber.subscribeAsync("t/#", { qos: 2, properties: { subscriptionIdentifier: 5 } });
  const publisher = await connect(server, "p");
  const properties = { contentType: "text/plain", userProperties: { k: "v" }, messageExpiryInterval: 100 };
  for (const qos of [0, 1, 2] as const)
    for (let i = 0; i < 100; i++) await publisher.publishAsync(`t/${qos}`, `${qos}-${i}`, { qos, properties });
  await until(() => received.length === 300);
  assert.equal(new Set(texts(received)).size, 300);
  const { packet } = received[299]!;
  assert.equal(packet.qos, 2);
  assert.equal(packet.properties?.contentType, "text/plain");
  assert.equal(packet.properties?.subscriptionIdentifier, 5);
  await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
});

test("resumes a session with what came meanwhile, over a kill", { timeout }, async (t) => {
  const dataDir = temporaryDirectory(t);
  let server = await startServer({ dataDir });
  const subscriber = await connect(server, "s", lasting);
  await subscriber.subscribeAsync("t", { qos: 2 });
  await subscriber.endAsync();
  const publisher = await connect(server, "p");
  for (let i = 0; i < 200; i++) await publisher.publishAsync("t", `${i}`, { qos: i % 2 === 0 ? 1 : 2 });
  publisher.on("error", () => undefined);
  await server.kill();
  server = await startServer({ dataDir });
  t.after(() => server.kill());
  const url = `mqtt://127.0.0.1:${server.listeners.mqtt.port}`;
  const again = mqttConnect(url, { protocolVersion: 5, clientId: "s", reconnectPeriod: 0, ...lasting });
  const received = collect(again);
  const connack = await new Promise<{ sessionPresent: boolean }>((resolve) => again.once("connect", resolve));
  assert.equal(connack.sessionPresent, true);
  await until(() => received.length >= 200);
  // mqtt.js hands a message of QoS 2 on when its PUBREL comes.
  for (const odd of [0, 1])
    assert.deepEqual(
      texts(received).filter((text) => Number(text) % 2 === odd),
      Array.from({ length: 100 }, (_, i) => `${2 * i + odd}`),
    );
  await again.endAsync();
});

test("shares a subscription among clients", { timeout }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const members = await Promise.all(["a", "b", "c"].map((clientId) => connect(server, clientId)));
  const received = members.map(collect);
  for (const member of members) await member.subscribeAsync("$share/g/work", { qos: 1 });
  const publisher = await connect(server, "p");
  for (let i = 0; i < 90; i++) await publisher.publishAsync("work", `${i}`, { qos: 1 });
  await until(() => received.flat().length === 90);
  assert.equal(new Set(texts(received.flat())).size, 90);
  for (const each of received) assert.ok(each.length >= 20);
  await Promise.all([...members, publisher].map((client) => client.endAsync()));
});

test("exchanges topic aliases in both directions", { timeout }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const subscriber = await connect(server, "s", { properties: { topicAliasMaximum: 10 } });
  const received = collect(subscriber);
  await subscriber.subscribeAsync("plant/#", { qos: 1 });
  const publisher = await connect(server, "p", { autoAssignTopicAlias: true });
  for (let i = 0; i < 20; i++) await publisher.publishAsync(`plant/${i % 4}`, `${i}`, { qos: 1 });
  await until(() => received.length === 20);
  for (const { topic, text } of received) assert.equal(topic, `plant/${Number(text) % 4}`);
  await Promise.all([subscriber.endAsync(), publisher.endAsync()]);
});

test("asks for user names and passwords", { timeout }, async (t) => {
  const directory = temporaryDirectory(t);
  const hash = spawnSync(process.execPath, [command, "users", "hash"], { input: "secret\n", encoding: "utf8" });
  const usersFile = join(directory, "users.toml");
  const permissions = 'publish = ["%u/#"]\nsubscribe = ["%u/#"]';
  writeFileSync(usersFile, `[[users]]\nname = "ada"\npassword = "${hash.stdout.trim()}"\n${permissions}\n`);
  const server = await startServer({ dataDir: join(directory, "data"), flags: [`--users-file=${usersFile}`] });
  t.after(() => server.kill());
  const refused = (error: Error & { code?: number }) => error.code === 0x86;
  await assert.rejects(connect(server, "eve", { username: "ada", password: "wrong" }), refused);
  const ada = await connect(server, "a", { username: "ada", password: "secret" });
  const [granted] = await ada.subscribeAsync("ada/#", { qos: 1 });
  assert.equal(granted!.qos, 1);
  await ada.publishAsync("ada/1", "x", { qos: 1 });
  await assert.rejects(ada.publishAsync("other/1", "x", { qos: 1 }), /Not authorized/);
  await ada.endAsync();
});

test("publishes a will after its delay, and tells who was taken over", { timeout }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const watcher = await connect(server, "w");
  const received = collect(watcher);
  await watcher.subscribeAsync("wills");
  const will = {
    topic: "wills",
    payload: Buffer.from("gone"),
    qos: 1,
    retain: false,
    properties: { willDelayInterval: 1 },
  };
  const doomed = await connect(server, "d", { ...lasting, will: will as NonNullable<IClientOptions["will"]> });
  doomed.stream.destroy();
  const closedAtMs = performance.now();
  await until(() => received.length === 1);
  assert.ok(performance.now() - closedAtMs >= 990);
  const old = await connect(server, "twice");
  const told = new Promise<number | undefined>((resolve) => {
    old.once("disconnect", ({ reasonCode }) => resolve(reasonCode));
  });
  const next = await connect(server, "twice");
  assert.equal(await told, 0x8e);
  await Promise.all([watcher.endAsync(), next.endAsync()]);
});
