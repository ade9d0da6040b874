/**
 * Two servers with a bridge between them. In the test that kills them nothing of QoS 1 may be lost and nothing of QoS 2 may
 * come twice, in either direction, whichever of the two dies.
 *
 *     POLYLOG_BRIDGE_KILLS=50    kills; default 4
 *     POLYLOG_SEED=1234          repeats the schedule of a run
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServerProcess, seededChance, startServer, temporaryDirectory } from "@polylog/testkit";
import { Collector, Sender, until } from "./bridge-ends.ts";
import { callRpc } from "./json-rpc-client.ts";
import { MqttClient } from "./mqtt-client.ts";

const killsWanted = Number(process.env["POLYLOG_BRIDGE_KILLS"] ?? 4);

/** A server that keeps its MQTT port from one life to the next. */
class Host {
  server!: ServerProcess;
  readonly #dataDir: string;
  readonly #flags: readonly string[];
  #port = 0;

  constructor(t: TestContext, flags: readonly string[] = []) {
    this.#dataDir = temporaryDirectory(t);
    this.#flags = ["--mqtt-max-queued-messages=1000000", "--mqtt-max-queued-bytes=1GiB", ...flags];
    t.after(() => this.server?.kill());
  }

  async start(): Promise<this> {
    const listen = this.#port === 0 ? [] : [`--mqtt-listen=127.0.0.1:${this.#port}`];
    this.server = await startServer({ dataDir: this.#dataDir, flags: [...this.#flags, ...listen] });
    this.#port = this.port;
    return this;
  }

  get port(): number {
    return this.server.listeners.mqtt.port;
  }

  async bridge(): Promise<Readonly<Record<string, unknown>>> {
    const answer = await callRpc(this.server.listeners.http.port, "mqtt.bridges", {});
    return (answer as { bridges: readonly Readonly<Record<string, unknown>>[] }).bridges[0]!;
  }

  async untilConnected(): Promise<void> {
    assert.ok(await until(async () => (await this.bridge())["status"] === "connected"), this.server.output());
  }
}

function bridgeFlags(to: Host, ...topics: readonly string[]): string[] {
  return [
    `--mqtt-bridge=other=mqtt://127.0.0.1:${to.port}`,
    ...topics.map((topic) => `--mqtt-bridge-topic=other=${topic}`),
  ];
}

test("carries every QoS and RETAIN both ways under the other prefix", { timeout: 60_000 }, async (t) => {
  const far = await new Host(t).start();
  const topics = ["out/# out 2 here/ there/", "in/# in 2 here/ there/"];
  // Nobody but a bridge may publish to here/in/a.
  const users = join(temporaryDirectory(t), "users.toml");
  writeFileSync(
    users,
    '[[users]]\nanonymous = true\npublish = ["here/out/#"]\nsubscribe = ["here/#"]\nmanage = ["$mqtt"]\n',
  );
  const near = await new Host(t, [...bridgeFlags(far, ...topics), `--users-file=${users}`]).start();
  await near.untilConnected();
  for (const [from, to, topic, result] of [
    [near, far, "here/out/a", "there/out/a"],
    [far, near, "there/in/a", "here/in/a"],
  ] as const) {
    const subscriber = new MqttClient(to.port);
    await subscriber.connect("subscriber");
    const options = {
      topicFilter: `${result.split("/")[0]}/#`,
      qos: 2,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 2,
    } as const;
    subscriber.send("SUBSCRIBE", { packetIdentifier: 1, properties: {}, subscriptions: [options] });
    await subscriber.receive("SUBACK");
    const publisher = new MqttClient(from.port);
    await publisher.connect("publisher");
    for (const qos of [0, 1, 2] as const) {
      const properties = { contentType: "text/plain", messageExpiryInterval: 1000 };
      const packetIdentifier = qos === 0 ? 0 : 7;
      publisher.send("PUBLISH", {
        topic,
        payload: Buffer.from(`at ${qos}`),
        qos,
        retain: true,
        dup: false,
        packetIdentifier,
        properties,
      });
      const received = await subscriber.receive("PUBLISH");
      assert.deepEqual(
        [received.topic, received.payload.toString(), received.qos, received.retain, received.properties.contentType],
        [result, `at ${qos}`, qos, true, "text/plain"],
      );
      assert.ok(received.properties.messageExpiryInterval! > 900);
    }
    publisher.destroy();
    subscriber.destroy();
  }
});

test("ends a loop of two bridges", { timeout: 60_000 }, async (t) => {
  const one = await new Host(t).start();
  const other = await new Host(t, bridgeFlags(one, "# both 1")).start();
  await other.untilConnected();
  await one.server.stop();
  const flags = bridgeFlags(other, "# both 1");
  const back = new Host(t, [...flags, `--mqtt-listen=127.0.0.1:${one.port}`]);
  await back.start();
  await back.untilConnected();
  await other.untilConnected();
  const client = new MqttClient(back.port);
  await client.connect("publisher");
  await client.publish("a", "once");
  await sleep(300);
  const settled = await other.bridge();
  await sleep(300);
  const later = await other.bridge();
  assert.deepEqual([later["in"], later["out"]], [settled["in"], settled["out"]]);
  client.destroy();
});

test("keeps what is to go out while the other broker is away", { timeout: 60_000 }, async (t) => {
  const far = await new Host(t).start();
  const collector = new Collector(far.port, "#");
  await collector.subscribe();
  await far.server.stop();
  const near = await new Host(t, bridgeFlags(far, "# out 1")).start();
  const sender = new Sender(near.port, "early", 1);
  await until(() => sender.acknowledged.size >= 100);
  await sender.stop();
  assert.ok(Number((await near.bridge())["queued"]) >= 100);
  await near.server.kill();
  await near.start();
  await far.start();
  await collector.collect();
  assert.ok(await until(() => collector.judge("early", sender).lost.length === 0), near.server.output());
  collector.destroy();
});

test("loses no QoS 1 and repeats no QoS 2 when either side is killed", { timeout: 300_000 }, async (t) => {
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  const far = await new Host(t).start();
  const near = await new Host(t, bridgeFlags(far, "out/# out 2", "in/# in 2")).start();
  const hosts = [near, far];
  const ends = [
    { from: near, to: far, prefix: "out" },
    { from: far, to: near, prefix: "in" },
  ].map(({ from, to, prefix }) => ({
    collector: new Collector(to.port, `${prefix}/#`),
    senders: ([1, 2] as const).map((qos) => ({ qos, topic: `${prefix}/${qos}`, port: from.port })),
  }));
  for (const { collector } of ends) await collector.subscribe();
  const running = ends.map(({ collector, senders }) => ({
    collector,
    senders: senders.map(({ qos, topic, port }) => ({ qos, topic, sender: new Sender(port, topic, qos) })),
  }));
  for (let kill = 0; kill < killsWanted; kill++) {
    await sleep(200 + chance.below(800));
    const host = hosts[kill % 2]!;
    await host.server.kill();
    await sleep(chance.below(300));
    await host.start();
  }
  await near.untilConnected();
  for (const { senders } of running) for (const { sender } of senders) await sender.stop();
  for (const { collector, senders } of running) {
    await collector.collect();
    for (const { topic, sender } of senders)
      await until(() => collector.judge(topic, sender).lost.length === 0, 30_000);
    await sleep(300);
    for (const { topic, sender, qos } of senders) {
      const { lost, repeated } = collector.judge(topic, sender);
      t.diagnostic(
        `${topic}: ${sender.acknowledged.size} acknowledged, ${sender.uncertain.size} unknown, ${repeated.length} repeated`,
      );
      assert.equal(lost.length, 0, `${topic} lost ${lost.slice(0, 20)}`);
      if (qos === 2) assert.equal(repeated.length, 0, `${topic} repeated ${repeated.slice(0, 20)}`);
    }
    collector.destroy();
  }
});
