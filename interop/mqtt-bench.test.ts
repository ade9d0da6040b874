/**
 * `mqtt-bench` against brokers of other people: what it says it sent and received must be what a second subscriber, which
 * shares no code with it, has seen; and what a broker cannot do must be said as such.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort, temporaryDirectory } from "@polylog/testkit";
import { Aedes } from "aedes";
import { missingTools } from "./outside-tools.ts";

const command = fileURLToPath(new URL("../../packages/loadgen/bin/mqtt-bench.js", import.meta.url));

interface Result {
  readonly counters: Readonly<Record<string, number>>;
  readonly delivery: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

async function bench(...argv: readonly string[]): Promise<Result> {
  const child = spawn(process.execPath, [command, "run", ...argv, "--json", "--quiet", "--no-store"]);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`mqtt-bench ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Result;
}

/** Waits until `port` accepts; ends `child` after the test. */
async function untilUp(t: TestContext, child: ChildProcess, port: number): Promise<void> {
  t.after(() => child.kill("SIGKILL"));
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const isUp = await Promise.race([once(socket, "connect"), once(socket, "error")]).then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return;
    assert.equal(child.exitCode, null, "the broker ended");
    await sleep(50);
  }
}

async function startMosquitto(t: TestContext): Promise<number> {
  const port = await freePort();
  const config = join(temporaryDirectory(t), "mosquitto.conf");
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n`);
  await untilUp(t, spawn("mosquitto", ["-c", config], { stdio: "ignore" }), port);
  return port;
}

async function startNats(t: TestContext): Promise<number> {
  const [port, mqttPort] = [await freePort(), await freePort()];
  const folder = temporaryDirectory(t);
  const config = join(folder, "nats.conf");
  const lines = [
    "server_name: bench",
    `host: 127.0.0.1, port: ${port}`,
    `jetstream { store_dir: "${folder}" }`,
    `mqtt { host: 127.0.0.1, port: ${mqttPort} }`,
  ];
  writeFileSync(config, lines.join("\n"));
  await untilUp(t, spawn("nats-server", ["-c", config], { stdio: "ignore" }), mqttPort);
  return mqttPort;
}

/** Counts what a second subscriber gets, until it is asked. */
async function startWitness(t: TestContext, port: number): Promise<() => Promise<number>> {
  const child = spawn("mosquitto_sub", [
    "-h",
    "127.0.0.1",
    "-p",
    `${port}`,
    "-q",
    "2",
    "-t",
    "bench/#",
    "-t",
    "ready",
    "-F",
    "%t",
  ]);
  t.after(() => child.kill("SIGKILL"));
  let printed = "";
  child.stdout.on("data", (chunk) => (printed += chunk));
  while (!printed.includes("ready")) {
    await once(spawn("mosquitto_pub", ["-h", "127.0.0.1", "-p", `${port}`, "-t", "ready", "-m", "x"]), "close");
    await sleep(50);
  }
  const count = () => printed.match(/^bench\//gm)?.length ?? 0;
  return async () => {
    let last = -1;
    for (let still = 0; still < 5; still = last === count() ? still + 1 : 0) {
      last = count();
      await sleep(100);
    }
    return last;
  };
}

const short = ["--host=127.0.0.1", "--warmup=300ms", "--duration=1s", "--rate=50"];

const scenarios = [
  { name: "fan-in", flags: ["--publishers=20", "--subscribers=4"], sent: 1000, copies: 1 },
  { name: "fan-out", flags: ["--publishers=2", "--subscribers=10", "--topics=2"], sent: 100, copies: 10 },
  { name: "straight-run", flags: ["--publishers=10"], sent: 500, copies: 1 },
  { name: "round-robin", flags: ["--publishers=10", "--subscribers=5"], sent: 500, copies: 1 },
] as const;

for (const qos of [0, 1, 2]) {
  const skip = missingTools("mosquitto", "mosquitto_sub", "mosquitto_pub");
  test(`counts at QoS ${qos} what mosquitto delivers to others`, { skip, timeout: 120_000 }, async (t) => {
    const port = await startMosquitto(t);
    let seen = 0;
    const witnessed = await startWitness(t, port);
    for (const { name, flags, sent, copies } of scenarios) {
      const { delivery, counters } = await bench(name, `--port=${port}`, ...short, ...flags, `--qos=${qos}`);
      const { received, lost, duplicates } = delivery;
      assert.deepEqual({ received, lost, duplicates }, { received: sent * copies, lost: 0, duplicates: 0 }, name);
      assert.equal(counters["sent"], sent);
      const total = await witnessed();
      assert.equal(total - seen, counters["sentAll"], name);
      seen = total;
    }
  });
}

const skipNats = missingTools("nats-server");

/** Aedes runs in this process, and counts what its clients publish. */
test("counts what Aedes has counted", { timeout: 120_000 }, async (t) => {
  const aedes = await Aedes.createBroker();
  const server = createServer(aedes.handle).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    aedes.close();
  });
  let published = 0;
  aedes.on("publish", (_packet, client) => {
    if (client !== null) published++;
  });
  const { port } = server.address() as { port: number };
  for (const qos of [0, 1, 2]) {
    for (const { name, flags, sent, copies } of scenarios) {
      published = 0;
      const { delivery, counters, warnings } = await bench(name, `--port=${port}`, ...short, ...flags, `--qos=${qos}`);
      const isUnknown = /seems not to know shared subscriptions/.test(warnings.join());
      assert.equal(delivery["received"], isUnknown ? 0 : sent * copies, `${name} at QoS ${qos}`);
      assert.equal(counters["sent"], sent);
      assert.equal(published, counters["sentAll"]);
    }
  }
});

/** Versions before 2.10 know no QoS 2; shared subscriptions of MQTT none does: what is not delivered is said. */
test("says what NATS cannot do", { skip: skipNats, timeout: 120_000 }, async (t) => {
  const port = `--port=${await startNats(t)}`;
  for (const qos of [0, 1, 2]) {
    for (const { name, flags, sent, copies } of scenarios) {
      const { delivery, warnings } = await bench(name, port, ...short, ...flags, `--qos=${qos}`, "--timeout=5s");
      const said = warnings.join("\n");
      if (/granted a lower QoS/.test(said) && qos === 2) continue;
      const wanted = /seems not to know shared subscriptions/.test(said) && name === "round-robin" ? 0 : sent * copies;
      assert.equal(delivery["received"], wanted, `${name} at QoS ${qos}: ${said}`);
    }
  }
});
