/** Bridges between our server and mosquitto, both versions of MQTT, both directions, over kills of either side. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  freePort,
  type ServerProcess,
  serverCertificate,
  startServer,
  temporaryDirectory,
  writeTlsFiles,
} from "@polylog/testkit";
import mqtt, { type MqttClient } from "mqtt";
import { missingTools } from "./outside-tools.ts";

const skip = missingTools("mosquitto", "mosquitto_pub", "mosquitto_sub");
const forGood = 0xffff_ffff;

/** A mosquitto with persistence, on one port over all its lives. */
class Mosquitto {
  readonly port: number;
  readonly #file: string;
  #child: ChildProcess | undefined;
  printed = "";

  private constructor(t: TestContext, port: number, lines: readonly string[]) {
    const folder = temporaryDirectory(t);
    this.port = port;
    this.#file = join(folder, "mosquitto.conf");
    const common = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "user root", "max_queued_messages 0"];
    const saving = ["persistence true", `persistence_location ${folder}/`, "autosave_interval 3600"];
    writeFileSync(this.#file, `${[...common, ...saving, ...lines].join("\n")}\n`);
    t.after(() => this.kill());
  }

  static async start(t: TestContext, ...lines: readonly string[]): Promise<Mosquitto> {
    const mosquitto = new Mosquitto(t, await freePort(), lines);
    await mosquitto.start();
    return mosquitto;
  }

  async start(): Promise<void> {
    this.#child = spawn("mosquitto", ["-c", this.#file], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on("data", (text) => (this.printed += text));
    await until(
      () => accepts(this.port),
      () => this.printed,
    );
  }

