/**
 * Random schedules against a model of what a session owes its client: every message that was acknowledged to its publisher
 * comes, QoS 2 once, QoS 1 at least once, in order; over dropped connections, take-overs, restarts and crashes.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DurableServer } from "./testing/durable-server.ts";
import type { MemoryClient5 } from "./testing/memory-client5.ts";

const lasting = { cleanStart: false, properties: { sessionExpiryInterval: 1_000_000, receiveMaximum: 3 } };

type Step =
  | { readonly type: "publish"; readonly qos: 1 | 2; readonly repeat: boolean }
  | { readonly type: "answer"; readonly count: number }
  | { readonly type: "connect" | "drop" | "restart" | "crash" };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("publish" as const), qos: fc.constantFrom(1, 2), repeat: fc.boolean() }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("answer" as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom("connect" as const, "drop" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("restart" as const, "crash" as const) }) },
);

/** A well-behaved receiver: takes QoS 1 when it comes, and QoS 2 once per identifier until PUBREL. */
class Receiver {
  readonly taken: { text: string; qos: number }[] = [];
  readonly #held = new Set<number>();
  #due: (() => Promise<void>)[] = [];
  client: MemoryClient5 | undefined;

  lose(): void {
    this.client = undefined;
    this.#due = [];
  }

  read(): void {
    const { client } = this;
    for (const { name, value } of client?.packets() ?? []) {
      assert.notEqual(name, "DISCONNECT");
      if (name === "PUBREL") {
        this.#due.push(async () => {
          this.#held.delete(value.packetIdentifier);
          await client!.ack("PUBCOMP", value.packetIdentifier);
        });
      }
      if (name !== "PUBLISH") continue;
      const { qos, packetIdentifier } = value;
      if (qos === 1 || !this.#held.has(packetIdentifier)) this.taken.push({ text: value.payload.toString(), qos });
      if (qos === 2) this.#held.add(packetIdentifier);
      this.#due.push(() => client!.ack(qos === 1 ? "PUBACK" : "PUBREC", packetIdentifier));
    }
    assert.ok(this.#due.length <= 6, "the Receive Maximum is kept");
  }

  async answer(count: number): Promise<void> {
    for (const each of this.#due.splice(0, count)) await each();
  }
}

async function run(schedule: readonly Step[]): Promise<void> {
  const durable = await DurableServer.start();
  const receiver = new Receiver();
  const published: { text: string; qos: number }[] = [];
  const connect = async (): Promise<void> => {
    receiver.lose();
    const client = durable.server.open5();
    await client.connect("s", lasting);
    await durable.server.run();
    receiver.client = client;
    receiver.read();
  };
  let publisher = await durable.server.connect5("p", lasting);
  let nextIdentifier = 1;
  await connect();
  await receiver.client!.subscribe("t", { qos: 2 });
  await durable.server.run();
  for (const step of schedule) {
    if (step.type === "publish") {
      const [text, packetIdentifier] = [`${published.length}`, nextIdentifier++];
      const fields = { qos: step.qos, packetIdentifier };
      await publisher.publish("t", text, fields);
      if (step.qos === 2 && step.repeat) await publisher.publish("t", text, { ...fields, dup: true });
      await durable.server.run();
      if (step.qos === 2) await publisher.ack("PUBREL", packetIdentifier);
      await durable.server.run();
      assert.ok(publisher.names().includes(step.qos === 1 ? "PUBACK" : "PUBCOMP"));
      published.push({ text, qos: step.qos });
    } else if (step.type === "answer") {
      receiver.read();
      await receiver.answer(step.count);
      await durable.server.run();
    } else if (step.type === "connect") {
      receiver.read();
      await connect();
    } else if (step.type === "drop") {
      receiver.read();
      receiver.client?.stream.disconnect();
      receiver.lose();
    } else {
      receiver.read();
      receiver.lose();
      await durable[step.type]();
      publisher = durable.server.open5();
      await publisher.connect("p", lasting);
      publisher.packets();
    }
    receiver.read();
  }
  await connect();
  for (let i = 0; i < 2 * published.length + 20; i++) {
    receiver.read();
    await receiver.answer(3);
    await durable.server.run();
  }
  check(published, receiver.taken);
  assert.equal([...durable.server.server.clients()].find(({ clientId }) => clientId === "s")?.queuedCount, 0);
}

function check(
  published: readonly { text: string; qos: number }[],
  taken: readonly { text: string; qos: number }[],
): void {
  for (const qos of [1, 2]) {
    const expected = published.filter((each) => each.qos === qos).map(({ text }) => text);
    const seen = taken.filter((each) => each.qos === qos).map(({ text }) => text);
    if (qos === 2) assert.deepEqual(seen, expected);
    else assert.deepEqual([...new Set(seen)], expected); // In the order of the first time each came.
  }
}

test("MQTT-4.3.2-3 v5, MQTT-4.3.3-6 v5, MQTT-4.6.0-6 v5: owes its client what the model says", {
  timeout: 60_000,
}, async () => {
  await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 40 }), run), {
    numRuns: 40,
    interruptAfterTimeLimit: 20_000,
  });
});
