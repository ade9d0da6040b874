/**
 * Messages through the broker, no sockets: publish to a live subscriber, publish to a captured topic, produce to a log.
 *
 *     npm run bench -- broker
 */

import { systemClock } from "@polylog/base/clock";
import { Publication, type Subscriber, Subscription } from "./publication.ts";
import { startBrokerInMemory } from "./testing/memory-broker.ts";

const smoke = process.argv.includes("--smoke");
const messageCount = smoke ? 5_000 : 3_000_000;
const messagesPerTurn = 500;
const payload = Buffer.alloc(64, 0x61);
const waiter = { onDurable: () => undefined };

/** Runs `once` for every message, in turns of the loop as sockets would bring them. */
async function measure(name: string, once: () => void, canGoOn: () => boolean = () => true): Promise<void> {
  const startedAtMs = performance.now();
  for (let done = 0; done < messageCount; ) {
    if (canGoOn()) for (let i = 0; i < messagesPerTurn; i++, done++) once();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  process.stdout.write(`${name}: ${(messageCount / seconds / 1e6).toFixed(2)} M messages/s\n`);
}

async function main(): Promise<void> {
  const broker = await startBrokerInMemory(systemClock, { captures: [{ log: "captured", filter: "captured/#" }] });
  let delivered = 0;
  const subscriber: Subscriber = { onPublication: () => void delivered++ };
  broker.router.subscribe("live/+", subscriber, new Subscription(subscriber, "live/+", { qos: 0 }));
  const publication = new Publication();
  publication.payload = payload;
  publication.payloadEnd = payload.length;
  const publishTo = (topic: string) => {
    const bytes = Buffer.from(topic);
    return () => {
      publication.begin(broker.router.resolve(bytes, 0, bytes.length));
      broker.publish(publication, waiter, 0);
    };
  };
  await measure("publish to 1 live subscriber", publishTo("live/1"));
  const captured = broker.catalog.require("captured");
  await measure("publish to a captured topic", publishTo("captured/1"), () => !captured.partitions[0]!.saturated);
  const log = broker.catalog.ensure("produced");
  const produce = () => void broker.produce(log, payload, 0, payload.length, waiter, 0);
  await measure("produce to a log", produce, () => !log.partitions[0]!.saturated);
  if (delivered !== messageCount) throw new Error(`delivered ${delivered} of ${messageCount}`);
  await broker.stop();
}

await main();
