/** mqtt.js and mosquitto's clients through every door of MQTT: TLS, WebSocket, and WebSocket over TLS. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import {
  authorityCert,
  clientCertificate,
  renewedCertificate,
  type ServerProcess,
  serverCertificate,
  startServer,
  temporaryDirectory,
  writeTlsFiles,
} from "@polylog/testkit";
import mqtt from "mqtt";
import { missingTools } from "./outside-tools.ts";

const timeout = 60_000;

async function serve(t: TestContext, flags: readonly string[] = []) {
  const directory = temporaryDirectory(t);
  const tlsFlags = writeTlsFiles(directory, serverCertificate);
  const tlsListeners = ["--mqtt-tls-listen=127.0.0.1:0", "--http-tls-listen=127.0.0.1:0"];
  const server = await startServer({
    dataDir: join(directory, "data"),
    flags: [...tlsFlags, ...tlsListeners, ...flags],
  });
  t.after(() => server.kill());
  return { server, directory };
}

function urlsOf({ listeners }: ServerProcess): Record<string, string> {
  return {
    mqtt: `mqtt://127.0.0.1:${listeners.mqtt.port}`,
    mqtts: `mqtts://localhost:${listeners.mqttTls.port}`,
    ws: `ws://127.0.0.1:${listeners.http.port}/mqtt`,
    wss: `wss://localhost:${listeners.httpTls.port}/mqtt`,
  };
}

async function publishAndReceive(url: string): Promise<void> {
  const client = await mqtt.connectAsync(url, { ca: authorityCert, reconnectPeriod: 0 });
  const count = 300;
  const received: string[] = [];
  const complete = new Promise<void>((resolve) => {
    client.on("message", (_topic, payload) => {
      received.push(String(payload));
      if (received.length === count + 1) resolve();
    });
  });
  await client.subscribeAsync("doors/#", { qos: 1 });
  const sent = Array.from({ length: count }, (_, i) => `message ${i}`);
  await Promise.all(
    sent.map((payload, i) => client.publishAsync("doors/small", payload, { qos: i % 2 === 0 ? 0 : 1 })),
  );
  const large = "x".repeat(900_000);
  await client.publishAsync("doors/large", large, { qos: 1 });
  await complete;
  await client.endAsync();
  assert.deepEqual(new Set(received), new Set([...sent, large]));
}

for (const door of ["mqtt", "mqtts", "ws", "wss"]) {
  test(`MQTT-7.0.0-2 v3, MQTT-7.1.1-1 v3, MQTT-7.1.1-2 v3: mqtt.js publishes and subscribes over ${door}`, {
    timeout,
  }, async (t) => {
    const { server } = await serve(t);
    await publishAndReceive(urlsOf(server)[door]!);
    assert.equal(await server.stop(), 0);
  });
}

test("a server with open WebSockets stops in time", { timeout }, async (t) => {
  const { server } = await serve(t);
  const client = await mqtt.connectAsync(urlsOf(server)["ws"]!, { reconnectPeriod: 0 });
  const closed = new Promise<void>((resolve) => client.on("close", () => resolve()));
  const startedMs = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - startedMs < 5000);
  await closed;
});

const skip = missingTools("mosquitto_pub");

test("mosquitto_pub publishes over TLS", { skip, timeout }, async (t) => {
  const { server, directory } = await serve(t);
  const at = ["-h", "localhost", "-p", `${server.listeners.mqttTls.port}`, "--cafile", join(directory, "ca.pem")];
  const { status, stderr } = spawnSync("mosquitto_pub", [...at, "-q", "1", "-t", "a", "-m", "b"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});

test("a client without a certificate is refused where one is required", { timeout }, async (t) => {
  const { server } = await serve(t, ["--tls-client-auth=require"]);
  const url = urlsOf(server)["mqtts"]!;
  await assert.rejects(mqtt.connectAsync(url, { ca: authorityCert, reconnectPeriod: 0 }));
  const client = await mqtt.connectAsync(url, { ...clientCertificate, ca: authorityCert, reconnectPeriod: 0 });
  await client.endAsync();
});

test("SIGHUP renews certificates and drops nobody", { timeout }, async (t) => {
  const { server, directory } = await serve(t);
  const port = server.listeners.mqttTls.port;
  const client = await mqtt.connectAsync(`mqtts://localhost:${port}`, { ca: authorityCert, reconnectPeriod: 0 });
  client.on("close", () => assert.ok(hasEnded, "the connection was dropped"));
  let hasEnded = false;
  assert.equal(await commonNameAt(port), "localhost");

  writeTlsFiles(directory, renewedCertificate);
  process.kill(server.pid, "SIGHUP");
  while ((await commonNameAt(port)) !== "localhost renewed") await sleep(20);

  writeFileSync(join(directory, "server.pem"), "not a certificate");
  process.kill(server.pid, "SIGHUP");
  while (!server.output().includes("reloading failed")) await sleep(20);
  assert.equal(await commonNameAt(port), "localhost renewed");

  await client.publishAsync("a", "still here", { qos: 1 });
  hasEnded = true;
  await client.endAsync();
});

async function commonNameAt(port: number): Promise<string | undefined> {
  const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: authorityCert });
  await once(socket, "secureConnect");
  const name: unknown = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return typeof name === "string" ? name : undefined;
}
