/** Mosquitto's own command-line clients against our broker. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, startServer, temporaryDirectory } from "@polylog/testkit";
import { missingTools } from "./outside-tools.ts";

/** Waits until the broker, not the client, says so: what mosquitto_sub prints may stand in its buffer. */
async function untilSubscribed(server: ServerProcess, filters: number): Promise<void> {
  for (;;) {
    const metrics = await (await fetch(`http://127.0.0.1:${server.listeners.http.port}/metrics`)).text();
    if (new RegExp(`^polylog_subscriptions ${filters}$`, "m").test(metrics)) return;
    await sleep(20);
  }
}

const skip = missingTools("mosquitto_pub", "mosquitto_sub");

test("takes lines from mosquitto_pub into a log and to mosquitto_sub", { skip, timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: ["--capture", "telemetry=sensors/#"] });
  t.after(() => server.kill());
  const { port } = server.listeners.mqtt;
  const count = 1000;
  const subscriber = spawn("mosquitto_sub", ["-p", `${port}`, "-q", "1", "-t", "sensors/#", "-C", `${count}`]);
  let printed = "";
  subscriber.stdout.on("data", (chunk) => (printed += chunk));
  await untilSubscribed(server, 1);

  const lines = Array.from({ length: count }, (_, i) => `line ${i}`);
  const publisher = spawnSync("mosquitto_pub", ["-p", `${port}`, "-q", "1", "-t", "sensors/a", "-l"], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
  });
  assert.equal(publisher.status, 0, publisher.stderr);
  await once(subscriber, "close");
  assert.deepEqual(printed.trimEnd().split("\n"), lines);
  const stats = await (await fetch(`http://127.0.0.1:${server.listeners.http.port}/metrics`)).text();
  assert.match(stats, /^polylog_logs 1$/m);
});

test("gives a retained message to a later mosquitto_sub", { skip, timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const at = ["-p", `${server.listeners.mqtt.port}`, "-t", "house/door"];
  assert.equal(spawnSync("mosquitto_pub", [...at, "-q", "1", "-r", "-m", "closed"]).status, 0);
  const later = spawnSync("mosquitto_sub", [...at, "-C", "1", "-W", "10", "-F", "%r %p"], { encoding: "utf8" });
  assert.equal(later.stdout, "1 closed\n");
});

test("publishes the will of a mosquitto_sub that is killed", { skip, timeout: 60_000 }, async (t) => {
  const server = await startServer({ dataDir: temporaryDirectory(t) });
  t.after(() => server.kill());
  const port = `${server.listeners.mqtt.port}`;
  const watcher = spawn("mosquitto_sub", ["-p", port, "-t", "wills", "-C", "1", "-W", "20"]);
  let printed = "";
  watcher.stdout.on("data", (chunk) => (printed += chunk));
  const doomed = spawn("mosquitto_sub", ["-p", port, "-t", "x", "--will-topic", "wills", "--will-payload", "gone"]);
  await untilSubscribed(server, 2);
  doomed.kill("SIGKILL");
  await once(watcher, "close");
  assert.match(printed, /^gone$/m);
});

for (const version of ["mqttv31", "mqttv311", "mqttv5"])
  test(`carries QoS 2 between ${version} clients`, { skip, timeout: 60_000 }, async (t) => {
    const server = await startServer({ dataDir: temporaryDirectory(t) });
    t.after(() => server.kill());
    const at = ["-V", version, "-p", `${server.listeners.mqtt.port}`, "-q", "2", "-t", "a/b"];
    const subscriber = spawn("mosquitto_sub", [...at, "-C", "100"]);
    let printed = "";
    subscriber.stdout.on("data", (chunk) => (printed += chunk));
    await untilSubscribed(server, 1);
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
    const publisher = spawnSync("mosquitto_pub", [...at, "-l"], { input: `${lines.join("\n")}\n`, encoding: "utf8" });
    assert.equal(publisher.status, 0, publisher.stderr);
    await once(subscriber, "close");
    assert.deepEqual(printed.trimEnd().split("\n"), lines);
  });