  /** Writes all it has to its file. */
  async save(): Promise<void> {
    this.#child!.kill("SIGUSR1");
    await sleep(300);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function until(condition: () => boolean | Promise<boolean>, report: () => string): Promise<void> {
  for (const endMs = performance.now() + 20_000; !(await condition()); await sleep(50))
    assert.ok(performance.now() < endMs, report());
}

interface Bridge {
  readonly status: string;
  readonly version: string;
  readonly queued: number;
}

async function bridgeOf({ listeners }: ServerProcess): Promise<Bridge> {
  const response = await fetch(`http://127.0.0.1:${listeners.http.port}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "mqtt.bridges", params: {} }),
  });
  const { result } = (await response.json()) as { result: { bridges: Bridge[] } };
  return result.bridges[0]!;
}

async function untilConnected(server: ServerProcess): Promise<void> {
  await until(
    async () => (await bridgeOf(server)).status === "connected",
    () => server.output(),
  );
}

function flagsFor(url: string, ...topics: readonly string[]): string[] {
  return [`--mqtt-bridge=m=${url}`, ...topics.map((topic) => `--mqtt-bridge-topic=m=${topic}`)];
}

for (const version of ["5", "3.1.1"] as const)
  test(`moves topics to and from mosquitto by MQTT ${version}`, { skip, timeout: 60_000 }, async (t) => {
    const mosquitto = await Mosquitto.start(t);
    const url = `mqtt://127.0.0.1:${mosquitto.port}?version=${version}`;
    const flags = flagsFor(url, "out/# out 2", 'in/# in 2 "" far/', "both/# both 2");
    const server = await startServer({ dataDir: temporaryDirectory(t), flags });
    t.after(() => server.kill());
    await untilConnected(server);
    assert.equal((await bridgeOf(server)).version, version);
    const here = server.listeners.mqtt.port;
    const there = mosquitto.port;
    const take = (port: number, count: number) => {
      const format = ["-V", "mqttv5", "-q", "2", "--retain-as-published", "-F", "%t %q %r %p"];
      const child = spawn("mosquitto_sub", ["-p", `${port}`, "-t", "#", "-C", `${count}`, "-W", "20", ...format]);
      let printed = "";
      child.stdout.on("data", (chunk) => (printed += chunk));
      return once(child, "close").then(() => printed.trimEnd().split("\n").sort());
    };
    const received = [take(here, 12), take(there, 12)];
    await sleep(1000);
    for (const [port, topic] of [
      [here, "out/a"],
      [here, "both/here"],
      [there, "far/in/a"],
      [there, "both/there"],
    ] as const)
      for (const qos of ["0", "1", "2"])
        assert.equal(spawnSync("mosquitto_pub", ["-p", `${port}`, "-q", qos, "-t", topic, "-m", "x", "-r"]).status, 0);
    const expected = (topics: readonly string[]) =>
      topics.flatMap((topic) => [0, 1, 2].map((qos) => `${topic} ${qos} 1 x`)).sort();
    assert.deepEqual(await received[0], expected(["out/a", "both/here", "in/a", "both/there"]));
    assert.deepEqual(await received[1], expected(["out/a", "both/here", "far/in/a", "both/there"]));
    await sleep(300); // An echo would come by now.
    const metrics = await (await fetch(`http://127.0.0.1:${server.listeners.http.port}/metrics`)).text();
    assert.match(metrics, /bridge_messages_total\{bridge="m",direction="in"\} 6$/m);
    assert.match(metrics, /bridge_messages_total\{bridge="m",direction="out"\} 6$/m);
  });

test("connects to mosquitto over TLS with a user", { skip, timeout: 60_000 }, async (t) => {
  const folder = temporaryDirectory(t);
  writeTlsFiles(folder, serverCertificate);
  const [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map((name) => join(folder, name));
  const passwords = join(temporaryDirectory(t), "passwords");
  assert.equal(spawnSync("mosquitto_passwd", ["-c", "-b", passwords, "ada", "secret"]).status, 0);
  const port = await freePort();
  const lines = [`listener ${port} 127.0.0.1`, `cafile ${ca}`, `certfile ${cert}`, `keyfile ${key}`];
  const mosquitto = await Mosquitto.start(t, ...lines, `password_file ${passwords}`);
  const secret = join(temporaryDirectory(t), "secret");
  writeFileSync(secret, "secret\n");
  const url = `mqtts://ada@localhost:${port}?ca=${ca}&password-file=${secret}`;
  const server = await startServer({ dataDir: temporaryDirectory(t), flags: flagsFor(url, "# out 1") });
  t.after(() => server.kill());
  await until(
    async () => (await bridgeOf(server)).status === "connected",
    () => server.output() + mosquitto.printed,
  );
});

/** Numbers that a client publishes one by one, and whether each was acknowledged. */
class Numbers {
  readonly acknowledged = new Set<number>();
  #next = 0;

  async publish(client: MqttClient, topic: string, qos: 1 | 2, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const number = this.#next++;
      await client.publishAsync(topic, String(number), { qos });
      this.acknowledged.add(number);
    }
  }
}

interface Collector {
  readonly client: MqttClient;
  /** How often each number came. */
  readonly counts: Map<number, number>;
  /** Packet identifiers of what came and is not acknowledged to the end: its broker may send it again. */
  readonly underWay: ReadonlySet<number | undefined>;
}

/** A session that keeps what comes. */
async function collect(port: number, topic: string): Promise<Collector> {
  const counts = new Map<number, number>();
  const underWay = new Set<number | undefined>();
  const session = { clientId: "collector", clean: false, properties: { sessionExpiryInterval: forGood } };
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { ...session, protocolVersion: 5, reconnectPeriod: 50 });
  client.on("message", (_topic, payload) => counts.set(Number(payload), (counts.get(Number(payload)) ?? 0) + 1));
  client.on("packetreceive", ({ cmd, messageId }) => {
    if (cmd === "publish") underWay.add(messageId);
  });
  client.on("packetsend", ({ cmd, messageId }) => {
    if (cmd === "puback" || cmd === "pubcomp") underWay.delete(messageId);
  });
  client.on("error", () => undefined);
  await client.subscribeAsync(topic, { qos: 2 });
  return { client, counts, underWay };
}

async function judge(numbers: Numbers, counts: ReadonlyMap<number, number>, qos: 1 | 2): Promise<void> {
  const lost = () => [...numbers.acknowledged].filter((number) => !counts.has(number));
  await until(
    () => lost().length === 0,
    () => `lost ${lost().length}: ${lost().slice(0, 20)}`,
  );
  await sleep(500);
  const repeated = [...counts].filter(([, count]) => count > 1).map(([number]) => number);
  if (qos === 2) assert.deepEqual(repeated, []);
}

for (const qos of [1, 2] as const) {
  test(`loses nothing to mosquitto at QoS ${qos} when it is killed`, { skip, timeout: 120_000 }, async (t) => {
    const mosquitto = await Mosquitto.start(t);
    const flags = flagsFor(`mqtt://127.0.0.1:${mosquitto.port}`, "a/# out 2");
    const server = await startServer({ dataDir: temporaryDirectory(t), flags });
    t.after(() => server.kill());
    const { client: collector, counts, underWay } = await collect(mosquitto.port, "a/#");
    const publisher = await mqtt.connectAsync(`mqtt://127.0.0.1:${server.listeners.mqtt.port}`);
    t.after(() => Promise.all([collector.endAsync(true), publisher.endAsync(true)]));
    const numbers = new Numbers();
    for (let round = 0; round < 3; round++) {
      await numbers.publish(publisher, "a/b", qos, 200);
      // What mosquitto has acknowledged and not saved, it loses; so it is killed when it has nothing under way.
      await until(
        async () =>
          (await bridgeOf(server)).queued === 0 && counts.size === numbers.acknowledged.size && underWay.size === 0,
        () => `${server.output()}${underWay.size} under way`,
      );
      await mosquitto.save();
      await mosquitto.kill();
      await numbers.publish(publisher, "a/b", qos, 200);
      await mosquitto.start();
    }
    await judge(numbers, counts, qos);
  });

  test(`loses nothing from mosquitto at QoS ${qos} when our server is killed`, {
    skip,
    timeout: 120_000,
  }, async (t) => {
    const mosquitto = await Mosquitto.start(t);
    const dataDir = temporaryDirectory(t);
    const flags = flagsFor(`mqtt://127.0.0.1:${mosquitto.port}`, "a/# both 2");
    let server = await startServer({ dataDir, flags });
    t.after(() => server.kill());
    await untilConnected(server);
    const here = server.listeners.mqtt.port;
    const { client: collector, counts } = await collect(here, "a/#");
    const publisher = await mqtt.connectAsync(`mqtt://127.0.0.1:${mosquitto.port}`);
    t.after(() => Promise.all([collector.endAsync(true), publisher.endAsync(true)]));
    const numbers = new Numbers();
    for (let round = 0; round < 3; round++) {
      const publishing = numbers.publish(publisher, "a/b", qos, 1500);
      await sleep(150 + 100 * round);
      await server.kill();
      server = await startServer({ dataDir, flags: [...flags, `--mqtt-listen=127.0.0.1:${here}`] });
      await publishing;
    }
    await judge(numbers, counts, qos);
  });
}
