/**
 * kill -9, again and again, under MQTT sessions that outlive their connections. Clients of `small-mqtt.ts` keep their side of the
 * sessions over the kills; at the end it is counted:
 *
 *     QoS 1      every message with a PUBACK has been received
 *     QoS 2      every message with a PUBREC has been received, and none twice
 *     delayed    every message to `$delayed/` with a PUBACK has been received
 *     sessions   are there at each connect after the first, with their subscriptions
 *
 *     POLYLOG_MQTT_KILL_ROUNDS=1000   rounds; default 40 where CI=true, otherwise 8
 *     POLYLOG_SEED=1234               repeats the schedule of a run; the test prints its seed
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { prepareServer, seededChance, temporaryDirectory } from "@polylog/testkit";
import { SmallPublisher, SmallSubscriber } from "./small-mqtt.ts";

const roundsWanted = Number(process.env["POLYLOG_MQTT_KILL_ROUNDS"] ?? (process.env["CI"] === "true" ? 40 : 8));
const drainMsMax = 60_000;

/** Topic and QoS of each publisher's messages. */
const topics = [["once-or-more", 1] as const, ["exactly-once", 2] as const, ["delayed", 1] as const];

test(`sessions lose and double nothing in ${roundsWanted} kills`, { timeout: 280_000 }, async (t) => {
  const chance = seededChance();
  t.diagnostic(`POLYLOG_SEED=${chance.seed}`);
  const options = {
    dataDir: temporaryDirectory(t),
    flags: ["--mqtt-max-queued-messages=1000000", "--log-sync-interval=20ms"],
  };
  let prepared = prepareServer(options);
  t.after(() => prepared.discard());
  const next = () => {
    const started = prepared.start();
    prepared = prepareServer(options);
    return started;
  };

  const publishers = [
    new SmallPublisher("one", 1, () => "once-or-more"),
    new SmallPublisher("two", 2, () => "exactly-once"),
    new SmallPublisher("later", 1, (number) => `$delayed/${number % 2}/delayed`),
  ];
  const subscribers = [new SmallSubscriber("always", topics), new SmallSubscriber("sometimes", topics)];
  const clients = [...subscribers, ...publishers];
  t.after(() => {
    for (const client of clients) client.close();
  });

  for (let round = 0; round < roundsWanted; round++) {
    const server = await next();
    for (const [index, subscriber] of subscribers.entries())
      if (index === 0 || !subscriber.isReady || chance.below(3) > 0) subscriber.connect(server.listeners.mqtt.port);
    for (let waitedMs = 0; !subscribers.every(({ isReady }) => isReady) && waitedMs < 20_000; waitedMs += 5)
      await sleep(5);
    for (const publisher of publishers) publisher.connect(server.listeners.mqtt.port);
    await sleep(20 + chance.below(250));
    await server.kill();
    for (const client of clients) client.close();
  }

  const server = await next();
  for (const publisher of publishers) publisher.pause();
  for (const client of clients) client.connect(server.listeners.mqtt.port);
  const missing = () => notReceived(publishers, subscribers);
  const isDone = () => publishers.every(({ isIdle }) => isIdle) && missing().length === 0;
  for (let waitedMs = 0; !isDone() && waitedMs < drainMsMax; waitedMs += 20) await sleep(20);
  assert.deepEqual(missing().slice(0, 10), []);
  assert.ok(
    publishers.every(({ isIdle }) => isIdle),
    "publishers were not answered",
  );
  for (const { clientId, counts } of subscribers)
    assert.deepEqual(
      [...counts.get("exactly-once")!].filter(([, count]) => count > 1),
      [],
      clientId,
    );
  assert.deepEqual(
    clients.flatMap(({ faults }) => faults),
    [],
  );
  t.diagnostic(
    publishers.map(({ clientId, acknowledged }) => `${clientId}: ${acknowledged.size} acknowledged`).join(", "),
  );
  assert.equal(await server.stop(), 0, server.output());
});

/** What a publisher was told that the server has, and a subscriber did not get. */
function notReceived(publishers: readonly SmallPublisher[], subscribers: readonly SmallSubscriber[]): string[] {
  const missing: string[] = [];
  for (const { clientId, counts } of subscribers)
    for (const [index, [topic]] of topics.entries())
      for (const number of publishers[index]!.acknowledged)
        if (!counts.get(topic)!.has(number)) missing.push(`${clientId}: ${topic} ${number}`);
  return missing;
}
