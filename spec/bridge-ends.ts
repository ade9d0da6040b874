/** The two ends of a bridge under test: who publishes numbers at one broker, and who counts what arrived at another. */

import { setTimeout as sleep } from "node:timers/promises";
import { MqttClient } from "./mqtt-client.ts";

type Qos = 0 | 1 | 2;

const forGood = 0xffff_ffff;

/** Publishes 1, 2, 3 … to a topic, one after the other, whatever becomes of the broker meanwhile. */
export class Sender {
  readonly acknowledged = new Set<number>();
  /** Sent when the connection ended: it may have arrived. */
  readonly uncertain = new Set<number>();
  readonly #port: number;
  readonly #topic: string;
  readonly #qos: Qos;
  #next = 1;
  #stopped = false;
  #client: MqttClient | undefined;
  readonly #done: Promise<void>;

  constructor(port: number, topic: string, qos: Qos) {
    this.#port = port;
    this.#topic = topic;
    this.#qos = qos;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const client = new MqttClient(this.#port);
      this.#client = client;
      try {
        await client.connect(`sender of ${this.#topic}`);
        while (!this.#stopped) await this.#send(client);
      } catch {
        await sleep(20);
      }
      client.destroy();
    }
  }

  async #send(client: MqttClient): Promise<void> {
    const number = this.#next++;
    this.uncertain.add(number);
    const payload = Buffer.from(String(number));
    const packetIdentifier = (number % 65_535) + 1;
    const fields = { qos: this.#qos, retain: false, dup: false, packetIdentifier, properties: {} };
    client.send("PUBLISH", { topic: this.#topic, payload, ...fields });
    if (this.#qos === 1) await client.receive("PUBACK");
    else {
      await client.receive("PUBREC");
      client.send("PUBREL", { packetIdentifier, reasonCode: 0, properties: {} });
      await client.receive("PUBCOMP");
    }
    this.uncertain.delete(number);
    this.acknowledged.add(number);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.race([this.#done, sleep(500)]);
    this.#client?.destroy();
    await this.#done;
  }
}

/** A session at a broker in which everything that matches waits, until it is looked at. */
export class Collector {
  /** How often each number came, by topic. */
  readonly counts = new Map<string, Map<number, number>>();
  readonly #port: number;
  readonly #filter: string;
  #client: MqttClient | undefined;

  constructor(port: number, filter: string) {
    this.#port = port;
    this.#filter = filter;
  }

  async subscribe(): Promise<void> {
    const client = new MqttClient(this.#port);
    await client.connect("collector", { properties: { sessionExpiryInterval: forGood } });
    const options = { qos: 2, noLocal: false, retainAsPublished: true, retainHandling: 2 } as const;
    const subscriptions = [{ ...options, topicFilter: this.#filter }];
    client.send("SUBSCRIBE", { packetIdentifier: 1, properties: {}, subscriptions });
    await client.receive("SUBACK");
    client.destroy();
  }

  /** Takes all that waits and comes, until `destroy`. */
  async collect(): Promise<void> {
    const client = new MqttClient(this.#port);
    this.#client = client;
    await client.connect("collector", { cleanStart: false, properties: { sessionExpiryInterval: forGood } });
    void this.#pump(client).catch(() => undefined);
  }

  async #pump(client: MqttClient): Promise<void> {
    for (;;) {
      const packet = await client.receiveAny();
      if (packet.name === "PUBREL") {
        const { packetIdentifier } = packet.value;
        client.send("PUBCOMP", { packetIdentifier, reasonCode: 0, properties: {} });
      } else if (packet.name === "PUBLISH") {
        const { topic, payload, qos, packetIdentifier } = packet.value;
        const counts = this.counts.get(topic) ?? new Map<number, number>();
        this.counts.set(topic, counts);
        const number = Number(payload.toString());
        counts.set(number, (counts.get(number) ?? 0) + 1);
        if (qos > 0) client.send(qos === 1 ? "PUBACK" : "PUBREC", { packetIdentifier, reasonCode: 0, properties: {} });
      }
    }
  }

  /** Of `sender`'s numbers: those that are missing, and those that came more often than once. */
  judge(topic: string, sender: Sender): { readonly lost: readonly number[]; readonly repeated: readonly number[] } {
    const counts = this.counts.get(topic) ?? new Map<number, number>();
    const lost = [...sender.acknowledged].filter((number) => !counts.has(number));
    const repeated = [...counts].filter(([, count]) => count > 1).map(([number]) => number);
    return { lost, repeated };
  }

  destroy(): void {
    this.#client?.destroy();
  }
}

/** Until it is so, or the time is up. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<boolean> {
  for (const endMs = performance.now() + withinMs; performance.now() < endMs; await sleep(50))
    if (await condition()) return true;
  return false;
}
